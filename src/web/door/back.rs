//! Coming back from oTree: the exit door that each participant has, and the address that a whole study
//! shares.

use axum::extract::{Path, State};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};

use super::{Notice, frame, seat, visitor};
use crate::app::App;
use crate::participation::redirect;
use crate::participation::store;
use crate::participation::view::WorkerView;
use crate::studies::{self, Play, way_back};
use crate::web::error::WebResult;

/// `GET /exit/{signed}`: the way back of one seat. oTree is asked before it counts as finished.
///
/// # Errors
/// When the database does not answer.
pub async fn exit(
    State(app): State<App>,
    Path(signed): Path<String>,
    method: Method,
    headers: HeaderMap,
) -> WebResult {
    let Some((study, number)) = way_back::read(&app.config.keyring, &signed) else {
        return Notice::UNKNOWN.show(StatusCode::NOT_FOUND);
    };
    if !visitor::is_person(&method, &headers) {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let mut conn = app.pool.acquire().await?;
    let id = store::exited(&mut conn, study, number, app.clock.now()).await?;
    drop(conn);
    let view = match id {
        Some(id) => seat::of(&app, id).await?,
        None => None,
    };
    let Some(view) = view else { return Notice::UNKNOWN.show(StatusCode::NOT_FOUND) };
    seat::look_now(&app, &view).await?;
    let answer = leave(&app, &view)?;
    Ok(frame::allow(&app, view.connection_id, answer).await?)
}

/// In the frame, on to our page and its Submit; in a tab of its own, back to the other tab.
fn leave(app: &App, view: &WorkerView) -> WebResult<Response> {
    match view.play {
        Play::InFrame => Ok(Redirect::to(&redirect::page_path(&app.config.keyring, view.id)).into_response()),
        Play::NewTab => {
            done("", "Go back to the tab of the HIT and press Submit there. You can close this tab.")
        }
        Play::Template => {
            done(&view.code, "Copy this completion code into the form of the HIT, then submit it.")
        }
    }
}

fn done(code: &str, advice: &str) -> WebResult<Response> {
    let words = "Thank you for taking part. You have reached the end of the study.";
    Notice { heading: "You have finished", words, advice, code, again_in: 0 }.show(StatusCode::OK)
}

/// `GET /back/{code}`: for experiments that send everybody to one address.
///
/// # Errors
/// When the database does not answer.
pub async fn back(State(app): State<App>, Path(code): Path<String>) -> WebResult {
    let mut conn = app.pool.acquire().await?;
    let study = studies::store::by_code(&mut conn, &code).await?;
    let Some(study) = study else { return Notice::UNKNOWN.show(StatusCode::NOT_FOUND) };
    crate::participation::tracker::look_now(&mut conn, study.id, app.clock.now()).await?;
    drop(conn);
    let advice = match study.play {
        Play::Template => {
            "Go back to the page of the HIT, enter the completion code you were shown, and submit. If you were \
             shown none, open the study from there once more: then you see your code."
        }
        _ => "Go back to the page of the HIT and press Submit there. You can close this tab afterwards.",
    };
    let answer = done("", advice)?;
    Ok(frame::allow(&app, study.connection_id, answer).await?)
}
