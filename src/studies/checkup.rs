//! Looks at the outside for the advice before publishing: what a session of the site tells.

use std::time::Duration;

use sqlx::{PgConnection, query_scalar};

use super::advice::Reporting;
use super::{Completion, Study};
use crate::app::App;
use crate::labs::LabId;
use crate::otree::SessionQuery;
use crate::sites::{self, SiteId};

/// The longest that a page waits for the answer.
const PATIENCE: Duration = Duration::from_secs(4);

/// Whether the site's sessions report that somebody finished: asks oTree about the session that the study
/// takes in, or about the latest one of the same site. Asks nothing when the study's rule is another.
///
/// # Errors
/// When the database does not answer. What oTree does not answer stays unknown.
pub async fn reporting(app: &App, study: &Study) -> anyhow::Result<Reporting> {
    if study.completion != Completion::Reported {
        return Ok(Reporting::Unknown);
    }
    let Some(code) = some_session(app, study).await? else { return Ok(Reporting::Unknown) };
    let client = sites::client(app, study.site_id).await?;
    let read = tokio::time::timeout(PATIENCE, client.session(&code, &SessionQuery::default())).await;
    Ok(match read {
        Ok(Ok(info)) if info.participants.is_empty() => Reporting::Unknown,
        Ok(Ok(info)) if info.participants.iter().any(|one| one.finished.is_some()) => Reporting::Reports,
        Ok(Ok(_)) => Reporting::Silent,
        Ok(Err(_)) | Err(_) => Reporting::Unknown,
    })
}

/// The code of the latest session that a study of the lab had of this config: oTree tells the researcher's
/// MTurk template only together with a session.
///
/// # Errors
/// When the database does not answer.
pub async fn earlier_session(
    conn: &mut PgConnection,
    lab: LabId,
    site: SiteId,
    config: &str,
) -> sqlx::Result<Option<String>> {
    query_scalar!(
        r#"SELECT s.code AS "code!" FROM otree_session s JOIN study ON study.id = s.study_id
        WHERE study.lab_id = $1 AND study.site_id = $2 AND study.config_name = $3 AND s.state = 'ready'
          AND s.code IS NOT NULL
        ORDER BY s.id DESC LIMIT 1"#,
        lab.0,
        site.0,
        config
    )
    .fetch_optional(conn)
    .await
}

/// PARTICIPANT_FIELDS belong to the whole project, so any session of the site will do.
async fn some_session(app: &App, study: &Study) -> sqlx::Result<Option<String>> {
    if study.adopt_code.is_some() {
        return Ok(study.adopt_code.clone());
    }
    query_scalar!(
        r#"SELECT s.code AS "code!" FROM otree_session s JOIN study ON study.id = s.study_id
        WHERE study.lab_id = $1 AND study.site_id = $2 AND s.state = 'ready' AND s.code IS NOT NULL
        ORDER BY s.size, s.id DESC LIMIT 1"#,
        study.lab_id.0,
        study.site_id.0
    )
    .fetch_optional(&app.pool)
    .await
}
