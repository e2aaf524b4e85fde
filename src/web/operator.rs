//! The server's own page, for whoever runs it: who has an account, and links to make more.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect};
use uuid::Uuid;

use super::error::WebResult;
use super::forms::Form;
use super::guard::Operator;
use super::page::{Layout, show};
use super::session::{self, Tone};
use crate::accounts::{self, Account, AccountId};
use crate::app::App;
use crate::config::SignUp;
use crate::labs::invitations;
use crate::ledger::pause::{self, Pause};
use crate::{audit, jobs, payments, studies};

#[derive(Template)]
#[template(path = "operator.html")]
struct OperatorPage {
    layout: Layout,
    me: AccountId,
    accounts: Vec<Account>,
    links: Vec<String>,
    sign_up: &'static str,
    pause: Option<Pause>,
}

/// `GET /operator`
///
/// # Errors
/// When the database does not answer.
pub async fn page(State(app): State<App>, Operator(person): Operator) -> WebResult {
    let mut conn = app.pool.acquire().await?;
    let accounts = accounts::all(&mut conn).await?;
    let pending = invitations::pending(&mut conn, app.clock.now(), None).await?;
    let pause = pause::in_force(&mut conn, None).await?.into_iter().next();
    let link = |invitation: &invitations::Invitation| {
        let token = invitations::token(&app.config.keyring, invitation.id);
        app.config.absolute(&format!("/signup?invitation={token}"))
    };
    let sign_up = match app.config.sign_up {
        SignUp::Open => "Anybody can make an account.",
        SignUp::Invite => "New accounts need an invitation link.",
        SignUp::Closed => "New accounts cannot be made.",
    };
    let links = pending.iter().map(link).collect();
    let layout = Layout::of(&person, "This server").await?;
    show(&OperatorPage { layout, me: person.account.id, accounts, links, sign_up, pause })
}

/// `POST /operator/invitations`
///
/// # Errors
/// When the database does not answer.
pub async fn invite(State(app): State<App>, Operator(person): Operator) -> WebResult {
    let mut tx = app.pool.begin().await?;
    invitations::invite(&mut tx, app.clock.now(), &app.config.keyring, person.account.id, None).await?;
    tx.commit().await?;
    let words = "Give the link below to one person. It is good once, within seven days.";
    session::flash(&person.session, Tone::Good, words).await?;
    Ok(Redirect::to("/operator").into_response())
}

/// `POST /operator/money`: the big red button for every lab, and letting go again.
///
/// # Errors
/// When the database does not answer.
pub async fn set_money(State(app): State<App>, Operator(person): Operator, mut form: Form) -> WebResult {
    let (now, by) = (app.clock.now(), person.account.id.0);
    let mut tx = app.pool.begin().await?;
    let (changed, action, words) = if form.checked("pause") {
        let why = form.text("words", 0..=200);
        let begun = pause::begin(&mut tx, now, None, by, &why).await?;
        (begun, "server.pause", "Money is paused for every lab of this server.")
    } else {
        (pause::end(&mut tx, None).await?, "server.resume", "Money goes on.")
    };
    if changed {
        audit::record(&mut tx, now, audit::Entry::personal(by, action)).await?;
        jobs::wake(&mut tx, payments::payer::NAME).await?;
        jobs::wake(&mut tx, studies::publisher::NAME).await?;
    }
    tx.commit().await?;
    session::flash(&person.session, Tone::Note, words).await?;
    Ok(Redirect::to("/operator").into_response())
}

/// `POST /operator/accounts/{account}`
///
/// # Errors
/// When the database does not answer.
pub async fn set_operator(
    State(app): State<App>,
    Operator(person): Operator,
    Path(account): Path<Uuid>,
    form: Form,
) -> WebResult {
    let operator = form.checked("operator");
    let mut tx = app.pool.begin().await?;
    let done =
        accounts::set_operator(&mut tx, app.clock.now(), person.account.id, AccountId(account), operator)
            .await?;
    tx.commit().await?;
    match (done, operator) {
        (true, true) => {
            session::flash(&person.session, Tone::Good, "This person runs the server too.").await?
        }
        (true, false) => session::flash(&person.session, Tone::Note, "Not an operator any more.").await?,
        (false, _) => session::flash(&person.session, Tone::Bad, "A server needs an operator.").await?,
    }
    Ok(Redirect::to("/operator").into_response())
}
