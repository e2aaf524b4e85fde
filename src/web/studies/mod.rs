//! The pages of studies: the list, the form, the page that one keeps open.
//!
//! | part | one idea |
//! | --- | --- |
//! | [`list`] | all studies of a lab; the lab's front page |
//! | [`form`], `prefill`, `choices`, `fields`, [`cost`] | a draft, chosen, filled in and priced |
//! | [`page`], `attention` | a draft with its advice; a study that runs, kept up to date |
//! | [`preview`] | what workers will see |
//! | [`publish`] | publish, close, delete, change the budget |
//! | `words`, `bar`, `chart` | pure: figures as people read and see them |

mod attention;
pub(super) mod bar;
mod by_rule;
mod chart;
mod choices;
pub mod cost;
mod fields;
pub mod form;
pub mod list;
pub mod page;
mod prefill;
pub mod preview;
pub mod publish;
pub(super) mod words;

use sqlx::PgConnection;
use uuid::Uuid;

use super::guard::Owned;
use crate::labs::LabId;
use crate::studies::{self, Study, StudyId};

impl Owned for Study {
    const PARAM: &'static str = "study";

    async fn load(conn: &mut PgConnection, lab: LabId, id: Uuid) -> sqlx::Result<Option<Self>> {
        studies::store::find(conn, lab, StudyId(id)).await
    }
}

/// The study's own page.
pub(super) fn path(study: &Study) -> String {
    format!("/labs/{}/studies/{}", study.lab_id, study.id)
}

/// For templates: the config in a choice of the form.
fn config_of(pick: &str) -> &str {
    choices::split(pick).1
}
