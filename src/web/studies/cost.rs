//! The cost panel beside the form: what the study comes to, before anything is published.

use askama::Template;
use axum::extract::State;

use super::words;
use super::{choices::Choices, form};
use crate::app::App;
use crate::connections::Connection;
use crate::studies::cost::{Estimate, Figures};
use crate::studies::draft::Typed;
use crate::web::error::WebResult;
use crate::web::forms::Form;
use crate::web::guard::Editor;
use crate::web::page::show;

/// What the panel shows.
#[derive(Debug)]
pub struct Cost {
    /// The figures, or which of them are wrong.
    pub estimate: Result<Estimate, usize>,
    /// Money in the connection's account, as of when.
    pub balance: Option<(kernel::money::Cents, String)>,
}

impl Cost {
    /// Of a form as typed.
    pub fn of_form(app: &App, typed: &Typed, connection: Option<&Connection>) -> Self {
        let estimate = Figures::read(typed).map(Figures::estimate).map_err(|errors| errors.len());
        Self { estimate, balance: balance(app, connection) }
    }

    /// Of a stored study.
    pub fn of_figures(app: &App, figures: Figures, connection: Option<&Connection>) -> Self {
        Self { estimate: Ok(figures.estimate()), balance: balance(app, connection) }
    }

    /// The sizes of the batches in words: `9, 9 and 2`.
    pub fn batches(&self, estimate: &Estimate) -> String {
        let sizes = estimate.batches();
        match sizes.as_slice() {
            [one] => format!("one batch of {one}"),
            [first, .., last] if first != last => {
                format!("{} batches of {first} and one of {last}", sizes.len() - 1)
                    .replace("1 batches", "one batch")
            }
            [first, ..] => format!("{} batches of {first}", sizes.len()),
            [] => "no batch".to_owned(),
        }
    }
}

fn balance(app: &App, connection: Option<&Connection>) -> Option<(kernel::money::Cents, String)> {
    let trial = connection?.trial.as_ref()?;
    Some((trial.balance?, words::away(trial.checked_at, app.clock.now())))
}

#[derive(Template)]
#[template(path = "studies/cost.html")]
struct CostPanel {
    cost: Cost,
}

/// `POST /labs/{lab}/studies/cost`: the panel alone, while somebody types.
///
/// # Errors
/// When the database does not answer.
pub async fn panel(State(app): State<App>, editor: Editor, posted: Form) -> WebResult {
    let mut conn = app.pool.acquire().await?;
    let choices = Choices::load(&mut conn, editor.lab.id).await?;
    drop(conn);
    let typed = form::read(&posted);
    show(&CostPanel { cost: Cost::of_form(&app, &typed, choices.connection(&typed.connection)) })
}
