//! What each form of the page does: read it, ask the marketplace once, say what came of it.

use axum::extract::State;
use serde_json::json;

use super::typed::{self, Lifting};
use super::{Desk, Done, Part, words};
use crate::app::App;
use crate::connections::Connection;
use crate::recruiters::mturk::rehearsal::{ControlError, Controls, NewFault, RunOrder, Turn};
use crate::web::error::WebResult;
use crate::web::forms::Form;
use crate::web::guard::{Editor, Row};

/// `POST /labs/{lab}/connections/{connection}/rehearsal/clock`
///
/// # Errors
/// Not found unless it is this lab's, and a rehearsal.
pub async fn clock(
    State(app): State<App>,
    Row(editor, connection): Row<Editor, Connection>,
    mut form: Form,
) -> WebResult {
    let desk = Desk::open(&app, &editor, connection).await?;
    let Some(turn) = typed::turn(&mut form) else { return desk.again(Part::Clock, form).await };
    let done = match desk.controls() {
        Ok(controls) => turned(controls, turn).await,
        Err(error) => Err(error),
    };
    desk.told(Part::Clock, form, done).await
}

async fn turned(controls: &Controls, turn: Turn) -> Result<Done, ControlError> {
    let timing = controls.turn(turn).await?;
    Ok(Done {
        action: "rehearsal.clock",
        detail: json!({ "what": words::turn(turn) }),
        words: format!(
            "The market’s clock shows {} UTC and {}.",
            timing.now.format("%-d %b %Y, %H:%M:%S"),
            words::pace(&timing.rate)
        ),
    })
}

/// `POST /labs/{lab}/connections/{connection}/rehearsal/faults`
///
/// # Errors
/// Not found unless it is this lab's, and a rehearsal.
pub async fn order(
    State(app): State<App>,
    Row(editor, connection): Row<Editor, Connection>,
    mut form: Form,
) -> WebResult {
    let desk = Desk::open(&app, &editor, connection).await?;
    let Some(new) = typed::fault(&mut form) else { return desk.again(Part::Faults, form).await };
    let done = match desk.controls() {
        Ok(controls) => ordered(controls, &new).await,
        Err(error) => Err(error),
    };
    desk.told(Part::Faults, form, done).await
}

async fn ordered(controls: &Controls, new: &NewFault) -> Result<Done, ControlError> {
    let fault = controls.order(new).await?;
    let what = format!("{}, {}", words::fault(&fault), words::target(fault.operation.as_deref()));
    Ok(Done {
        action: "rehearsal.fault",
        words: format!("Ordered: {what}."),
        detail: json!({ "what": what }),
    })
}

/// `POST /labs/{lab}/connections/{connection}/rehearsal/faults/lift`
///
/// # Errors
/// Not found unless it is this lab's, and a rehearsal.
pub async fn lift(
    State(app): State<App>,
    Row(editor, connection): Row<Editor, Connection>,
    mut form: Form,
) -> WebResult {
    let desk = Desk::open(&app, &editor, connection).await?;
    let Some(which) = typed::lifting(&mut form) else { return desk.again(Part::Faults, form).await };
    let done = match desk.controls() {
        Ok(controls) => lifted(controls, which).await,
        Err(error) => Err(error),
    };
    desk.told(Part::Faults, form, done).await
}

async fn lifted(controls: &Controls, which: Lifting) -> Result<Done, ControlError> {
    let count = match which {
        Lifting::One(id) => controls.lift(id).await.map(|()| 1)?,
        Lifting::All => controls.lift_all().await?,
    };
    let what = words::faults(count);
    Ok(Done { action: "rehearsal.lift", words: format!("Lifted {what}."), detail: json!({ "what": what }) })
}

/// `POST /labs/{lab}/connections/{connection}/rehearsal/deposit`
///
/// # Errors
/// Not found unless it is this lab's, and a rehearsal.
pub async fn deposit(
    State(app): State<App>,
    Row(editor, connection): Row<Editor, Connection>,
    mut form: Form,
) -> WebResult {
    let desk = Desk::open(&app, &editor, connection).await?;
    let Some(amount) = typed::dollars(&mut form) else { return desk.again(Part::Deposit, form).await };
    let balance = match desk.controls() {
        Ok(controls) => controls.deposit(amount).await,
        Err(error) => Err(error),
    };
    let done = balance.map(|balance| Done {
        action: "rehearsal.deposit",
        detail: json!({ "amount": amount.to_string() }),
        words: format!("${amount} of play money is in; ${} is available.", balance.available),
    });
    desk.told(Part::Deposit, form, done).await
}

/// `POST /labs/{lab}/connections/{connection}/rehearsal/workers`
///
/// # Errors
/// Not found unless it is this lab's, and a rehearsal.
pub async fn send(
    State(app): State<App>,
    Row(editor, connection): Row<Editor, Connection>,
    mut form: Form,
) -> WebResult {
    let desk = Desk::open(&app, &editor, connection).await?;
    let Some(order) = typed::workers(&mut form) else { return desk.again(Part::Workers, form).await };
    let done = match desk.controls() {
        Ok(controls) => sent(controls, &order).await,
        Err(error) => Err(error),
    };
    desk.told(Part::Workers, form, done).await
}

async fn sent(controls: &Controls, order: &RunOrder) -> Result<Done, ControlError> {
    let run = controls.send_workers(order).await?;
    let what = words::people(&run.plan.workers);
    Ok(Done {
        action: "rehearsal.send",
        words: format!("On their way: {what}. How far they came is shown below."),
        detail: json!({ "what": what, "run": run.id }),
    })
}

/// `POST /labs/{lab}/connections/{connection}/rehearsal/workers/stop`
///
/// # Errors
/// Not found unless it is this lab's, and a rehearsal.
pub async fn stop(
    State(app): State<App>,
    Row(editor, connection): Row<Editor, Connection>,
    mut form: Form,
) -> WebResult {
    let desk = Desk::open(&app, &editor, connection).await?;
    let id = form.text("run", 1..=100);
    if !form.is_valid() {
        return desk.again(Part::Workers, form).await;
    }
    let stopped = match desk.controls() {
        Ok(controls) => controls.stop_workers(&id).await,
        Err(error) => Err(error),
    };
    let done = stopped.map(|run| Done {
        action: "rehearsal.stop",
        detail: json!({ "run": run.id }),
        words: "The simulated workers stop. They stay where they are.".to_owned(),
    });
    desk.told(Part::Workers, form, done).await
}
