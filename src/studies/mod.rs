//! A study: which experiment, how many people, what they get; and how it is published.

pub mod advice;
pub mod batches;
pub mod checkup;
pub mod cost;
pub mod draft;
pub mod overview;
pub mod plan;
pub mod publisher;
pub mod sessions;
pub mod store;
mod typed;
pub mod way_back;

use std::sync::Arc;

use chrono::{DateTime, Utc};
use kernel::money::Cents;
use sqlx::PgConnection;
use sqlx::types::Json;

use crate::app::App;
use crate::connections::ConnectionId;
use crate::jobs::{self, Reconciler};
use crate::labs::LabId;
use crate::sites::SiteId;

kernel::typed_id!(
    /// Names one study.
    StudyId
);
kernel::typed_id!(
    /// Names one batch; also the mark by which we find it at the recruiter.
    BatchId
);
kernel::typed_id!(
    /// Names one attempt to have an oTree session.
    SessionId
);

/// How far a study is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum State {
    /// Being written; nothing exists outside.
    Draft,
    /// The publisher is creating sessions and batches.
    Publishing,
    /// People can come.
    Open,
    /// No new people; who is in may finish and be paid.
    Closed,
}

/// How workers get to oTree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum Play {
    /// oTree in a new tab, our status page in the recruiter's frame.
    NewTab,
    /// oTree inside the recruiter's frame.
    InFrame,
    /// The researcher's own MTurk template; oTree in a new tab.
    Template,
}

/// How we learn that somebody has finished.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum Completion {
    /// The experiment sets `participant.finished` and oTree reports it.
    Reported,
    /// The experiment sends the browser to the `exit_url` that we gave each participant.
    ExitDoor,
    /// The worker has reached the page of this name.
    LastPage,
    /// The worker has pressed the last page's button: oTree says there are no more pages.
    NoMorePages,
}

macro_rules! spelled {
    ($kind:ty { $($variant:ident = $text:literal),+ $(,)? }) => {
        impl $kind {
            /// The word used in forms and tables.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }
        }
        impl std::str::FromStr for $kind {
            type Err = ();
            fn from_str(text: &str) -> Result<Self, ()> {
                match text { $($text => Ok(Self::$variant),)+ _ => Err(()) }
            }
        }
        impl std::fmt::Display for $kind {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}
spelled!(State { Draft = "draft", Publishing = "publishing", Open = "open", Closed = "closed" });
spelled!(Play { NewTab = "new_tab", InFrame = "in_frame", Template = "template" });
spelled!(Completion {
    Reported = "reported",
    ExitDoor = "exit_door",
    LastPage = "last_page",
    NoMorePages = "no_more_pages",
});

/// A study as stored. Amounts are in hundredths of `currency`; times are UTC.
#[derive(Debug, Clone)]
pub struct Study {
    pub id: StudyId,
    pub lab_id: LabId,
    /// In the worker's link.
    pub code: String,
    /// For the lab; workers see the title.
    pub name: String,
    pub site_id: SiteId,
    pub connection_id: ConnectionId,
    pub environment: String,
    pub state: State,
    pub config_name: String,
    pub config_changes: Json<serde_json::Map<String, serde_json::Value>>,
    /// An existing session to take in.
    pub adopt_code: Option<String>,
    pub places: i32,
    pub spare_seats: i32,
    pub group_size: i32,
    pub batch_size: i32,
    pub currency: String,
    pub reward: Cents,
    pub max_bonus: Cents,
    pub budget: Cents,
    pub title: String,
    pub description: String,
    pub keywords: String,
    pub duration_s: i32,
    pub lifetime_s: i32,
    pub auto_approve_s: i32,
    pub frame_height: i32,
    pub qualifications: serde_json::Value,
    pub play: Play,
    pub template_html: Option<String>,
    pub completion: Completion,
    pub last_page: Option<String>,
    pub send_worker_id: bool,
    pub variable_names: Vec<String>,
    pub hit_type_id: Option<String>,
    pub problem: Option<String>,
    pub created_at: DateTime<Utc>,
    pub published_at: Option<DateTime<Utc>>,
    pub closed_at: Option<DateTime<Utc>>,
}

impl Study {
    /// How many seats its oTree session needs.
    pub fn seats(&self) -> i32 {
        plan::seats(self.places, self.spare_seats, self.group_size)
    }

    /// Where a worker's id means somebody: the recruiter and its environment.
    pub fn realm(&self) -> String {
        match self.environment.as_str() {
            "custom" => format!("mturk:{}", self.connection_id),
            known => format!("mturk:{known}"),
        }
    }
}

/// Starts publishing a draft: from here on the publisher creates what is missing outside, however often
/// it is interrupted. Returns whether it was a draft.
///
/// # Errors
/// When the database does not answer.
pub async fn publish(conn: &mut PgConnection, study: &Study, now: DateTime<Utc>) -> sqlx::Result<bool> {
    if !store::start_publishing(conn, study.id, now).await? {
        return Ok(false);
    }
    batches::plan(conn, study, now).await?;
    sessions::plan(conn, study, now).await?;
    jobs::wake(conn, publisher::NAME).await?;
    Ok(true)
}

/// Closes a study to new people: its batches come off the list, who works may finish. Returns whether it
/// was open.
///
/// # Errors
/// When the database does not answer.
pub async fn close(conn: &mut PgConnection, study: &Study, now: DateTime<Utc>) -> sqlx::Result<bool> {
    let closed = store::close(conn, study.lab_id, study.id, now).await?;
    if closed {
        batches::cancel_planned(conn, study.id).await?;
        jobs::wake(conn, publisher::NAME).await?;
    }
    Ok(closed)
}

/// What keeps studies going.
pub fn reconcilers(app: &App) -> Vec<Arc<dyn Reconciler>> {
    vec![Arc::new(publisher::Publisher(app.clone())), Arc::new(publisher::strays::Lookout(app.clone()))]
}
