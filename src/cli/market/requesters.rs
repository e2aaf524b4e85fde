//! What the operator of a marketplace does about its requesters: make them, pay into their accounts, list them.

use anyhow::{Context, ensure};
use kernel::money::Cents;
use market::Market;
use market::engine::requesters::{self, Account};
use secrecy::ExposeSecret;

/// Makes a requester and prints the key pair, ready to be exported.
pub(super) async fn create(market: &Market, name: &str, balance: Cents, live: bool) -> anyhow::Result<()> {
    let keys = market.create_requester(name, balance).await?;
    market.set_rehearsal(&keys.requester_id, !live).await?;
    println!("AWS_ACCESS_KEY_ID={}", keys.access_key_id);
    println!("AWS_SECRET_ACCESS_KEY={}", keys.secret_access_key.expose_secret());
    Ok(())
}

/// Pays into the account of the requester with this id or access key id, and prints what is in it then.
pub(super) async fn deposit(market: &Market, id: &str, amount: Cents) -> anyhow::Result<()> {
    ensure!(amount.is_positive(), "A deposit is at least a cent.");
    let mut conn = market.pool().acquire().await?;
    let unknown = || format!("There is no requester {id}; --requesters lists them.");
    let requester_id = requesters::named(&mut conn, id).await?.with_context(unknown)?;
    drop(conn);
    market.deposit(&requester_id, amount).await?;
    let balance = market.balance(&requester_id).await?;
    println!("{} available, {} on hold", balance.available, balance.on_hold);
    Ok(())
}

/// Prints every requester, one a line, columns divided by tabs.
pub(super) async fn list(market: &Market) -> anyhow::Result<()> {
    let accounts = requesters::all(&mut *market.pool().acquire().await?).await?;
    println!("requester\taccess keys\tavailable\ton hold\tkind\tname");
    for account in accounts {
        println!("{}", line(&account));
    }
    Ok(())
}

fn line(account: &Account) -> String {
    let Account { requester_id, name, access_keys, available, on_hold, rehearsal } = account;
    let (keys, kind) = (access_keys.join(","), if *rehearsal { "rehearsal" } else { "live" });
    // A name may hold anything; it comes last, on one line.
    let name: String = name.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    format!("{requester_id}\t{keys}\t{available}\t{on_hold}\t{kind}\t{name}")
}
