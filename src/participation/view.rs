//! A participation as its worker's own page needs it.

use sqlx::{PgConnection, query_as};

use super::{ParticipationId, Stage};
use crate::connections::ConnectionId;
use crate::studies::{Play, StudyId};

/// What the worker's own page needs to know.
#[derive(Debug, Clone)]
pub struct WorkerView {
    pub id: ParticipationId,
    pub study_id: StudyId,
    pub connection_id: ConnectionId,
    pub study_code: String,
    pub title: String,
    pub play: Play,
    pub code: String,
    pub assignment_id: String,
    pub submit_to: Option<String>,
    pub stage: Stage,
    pub opened: bool,
    pub exited: bool,
    /// Whether oTree must still be told the participant's variables.
    pub waits_for_variables: bool,
    pub participant_code: Option<String>,
    pub site_url: String,
    /// What the last check of the site found.
    pub site_state: String,
    pub session_state: Option<String>,
    /// What oTree gets as the participant label: the pseudonym, or the worker's id if the study says so.
    pub label: String,
}

/// The participation as its worker sees it.
///
/// # Errors
/// When the database does not answer.
pub async fn for_worker(conn: &mut PgConnection, id: ParticipationId) -> sqlx::Result<Option<WorkerView>> {
    query_as!(
        WorkerView,
        r#"SELECT p.id AS "id: _", p.study_id AS "study_id: _", study.connection_id AS "connection_id: _",
            study.code AS study_code, study.title, study.play AS "play: _", p.code, p.assignment_id,
            p.submit_to, p.stage AS "stage: _", p.opened_at IS NOT NULL AS "opened!",
            p.exited_at IS NOT NULL AS "exited!",
            p.variables <> '{}' AND p.variables_set_at IS NULL AS "waits_for_variables!",
            seat.participant_code AS "participant_code?", site.base_url AS site_url,
            site.state AS site_state, s.state AS "session_state?",
            CASE WHEN study.send_worker_id THEN w.external_id ELSE w.pseudonym END AS "label!"
        FROM participation p
        JOIN study ON study.id = p.study_id
        JOIN site ON site.id = study.site_id
        JOIN worker w ON w.id = p.worker_id
        LEFT JOIN seat ON seat.study_id = p.study_id AND seat.number = p.seat_number
        LEFT JOIN otree_session s ON s.id = seat.session_id
        WHERE p.id = $1"#,
        id.0
    )
    .fetch_optional(conn)
    .await
}
