//! Who publishes work, and the key pairs that sign their requests.

use base64::{Engine, engine::general_purpose::STANDARD};
use chrono::{DateTime, Utc};
use kernel::money::Cents;
use kernel::secret::Keyring;
use secrecy::SecretString;
use sqlx::PgConnection;

use super::{Outcome, ids, money};
use crate::RequesterKeys;
use crate::journal::{self, Effect, Note};

/// A key pair as it is stored.
#[derive(Debug)]
pub struct StoredKey {
    /// Whose it is.
    pub requester_id: String,
    /// The sealed secret half.
    pub secret: Vec<u8>,
}

/// Makes a requester with one key pair and `balance` to spend.
///
/// # Errors
/// When Postgres fails.
pub async fn create(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    keyring: &Keyring,
    name: &str,
    balance: Cents,
) -> Outcome<RequesterKeys> {
    let requester_id = ids::person();
    sqlx::query!(
        "insert into market.requester (requester_id, name, created_at) values ($1, $2, $3)",
        requester_id,
        name,
        now,
    )
    .execute(&mut *conn)
    .await?;
    if balance.is_positive() {
        deposit(conn, now, &requester_id, balance).await?;
    }
    Ok(add_key(conn, now, keyring, requester_id).await?)
}

async fn add_key(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    keyring: &Keyring,
    requester_id: String,
) -> sqlx::Result<RequesterKeys> {
    let access_key_id = ids::access_key();
    let secret_access_key = SecretString::from(STANDARD.encode(rand::random::<[u8; 30]>()));
    sqlx::query!(
        "insert into market.access_key (access_key_id, requester_id, secret, created_at) values ($1, $2, $3, $4)",
        access_key_id,
        requester_id,
        keyring.seal(&place(&access_key_id), &secret_access_key),
        now,
    )
    .execute(conn)
    .await?;
    Ok(RequesterKeys { requester_id, access_key_id, secret_access_key })
}

/// Puts money into the requester's account.
///
/// # Errors
/// When there is no such requester, or Postgres fails.
pub async fn deposit(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    requester_id: &str,
    amount: Cents,
) -> Outcome<()> {
    money::deposit(conn, now, requester_id, amount).await?;
    let note = Note { amount: Some(amount), ..Note::default() };
    Ok(journal::record(conn, now, Effect::Deposited, requester_id, note).await?)
}

/// A requester as the operator of the marketplace sees them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Who.
    pub requester_id: String,
    /// What they are called; workers see it.
    pub name: String,
    /// The public halves of their key pairs, oldest first.
    pub access_keys: Vec<String>,
    /// Cents free to spend.
    pub available: Cents,
    /// Cents promised to work that is not reviewed.
    pub on_hold: Cents,
    /// Whether they rehearse with play money.
    pub rehearsal: bool,
}

/// Every requester, oldest first.
///
/// # Errors
/// When Postgres fails.
pub async fn all(conn: &mut PgConnection) -> sqlx::Result<Vec<Account>> {
    sqlx::query_as!(
        Account,
        r#"select requester_id, name, available as "available: Cents", on_hold as "on_hold: Cents", rehearsal,
                  array(select k.access_key_id from market.access_key k
                         where k.requester_id = r.requester_id order by k.created_at, k.access_key_id) as "access_keys!"
             from market.requester r order by created_at, requester_id"#,
    )
    .fetch_all(conn)
    .await
}

/// The id of the requester who has this id or this access key id.
///
/// # Errors
/// When Postgres fails.
pub async fn named(conn: &mut PgConnection, id: &str) -> sqlx::Result<Option<String>> {
    sqlx::query_scalar!(
        r#"select requester_id as "requester_id!" from market.requester where requester_id = $1
            union all select requester_id from market.access_key where access_key_id = $1 limit 1"#,
        id,
    )
    .fetch_optional(conn)
    .await
}

/// The key pair that goes by this public half.
///
/// # Errors
/// When Postgres fails.
pub async fn key(conn: &mut PgConnection, access_key_id: &str) -> sqlx::Result<Option<StoredKey>> {
    sqlx::query_as!(
        StoredKey,
        "select requester_id, secret from market.access_key where access_key_id = $1",
        access_key_id,
    )
    .fetch_optional(conn)
    .await
}

/// Whether the requester rehearses with play money, and so may turn their own clock and mint money.
///
/// # Errors
/// When Postgres fails, or there is no such requester.
pub async fn rehearses(conn: &mut PgConnection, requester_id: &str) -> sqlx::Result<bool> {
    sqlx::query_scalar!("select rehearsal from market.requester where requester_id = $1", requester_id)
        .fetch_one(conn)
        .await
}

/// Decides whether the requester rehearses. Says whether there is such a requester.
///
/// # Errors
/// When Postgres fails.
pub async fn set_rehearsal(
    conn: &mut PgConnection,
    requester_id: &str,
    rehearsal: bool,
) -> sqlx::Result<bool> {
    let set = sqlx::query!(
        "update market.requester set rehearsal = $2 where requester_id = $1",
        requester_id,
        rehearsal
    );
    Ok(set.execute(conn).await?.rows_affected() == 1)
}

/// What a sealed secret is bound to.
pub fn place(access_key_id: &str) -> String {
    format!("market/access_key/{access_key_id}/secret")
}
