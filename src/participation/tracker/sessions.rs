//! One poll of one oTree session: who is where, who has finished, what they earned.

use std::collections::HashMap;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Map, Value};

use super::{SESSIONS, SessionTracker};
use crate::app::App;
use crate::jobs::{Lease, Reconciler, Step};
use crate::otree::{Client, ParticipantInfo, ReadError, SessionInfo, SessionQuery, Where};
use crate::participation::store::{self, Followed};
use crate::sites;
use crate::studies::sessions::{self, Session};
use crate::studies::store::Watched;
use crate::studies::{self, Completion, Study};

/// Start links asked in one poll; each is one request to a server that answers one at a time.
const PROBES: usize = 40;
/// How often somebody's page is asked for when nothing but the table depends on it.
const GLANCE: chrono::Duration = chrono::Duration::seconds(15);
/// More labels than this are not listed one by one.
const LABELS: usize = 200;
/// What the researcher reads of a session that is gone.
const LOST: &str = "oTree does not know this study's session any more: it was deleted, or its database was \
    reset. The study takes nobody new. What was recorded before stays, and who has submitted can still be paid.";

#[async_trait]
impl Reconciler for SessionTracker {
    fn name(&self) -> &'static str {
        SESSIONS
    }

    fn period(&self) -> Duration {
        Duration::from_secs(2)
    }

    fn lanes(&self) -> usize {
        4
    }

    async fn step(&self) -> anyhow::Result<Step> {
        let app = &self.0;
        let now = app.clock.now();
        let lease = Lease::from(now);
        let mut conn = app.pool.acquire().await?;
        let Some(session) = sessions::claim_poll(&mut conn, now, lease).await? else { return Ok(Step::Idle) };
        let study = studies::store::get(&mut conn, session.study_id).await?;
        let people = store::followed(&mut conn, session.id, now).await?;
        let watched = studies::store::watched(&mut conn, study.id).await?;
        drop(conn);
        let poll = Poll { app, study: &study, session: &session, watched: &watched };
        let (news, problem) = match poll.run(&people).await {
            Ok(news) => (news, None),
            Err(PollError::Site(ReadError::NotFound)) => {
                poll.lost().await?;
                (false, Some(LOST.to_owned()))
            }
            Err(PollError::Site(error)) => (false, Some(error.to_string())),
            Err(PollError::Ours(error)) => {
                tracing::warn!(study = %study.id, "a session could not be followed: {error:#}");
                (false, Some("Something went wrong on this server; it is tried again.".into()))
            }
        };
        let mut conn = app.pool.acquire().await?;
        sessions::polled(&mut conn, &session, lease, app.clock.now(), news, problem.as_deref()).await?;
        Ok(Step::Worked)
    }
}

struct Poll<'a> {
    app: &'a App,
    study: &'a Study,
    session: &'a Session,
    /// Variables that somebody wants to know.
    watched: &'a Watched,
}

enum PollError {
    Site(ReadError),
    Ours(anyhow::Error),
}

impl From<ReadError> for PollError {
    fn from(error: ReadError) -> Self {
        Self::Site(error)
    }
}

impl<E: Into<anyhow::Error>> From<OursIn<E>> for PollError {
    fn from(error: OursIn<E>) -> Self {
        Self::Ours(error.0.into())
    }
}

/// Marks an error as ours, so that it is not shown as the site's.
struct OursIn<E>(E);

