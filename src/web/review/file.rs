//! Everybody of a study as a CSV file.

use std::collections::HashMap;

use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use chrono::{DateTime, Utc};
use kernel::money::Cents;

use crate::app::App;
use crate::participation::{Participation, ParticipationId, store};
use crate::review;
use crate::scores::store::{self as scores, Scores};
use crate::studies::Study;
use crate::web::csv::text_cell;
use crate::web::error::WebResult;
use crate::web::guard::{Row, Viewer};

const COLUMNS: [&str; 22] = [
    "pseudonym",
    "worker_id",
    "batch",
    "seat",
    "participant_code",
    "assignment_id",
    "stage",
    "admitted_at",
    "opened_at",
    "page",
    "finished_at",
    "finished_by",
    "submitted_at",
    "returned_at",
    "approved_at",
    "rejected_at",
    "payoff",
    "payoff_problem",
    "bonus",
    "bonus_paid_at",
    "completion_code",
    "quality_score",
];

/// `GET /labs/{lab}/studies/{study}/participations.csv`. Viewers get no ids that open or name anybody.
///
/// # Errors
/// When the database does not answer.
pub async fn download(State(app): State<App>, Row(viewer, study): Row<Viewer, Study>) -> WebResult {
    let mut conn = app.pool.acquire().await?;
    let rows = store::of_study(&mut conn, study.lab_id, study.id, None).await?;
    let workers = match viewer.may_edit() {
        true => Some(store::external_ids(&mut conn, study.lab_id, study.id).await?),
        false => None,
    };
    let who: Vec<uuid::Uuid> = rows.iter().map(|row| row.worker_id.0).collect();
    let scores = scores::of_workers(&mut conn, study.lab_id, &who).await?;
    drop(conn);
    let file = write(&study, &rows, workers.as_ref(), &scores)?;
    let name = format!("attachment; filename=\"participations-{}.csv\"", study.code);
    let headers =
        [(header::CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()), (header::CONTENT_DISPOSITION, name)];
    Ok((headers, file).into_response())
}

fn write(
    study: &Study,
    rows: &[Participation],
    workers: Option<&HashMap<ParticipationId, String>>,
    scores: &Scores,
) -> anyhow::Result<Vec<u8>> {
    let mut csv = csv::Writer::from_writer(Vec::new());
    csv.write_record(COLUMNS)?;
    for row in rows {
        csv.write_record(record(study, row, workers, scores))?;
    }
    Ok(csv.into_inner()?)
}

fn record(
    study: &Study,
    row: &Participation,
    workers: Option<&HashMap<ParticipationId, String>>,
    scores: &Scores,
) -> [String; 22] {
    let private = |text: Option<&str>| text.filter(|_| workers.is_some()).map(text_cell).unwrap_or_default();
    let worker = workers.and_then(|workers| workers.get(&row.id)).map(String::as_str);
    [
        text_cell(&row.pseudonym),
        private(worker),
        row.batch_position.to_string(),
        row.seat_number.map(|number| number.to_string()).unwrap_or_default(),
        private(row.participant_code.as_deref()),
        private(Some(&row.assignment_id)),
        row.stage.to_string(),
        moment(Some(row.admitted_at)),
        moment(row.opened_at),
        text_cell(row.page.as_deref().unwrap_or_default()),
        moment(row.finished_at),
        row.finished_by.map(|by| by.to_string()).unwrap_or_default(),
        moment(row.submitted_at),
        moment(row.returned_at),
        moment(row.approved_at),
        moment(row.rejected_at),
        amount(row.payoff),
        text_cell(row.payoff_problem.as_deref().unwrap_or_default()),
        amount(row.bonus),
        moment(row.bonus_paid_at),
        review::code_check(study, row).as_str().to_owned(),
        scores.of(row.worker_id).map(|score| score.to_string()).unwrap_or_default(),
    ]
}

fn moment(at: Option<DateTime<Utc>>) -> String {
    at.map(|at| at.format("%Y-%m-%dT%H:%M:%SZ").to_string()).unwrap_or_default()
}

fn amount(cents: Option<Cents>) -> String {
    cents.map(|cents| cents.to_string()).unwrap_or_default()
}
