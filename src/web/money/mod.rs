//! The lab's money: what is set aside, owed and paid, what waits for a person, and what stops it.

pub mod settings;
pub mod switches;

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use kernel::money::Cents;

use super::error::WebResult;
use super::forms::Form;
use super::guard::{Member, Viewer};
use super::page::{Layout, Nav, show_as};
use super::studies::bar::{self, Bar};
use crate::app::App;
use crate::labs::Lab;
use crate::ledger::pause::{self, Pause};
use crate::ledger::store::{self, Sums};
use crate::ledger::{caps, caps::Cap};
use crate::payments::amnesia::{self, Held};
use crate::payments::confirm::{self, Waiting};
use crate::payments::reconcile::moved::{self, CatchingUp};
use crate::payments::standstill::{self, Standstill};
use crate::studies::publisher::strays::{self, Stray};

#[derive(Template)]
#[template(path = "money/page.html")]
struct MoneyPage {
    layout: Layout,
    path: String,
    lab: Lab,
    may_edit: bool,
    is_owner: bool,
    me: crate::accounts::AccountId,
    pauses: Vec<Pause>,
    catching_up: Option<CatchingUp>,
    standing: Vec<Standstill>,
    waiting: Vec<Waiting>,
    held: Vec<Held>,
    strays: Vec<Stray>,
    books: Vec<BookCard>,
    studies: Vec<Sums>,
    form: Form,
    /// The fields of the limits: name and label.
    environments: Vec<(String, String)>,
}

/// A connection's book as it is shown.
struct BookCard {
    sums: Sums,
    bar: Bar,
    /// The lab's limit for this environment and what is left of it, all connections together.
    cap: Option<(Cents, Cents)>,
}

/// `GET /labs/{lab}/money`
///
/// # Errors
/// When the database does not answer.
pub async fn page(State(app): State<App>, viewer: Viewer) -> WebResult {
    let form = settings::stored(&app, &viewer).await?;
    render(&app, &viewer, form, StatusCode::OK).await
}

/// The page with this settings form in it.
async fn render(app: &App, member: &Member, form: Form, status: StatusCode) -> WebResult<Response> {
    let lab = member.lab.id;
    let mut conn = app.pool.acquire().await?;
    let books = store::of_connections(&mut conn, lab.0).await?;
    let caps = caps::of_lab(&mut conn, lab.0).await?;
    let page = MoneyPage {
        path: format!("/labs/{lab}/money"),
        lab: member.lab.clone(),
        may_edit: member.may_edit(),
        is_owner: member.is_owner(),
        me: member.account.id,
        pauses: pause::in_force(&mut conn, Some(lab.0)).await?,
        catching_up: moved::of_lab(&mut conn, lab).await?,
        standing: standstill::of_lab(&mut conn, lab).await?,
        waiting: confirm::waiting(&mut conn, lab).await?,
        held: amnesia::held(&mut conn, lab).await?,
        strays: strays::unseen(&mut conn, lab).await?,
        studies: store::of_studies(&mut conn, lab.0).await?,
        environments: settings::environments(&mut conn, lab)
            .await?
            .into_iter()
            .map(|one| (format!("cap_{one}"), format!("Limit for {one}, $")))
            .collect(),
        books: cards(books, &caps),
        form,
        layout: Layout::in_lab(member, Nav::Money, "Money").await?,
    };
    drop(conn);
    show_as(status, &page)
}

fn cards(books: Vec<Sums>, caps: &[Cap]) -> Vec<BookCard> {
    let alike = |sums: &Sums, cap: &Cap| sums.environment == cap.environment && sums.currency == cap.currency;
    let left = |cap: &Cap| {
        let used: Cents =
            books.iter().filter(|one| alike(one, cap)).map(|one| one.balances().committed()).sum();
        (cap.limit, cap.limit - used)
    };
    let limits: Vec<_> = books.iter().map(|one| caps.iter().find(|cap| alike(one, cap)).map(left)).collect();
    let card = |(sums, cap): (Sums, _)| BookCard { bar: bar::ledger(sums.balances()), sums, cap };
    books.into_iter().zip(limits).map(card).collect()
}