impl Poll<'_> {
    /// Returns whether anything is new.
    async fn run(&self, people: &[Followed]) -> Result<bool, PollError> {
        let client = sites::client(self.app, self.study.site_id).await.map_err(OursIn)?;
        self.hand_over_variables(&client, people).await?;
        // An oTree before 5.1 tells nothing; its start links still say where people are.
        let info = if self.session.links_only { None } else { Some(self.read(&client, people).await?) };
        let known: HashMap<&str, &ParticipantInfo> =
            info.iter().flat_map(|info| &info.participants).map(|p| (p.code.as_str(), p)).collect();
        let currency = info.as_ref().map_or("", |info| info.currency.as_str());
        let mut news = false;
        let mut probes = PROBES;
        for person in people.iter().filter(|person| person.opened) {
            let said = known.get(person.participant_code.as_str()).copied();
            // Whoever opens a start link first gives the seat its label: before the worker has come through it, a
            // look of ours would leave the seat without one, and nobody would find them in the list again.
            let unlabelled = info.is_some() && said.is_none_or(|said| said.label.is_none());
            let place = if person.finished || unlabelled || probes == 0 || !self.is_place_wanted(person) {
                None
            } else {
                probes -= 1;
                Some(client.probe(&person.participant_code).await?)
            };
            news |= self.note(person, said, place.as_ref(), currency).await.map_err(OursIn)?;
        }
        Ok(news)
    }

    /// Whether the start link is worth a request: always when the rule depends on it, else now and then.
    fn is_place_wanted(&self, person: &Followed) -> bool {
        let decides = matches!(self.study.completion, Completion::LastPage | Completion::NoMorePages);
        decides || person.seen_at.is_none_or(|seen| self.app.clock.now() - seen >= GLANCE)
    }

    /// Participant variables from the links of people who have just come.
    async fn hand_over_variables(&self, client: &Client, people: &[Followed]) -> Result<(), PollError> {
        for person in people.iter().filter(|p| !p.variables_set && !p.opened) {
            let Value::Object(vars) = &person.variables else { continue };
            if vars.is_empty() {
                continue;
            }
            client.set_participant_vars(&person.participant_code, vars.clone()).await?;
            let mut conn = self.app.pool.acquire().await.map_err(OursIn)?;
            store::variables_set(&mut conn, person.id, self.app.clock.now()).await.map_err(OursIn)?;
        }
        Ok(())
    }

    async fn read(&self, client: &Client, people: &[Followed]) -> Result<SessionInfo, PollError> {
        let labels: Vec<String> = people.iter().filter(|p| p.opened).map(|p| p.pseudonym.clone()).collect();
        let query = SessionQuery {
            labels: (labels.len() <= LABELS && !self.study.send_worker_id).then_some(labels),
            participant_vars: self.watched.participant.clone(),
            session_vars: self.watched.session.clone(),
        };
        let code = self.session.code.as_deref().unwrap_or_default();
        let info = client.session(code, &query).await?;
        let mut conn = self.app.pool.acquire().await.map_err(OursIn)?;
        let vars = with_nulls(&self.watched.session, &info.vars);
        sessions::told(&mut conn, self.session.id, &vars).await.map_err(OursIn)?;
        Ok(info)
    }

    async fn note(
        &self,
        person: &Followed,
        said: Option<&ParticipantInfo>,
        place: Option<&Where>,
        currency: &str,
    ) -> anyhow::Result<bool> {
        let now = self.app.clock.now();
        let mut tx = self.app.pool.begin().await?;
        let mut news = false;
        if let Some(Where::Page { page, index, .. }) = place {
            let index = i32::try_from(*index)?;
            news |= person.page.as_deref() != Some(page) || person.page_index != Some(index);
            store::progress(&mut tx, person.id, page, index, now).await?;
        }
        if let Some(payoff) = said.and_then(|said| said.payoff.as_ref()) {
            let cents = payoff.cents(currency).map_err(|problem| format!("{problem}."));
            store::payoff(&mut tx, person.id, cents, now).await?;
        }
        if let Some(said) = said {
            let vars = with_nulls(&self.watched.participant, &said.vars);
            store::told(&mut tx, person.id, &vars, now).await?;
        }
        if !person.finished && has_finished(self.study, person.exited, said, place) {
            news |= store::finished(&mut tx, person.id, self.study.completion, now).await?;
        }
        tx.commit().await?;
        Ok(news)
    }

    /// oTree forgot the session. What it told us stays; nobody new is sent there.
    async fn lost(&self) -> anyhow::Result<()> {
        let now = self.app.clock.now();
        let mut tx = self.app.pool.begin().await?;
        sessions::lost(&mut tx, self.session.id, LOST).await?;
        studies::close(&mut tx, self.study, now).await?;
        studies::store::set_problem(&mut tx, self.study.id, LOST).await?;
        tx.commit().await?;
        Ok(())
    }
}

/// What was asked for, with null for what is not set: it was asked for all the same.
fn with_nulls(names: &[String], vars: &Map<String, Value>) -> Value {
    names.iter().map(|name| (name.clone(), vars.get(name).cloned().unwrap_or_default())).collect()
}

/// Whether the study's rule says that this person has finished.
fn has_finished(study: &Study, exited: bool, said: Option<&ParticipantInfo>, place: Option<&Where>) -> bool {
    let reported = said.and_then(|said| said.finished);
    let past_the_end = place == Some(&Where::PastTheEnd);
    match study.completion {
        Completion::Reported => reported == Some(true),
        // The way back can be opened by anybody who has seen it: oTree must not say otherwise.
        Completion::ExitDoor => exited && reported != Some(false),
        Completion::LastPage => past_the_end || on_last_page(study, place),
        Completion::NoMorePages => past_the_end,
    }
}

fn on_last_page(study: &Study, place: Option<&Where>) -> bool {
    match (place, &study.last_page) {
        (Some(Where::Page { page, .. }), Some(last)) => page == last,
        _ => false,
    }
}
