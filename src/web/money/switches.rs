//! What editors do about money: pause it, let it go on, decide about what waits.

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect};
use serde_json::json;
use uuid::Uuid;

use crate::app::App;
use crate::audit::{self, Entry};
use crate::jobs;
use crate::ledger::pause as pauses;
use crate::payments::amnesia::{self, Answer};
use crate::payments::confirm::{self as second, ConfirmError, ConfirmationId};
use crate::payments::{OrderId, payer};
use crate::studies::publisher::{self, strays};
use crate::web::error::{Error, WebResult};
use crate::web::forms::Form;
use crate::web::guard::{Editor, Member};
use crate::web::session::{self, Tone};

async fn back(member: &Member, tone: Tone, words: &str) -> WebResult {
    session::flash(&member.session, tone, words).await?;
    Ok(Redirect::to(&format!("/labs/{}/money", member.lab.id)).into_response())
}

fn entry(member: &Member, action: &'static str) -> Entry {
    Entry::new(member.lab.id.0, member.account.id.0, action)
}

/// `POST /labs/{lab}/money/pause`
///
/// # Errors
/// When the database does not answer.
pub async fn pause(State(app): State<App>, editor: Editor, mut form: Form) -> WebResult {
    let words = form.text("words", 0..=200);
    let now = app.clock.now();
    let mut tx = app.pool.begin().await?;
    if pauses::begin(&mut tx, now, Some(editor.lab.id.0), editor.account.id.0, &words).await? {
        audit::record(&mut tx, now, entry(&editor, "money.pause").with(json!({ "words": words }))).await?;
    }
    tx.commit().await?;
    back(&editor, Tone::Note, "Money is paused. What was being sent at this moment is finished.").await
}

/// `POST /labs/{lab}/money/resume`
///
/// # Errors
/// When the database does not answer.
pub async fn resume(State(app): State<App>, editor: Editor) -> WebResult {
    let mut tx = app.pool.begin().await?;
    if pauses::end(&mut tx, Some(editor.lab.id.0)).await? {
        audit::record(&mut tx, app.clock.now(), entry(&editor, "money.resume")).await?;
        jobs::wake(&mut tx, payer::NAME).await?;
        jobs::wake(&mut tx, publisher::NAME).await?;
    }
    tx.commit().await?;
    back(&editor, Tone::Good, "Money goes on.").await
}

/// `POST /labs/{lab}/money/waiting/{confirmation}`: the second person's word.
///
/// # Errors
/// When it is the first person's, somebody was faster, or the database does not answer.
pub async fn confirm(
    State(app): State<App>,
    editor: Editor,
    Path((_, id)): Path<(Uuid, Uuid)>,
    form: Form,
) -> WebResult {
    let now = app.clock.now();
    let mut tx = app.pool.begin().await?;
    let (lab, by) = (editor.lab.id, editor.account.id);
    if !second::waiting(&mut tx, lab).await?.iter().any(|one| one.id == ConfirmationId(id)) {
        return Err(Error::NotFound);
    }
    let yes = match form.value("answer") {
        "confirm" => true,
        "decline" => false,
        _ => return Err(Error::BadRequest("Confirm or decline.")),
    };
    let one = match second::decide(&mut tx, now, lab, ConfirmationId(id), by, yes).await {
        Ok(one) => one,
        Err(ConfirmError::Database(error)) => return Err(error.into()),
        Err(ConfirmError::Gone) => return Err(Error::NotFound),
        Err(error) => return Err(Error::Conflict(error.to_string())),
    };
    let action = if yes { "money.confirm" } else { "money.decline" };
    let detail = json!({ "name": one.study, "total": one.total.to_string(), "asked_by": one.asked_by_name });
    audit::record(&mut tx, now, entry(&editor, action).about(id).with(detail)).await?;
    tx.commit().await?;
    let words =
        if yes { "Confirmed: the orders are being sent." } else { "Declined: nothing of it is sent." };
    back(&editor, Tone::Good, words).await
}

/// `POST /labs/{lab}/money/held/{order}`: what a person says about a held bonus.
///
/// # Errors
/// When it is not held any more, or the database does not answer.
pub async fn answer(
    State(app): State<App>,
    editor: Editor,
    Path((_, id)): Path<(Uuid, Uuid)>,
    form: Form,
) -> WebResult {
    let now = app.clock.now();
    let mut tx = app.pool.begin().await?;
    if !amnesia::held(&mut tx, editor.lab.id).await?.iter().any(|one| one.id == OrderId(id)) {
        return Err(Error::NotFound);
    }
    let said = match form.value("answer") {
        "pay" => Answer::PayToo,
        "drop" => Answer::Drop,
        "same" => Answer::Same,
        _ => return Err(Error::BadRequest("Say what is to become of this bonus.")),
    };
    let order = amnesia::answer(&mut tx, now, editor.lab.id, OrderId(id), said).await?;
    let order = order.ok_or(Error::NotFound)?;
    let detail = json!({ "answer": form.value("answer"), "amount": order.amount.to_string() });
    audit::record(&mut tx, now, entry(&editor, "money.held").about(id).with(detail)).await?;
    tx.commit().await?;
    let words = match said {
        Answer::Same => "It counts as paid.",
        Answer::PayToo => "It is being paid as well.",
        Answer::Drop => "It is not paid.",
    };
    back(&editor, Tone::Good, words).await
}

/// `POST /labs/{lab}/money/strays`: somebody has looked at the unknown HITs.
///
/// # Errors
/// When the database does not answer.
pub async fn strays_seen(State(app): State<App>, editor: Editor) -> WebResult {
    let now = app.clock.now();
    let mut tx = app.pool.begin().await?;
    let count = strays::seen(&mut tx, editor.lab.id, editor.account.id, now).await?;
    audit::record(&mut tx, now, entry(&editor, "money.strays").with(json!({ "count": count }))).await?;
    tx.commit().await?;
    back(&editor, Tone::Note, "Noted. They stay at the recruiter as they are.").await
}
