//! One order: what we sent and what the recruiter says, side by side; and what a person makes of it when nobody
//! knows whether it came about.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect};
use chrono::{DateTime, Utc};
use serde_json::json;
use sqlx::PgConnection;
use uuid::Uuid;

use super::person::state_words;
use crate::app::App;
use crate::audit;
use crate::labs::LabId;
use crate::participation;
use crate::payments::by_hand::{self, Choice, Look, SettleError};
use crate::payments::{self, Kind, Order, OrderState};
use crate::studies::{self, Study};
use crate::web::error::{Error, WebResult};
use crate::web::forms::Form;
use crate::web::guard::{Editor, Member, Owned, Row, Viewer};
use crate::web::page::{Layout, show, show_as};
use crate::web::session::{self, Tone};
use crate::web::studies::{page::layout, path, words};

impl Owned for Order {
    const PARAM: &'static str = "order";

    async fn load(conn: &mut PgConnection, lab: LabId, id: Uuid) -> sqlx::Result<Option<Self>> {
        payments::store::find(conn, lab, payments::OrderId(id)).await
    }
}

#[derive(Template)]
#[template(path = "review/order.html")]
struct OrderPage {
    layout: Layout,
    path: String,
    order: Order,
    pseudonym: String,
    look: Look,
    may_edit: bool,
    form: Form,
    now: DateTime<Utc>,
}

impl OrderPage {
    /// The choices with what each means, for the radio buttons.
    fn choices(&self) -> [(&'static str, &'static str, &'static str); 3] {
        let words = |choice: Choice| match choice {
            Choice::Happened => ("It came about: book it", "Our books take it over. Nothing is sent."),
            Choice::Again if self.order.kind != Kind::Bonus || self.order.token_alive(self.now) => (
                "It did not: send it again",
                "The recruiter knows a repeat as such: should it have arrived after all, it happens once.",
            ),
            Choice::Again => (
                "It did not: send it again",
                "It goes out under a new token. If the first attempt did arrive after all, it happens twice.",
            ),
            Choice::GiveUp => {
                ("It did not: give up", "The order ends as refused, and its money is free again.")
            }
        };
        Choice::ALL.map(|choice| (choice.as_str(), words(choice).0, words(choice).1))
    }

    fn unknown(&self) -> bool {
        self.order.state == OrderState::Unknown
    }

    fn state(&self) -> &'static str {
        state_words(self.order.kind, self.order.state)
    }

    fn away(&self, at: &DateTime<Utc>) -> String {
        words::away(*at, self.now)
    }
}

/// `GET /labs/{lab}/orders/{order}`: asks the recruiter; changes nothing.
///
/// # Errors
/// When the database does not answer.
pub async fn page(State(app): State<App>, Row(viewer, order): Row<Viewer, Order>) -> WebResult {
    let look = by_hand::look(&app, &order).await;
    show(&load(&app, &viewer, order, look, Form::new()).await?)
}

async fn load(app: &App, member: &Member, order: Order, look: Look, form: Form) -> WebResult<OrderPage> {
    let mut conn = app.pool.acquire().await?;
    let study = study(&mut conn, &order).await?;
    let row = participation::store::get(&mut conn, order.participation_id).await?;
    drop(conn);
    Ok(OrderPage {
        layout: layout(member, &study, format!("An order of {}", study.name)).await?,
        path: path(&study),
        pseudonym: row.map(|row| row.pseudonym).unwrap_or_default(),
        may_edit: member.may_edit(),
        now: app.clock.now(),
        order,
        look,
        form,
    })
}

async fn study(conn: &mut PgConnection, order: &Order) -> WebResult<Study> {
    studies::store::find(conn, order.lab_id, order.study_id).await?.ok_or(Error::NotFound)
}

/// `POST /labs/{lab}/orders/{order}`: settles it as a person says.
///
/// # Errors
/// When the database does not answer.
pub async fn settle(
    State(app): State<App>,
    Row(editor, order): Row<Editor, Order>,
    mut form: Form,
) -> WebResult {
    let choice = Choice::ALL.into_iter().find(|choice| choice.as_str() == form.value("choice"));
    if choice.is_none() {
        form.fail("choice", "Choose what became of it.");
    }
    let wanted = choice.map_or("", Choice::as_str);
    if choice.is_some() && form.value("confirm").trim() != wanted {
        form.fail("confirm", format!("Type “{wanted}” to confirm."));
    }
    let look = by_hand::look(&app, &order).await;
    let (Some(choice), true) = (choice, form.is_valid()) else {
        let page = load(&app, &editor, order, look, form).await?;
        return show_as(StatusCode::UNPROCESSABLE_ENTITY, &page);
    };
    match carry_out(&app, &editor, &order, &form, choice, &look).await {
        Ok(()) => {
            session::flash(&editor.session, Tone::Good, told(choice)).await?;
            Ok(Redirect::to(&format!("/labs/{}/studies/{}/orders", order.lab_id, order.study_id))
                .into_response())
        }
        Err(SettleError::Database(error)) => Err(error.into()),
        Err(error) => {
            form.fail("", error);
            let mut conn = app.pool.acquire().await?;
            let order = payments::store::get(&mut conn, order.id).await?;
            drop(conn);
            show_as(StatusCode::CONFLICT, &load(&app, &editor, order, look, form).await?)
        }
    }
}

async fn carry_out(
    app: &App,
    editor: &Editor,
    order: &Order,
    form: &Form,
    choice: Choice,
    look: &Look,
) -> Result<(), SettleError> {
    by_hand::allowed(choice, look)?;
    // A page without the number is as good as an old one.
    let seen: i32 = form.value("attempt").parse().unwrap_or(-1);
    let now = app.clock.now();
    let mut tx = app.pool.begin().await?;
    by_hand::settle(&mut tx, now, order, seen, choice).await?;
    let entry = audit::Entry::new(order.lab_id.0, editor.account.id.0, "order.settle").about(order.id.0);
    let detail = json!({
        "choice": choice.as_str(), "kind": order.kind.noun(), "amount": order.amount.to_string(),
        "recruiter": look.words,
    });
    audit::record(&mut tx, now, entry.with(detail)).await?;
    tx.commit().await?;
    Ok(())
}

fn told(choice: Choice) -> &'static str {
    match choice {
        Choice::Happened => "The order is booked as done.",
        Choice::Again => "The order is sent again.",
        Choice::GiveUp => "The order is given up; its money is free again.",
    }
}
