//! `/mturk/externalSubmit`: where the frames of HITs hand in.
//!
//! The form comes out of a requester's page inside a frame, so from another site: the worker's cookie (Lax) does
//! not come with it, and the check against forged requests cannot apply. What identifies the worker is the
//! assignment id, which only they and the requester were told, and which must be accepted and in time. Where the
//! cookie does come along, the worker it names must be the one who holds the assignment; without it, the form's own
//! workerId must, if there is one: a place that was given up can come to the next person under the same id.

use askama::Template;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;

use super::Site;
use super::pages::{Here, PageError, Shell, page};
use super::session::SignedIn;
use crate::clock::Whose;
use crate::engine::assignments::{self, AssignmentState};

/// Shown inside the frame, which must be one of our work pages.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'self'";

#[derive(Template)]
#[template(path = "workers/submitted.html")]
struct SubmittedPage {
    shell: Shell,
    done: bool,
    title: &'static str,
    text: String,
}

/// Somebody opened the address instead of sending a form to it.
pub(super) async fn opened(State(site): State<Site>) -> Result<Response, PageError> {
    let text = "This address takes the form of a HIT. Send it with POST, form-encoded, with assignmentId and your answers.";
    framed(&site, StatusCode::METHOD_NOT_ALLOWED, false, "Nothing was submitted", text.into())
}

pub(super) async fn submit(
    State(site): State<Site>,
    signed_in: Option<SignedIn>,
    body: Bytes,
) -> Result<Response, PageError> {
    let fields: Vec<(String, String)> = serde_urlencoded::from_bytes(&body).unwrap_or_default();
    let refused = |status, text: &str| framed(&site, status, false, "Not submitted", text.to_owned());
    let assignment_id = match fields
        .iter()
        .find(|(name, _)| name == "assignmentId")
        .map(|(_, id)| id.as_str())
    {
        None | Some("") => {
            let text = "The form did not say which assignment it belongs to. Its requester should send assignmentId.";
            return refused(StatusCode::BAD_REQUEST, text);
        }
        Some(super::frame::NOT_ACCEPTED) => {
            let text = "This was a preview. Accept the HIT first, then do the work and submit it.";
            return refused(StatusCode::BAD_REQUEST, text);
        }
        Some(id) if id.contains('\0') => {
            return refused(StatusCode::BAD_REQUEST, "The form's assignmentId is not one of ours.");
        }
        Some(assignment_id) => assignment_id,
    };
    let claimed = fields.iter().find(|(name, id)| name == "workerId" && !id.is_empty() && !id.contains('\0'));
    let signed_in = signed_in.as_ref().map(|SignedIn(worker)| worker.worker_id.as_str());
    let worker_id = signed_in.or(claimed.map(|(_, id)| id.as_str()));
    let (mut tx, now) = site.market.begin_of(Whose::Assignment(assignment_id)).await?;
    match assignments::submit(&mut tx, now, assignment_id, worker_id, &fields).await {
        Ok(_) => {
            tx.commit().await?;
            let text = "The requester will review your work. You find it under My work.";
            framed(&site, StatusCode::OK, true, "Submitted", text.into())
        }
        Err(assignments::WorkError::NotHeld) => {
            drop(tx);
            not_held(&site, assignment_id, worker_id).await
        }
        Err(error) => match PageError::from(error) {
            PageError::Notice { status, text, .. } => refused(status, &text),
            broken => Err(broken),
        },
    }
}

/// Pressing twice is not an error to worry about; anything else is said.
async fn not_held(site: &Site, assignment_id: &str, worker_id: Option<&str>) -> Result<Response, PageError> {
    let mut conn = site.market.pool().acquire().await?;
    let found = assignments::find(&mut conn, assignment_id).await?;
    let own = found.filter(|assignment| worker_id.is_none_or(|worker_id| worker_id == assignment.worker_id));
    match own.map(|assignment| assignment.state) {
        Some(AssignmentState::Submitted | AssignmentState::Approved | AssignmentState::Rejected) => {
            let text = "This work was submitted before. What was sent first is what counts.";
            framed(site, StatusCode::CONFLICT, true, "Already submitted", text.into())
        }
        _ => {
            let text = "You are not working on this HIT: it was returned, its time is over, or somebody else holds it.";
            framed(site, StatusCode::NOT_FOUND, false, "Not submitted", text.into())
        }
    }
}

fn framed(
    site: &Site,
    status: StatusCode,
    done: bool,
    title: &'static str,
    text: String,
) -> Result<Response, PageError> {
    let shell = Shell::new(&site.links, None, Here::Elsewhere);
    let mut response = page(status, &SubmittedPage { shell, done, title, text })?;
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    Ok(response)
}
