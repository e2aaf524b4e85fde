//! What workers will see: the line in the marketplace's list, and the page in its frame.

use askama::Template;
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{Html, IntoResponse};

use super::page::layout;
use super::path;
use crate::app::App;
use crate::studies::{Play, State as Stage, Study};
use crate::web::error::{Error, WebResult};
use crate::web::guard::{Row, Viewer};
use crate::web::page::{Layout, show};

/// As every page, but it may frame pages of ours.
const FRAMES_OURS: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
     connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; frame-src 'self'";

/// The researcher's own page is shown without scripts, without forms and as if it came from elsewhere.
const HARMLESS: &str = "sandbox; default-src 'none'; style-src 'unsafe-inline' https:; img-src https: data:; \
     font-src https:; base-uri 'none'; form-action 'none'; frame-ancestors 'self'";

#[derive(Template)]
#[template(path = "studies/preview.html")]
struct PreviewPage {
    layout: Layout,
    path: String,
    study: Study,
    /// What the frame shows.
    frame: String,
    own_template: bool,
    height: i32,
}

/// `GET /labs/{lab}/studies/{study}/preview`
///
/// # Errors
/// When the database does not answer.
pub async fn page(State(_): State<App>, Row(viewer, study): Row<Viewer, Study>) -> WebResult {
    let own_template = study.play == Play::Template;
    let path = path(&study);
    let frame = if own_template { format!("{path}/preview/page") } else { format!("/go/{}", study.code) };
    let mut response = show(&PreviewPage {
        layout: layout(&viewer, &study, format!("Preview of {}", study.name)).await?,
        height: if study.frame_height == 0 { 700 } else { study.frame_height.clamp(300, 1200) },
        path,
        study,
        frame,
        own_template,
    })?;
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(FRAMES_OURS));
    Ok(response)
}

/// `GET /labs/{lab}/studies/{study}/preview/page`: the researcher's own page, harmless.
///
/// # Errors
/// When the study has none.
pub async fn own_page(State(_): State<App>, Row(_, study): Row<Viewer, Study>) -> WebResult {
    let html =
        study.template_html.ok_or_else(|| Error::Conflict("This study has no page of its own.".into()))?;
    Ok(([(header::CONTENT_SECURITY_POLICY, HARMLESS)], Html(html)).into_response())
}

impl PreviewPage {
    fn is_draft(&self) -> bool {
        self.study.state == Stage::Draft
    }
}
