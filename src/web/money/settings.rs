//! The limits that owners set.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect};
use kernel::money::Cents;
use serde_json::json;
use sqlx::PgConnection;

use crate::app::App;
use crate::audit;
use crate::connections;
use crate::jobs;
use crate::labs::LabId;
use crate::ledger::{caps, store};
use crate::payments::confirm;
use crate::studies::publisher;
use crate::web::error::WebResult;
use crate::web::forms::Form;
use crate::web::guard::{Member, Owner};
use crate::web::session::{self, Tone};

/// How a recruiter may round its fees, and the words for it.
pub(super) const ROUNDINGS: [(&str, &str); 3] = [
    ("half_up", "half a cent up, on the sum"),
    ("half_up_each", "half a cent up, on each part"),
    ("up", "every part of a cent up, on the sum"),
];

/// Every study is paid in it.
const CURRENCY: &str = "USD";

/// The environments that the lab has connections or limits for.
pub(super) async fn environments(conn: &mut PgConnection, lab: LabId) -> WebResult<Vec<String>> {
    let mut all: Vec<String> =
        connections::list(conn, lab).await?.iter().map(|one| one.environment.to_string()).collect();
    all.extend(caps::of_lab(conn, lab.0).await?.into_iter().map(|cap| cap.environment));
    all.sort_unstable();
    all.dedup();
    Ok(all)
}

/// The form as it is stored.
pub(super) async fn stored(app: &App, member: &Member) -> WebResult<Form> {
    let lab = member.lab.id;
    let mut conn = app.pool.acquire().await?;
    let mut form = Form::new().with("fee_rounding", store::fee_rounding(&mut conn, lab.0).await?);
    for cap in caps::of_lab(&mut conn, lab.0).await? {
        form = form.with(&format!("cap_{}", cap.environment), cap.limit);
    }
    if let Some(amount) = confirm::threshold(&mut conn, lab).await? {
        form = form.with("second_person", amount);
    }
    Ok(form)
}

/// `POST /labs/{lab}/money/settings`
///
/// # Errors
/// When the database does not answer.
pub async fn save(State(app): State<App>, owner: Owner, mut form: Form) -> WebResult {
    let lab = owner.lab.id;
    let mut tx = app.pool.begin().await?;
    let mut detail = serde_json::Map::new();
    for environment in environments(&mut tx, lab).await? {
        let name = format!("cap_{environment}");
        let limit = amount(&mut form, &name);
        caps::set(&mut tx, lab.0, &environment, CURRENCY, limit).await?;
        detail.insert(name, json!(limit.map(|cents| cents.to_string())));
    }
    let second = amount(&mut form, "second_person");
    confirm::set_threshold(&mut tx, lab, second).await?;
    detail.insert("second_person".into(), json!(second.map(|cents| cents.to_string())));
    let rounding = match form.value("fee_rounding") {
        word if ROUNDINGS.iter().any(|(name, _)| *name == word) => word.to_owned(),
        _ => {
            form.fail("fee_rounding", "Choose one of them.");
            String::new()
        }
    };
    if !form.is_valid() {
        tx.rollback().await?;
        return super::render(&app, &owner, form, StatusCode::UNPROCESSABLE_ENTITY).await;
    }
    store::set_fee_rounding(&mut tx, lab.0, &rounding).await?;
    detail.insert("fee_rounding".into(), json!(rounding));
    let entry = audit::Entry::new(lab.0, owner.account.id.0, "money.settings").about(lab.0);
    audit::record(&mut tx, app.clock.now(), entry.with(detail.into())).await?;
    jobs::wake(&mut tx, publisher::NAME).await?;
    tx.commit().await?;
    session::flash(&owner.session, Tone::Good, "The limits are set.").await?;
    Ok(Redirect::to(&format!("/labs/{lab}/money")).into_response())
}

/// An amount, or nothing when the field is empty.
fn amount(form: &mut Form, name: &str) -> Option<Cents> {
    let typed = form.value(name).trim().trim_start_matches('$').to_owned();
    if typed.is_empty() {
        return None;
    }
    typed.parse().map_err(|why: kernel::money::AmountError| form.fail(name, format!("{why}."))).ok()
}
