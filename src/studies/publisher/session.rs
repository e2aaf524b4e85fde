//! The study's oTree session: created (or taken in), its seats stored, its variables set.

use serde_json::{Map, Value, json};

use super::Progress;
use crate::app::App;
use crate::otree::{Client, CreateOutcome, Joined, NewSession, SessionInfo, SessionQuery};
use crate::sites;
use crate::studies::sessions::{self, Session};
use crate::studies::{Completion, Study, way_back};

/// Exit addresses set in one step.
const AT_A_TIME: i64 = 50;

/// Makes sure that the study has a session with seats.
pub(super) async fn create(app: &App, study: &Study) -> anyhow::Result<Progress> {
    let mut conn = app.pool.acquire().await?;
    let mut current = sessions::current(&mut conn, study.id).await?;
    if current.is_none() {
        // In the same step: one that only plans would count as progress and end the back-off.
        sessions::plan(&mut conn, study, app.clock.now()).await?;
        current = sessions::current(&mut conn, study.id).await?;
    }
    let Some(session) = current else { return Ok(Progress::More) };
    match session.state.as_str() {
        "ready" => return Ok(Progress::Complete),
        // We asked and never wrote down the answer: nobody knows, so a fresh attempt follows.
        "creating" => {
            sessions::abandon(&mut conn, session.id, "The outcome of its creation is not known.").await?;
            return Ok(Progress::More);
        }
        _ => {}
    }
    drop(conn);
    let client = sites::client(app, study.site_id).await?;
    match &study.adopt_code {
        Some(code) => adopt(app, &client, study, &session, code).await,
        None => ask(app, &client, study, &session).await,
    }
}

async fn ask(app: &App, client: &Client, study: &Study, session: &Session) -> anyhow::Result<Progress> {
    let mut conn = app.pool.acquire().await?;
    sessions::creating(&mut conn, session.id).await?;
    drop(conn);
    crate::crash::point("publish.session.row");
    let outcome = client.create(&new_session(study, session)).await;
    crate::crash::point("publish.session.call");
    match outcome {
        CreateOutcome::Created { code, .. } => take_in(app, client, session, &code).await,
        CreateOutcome::Refused { words, group_size } => {
            let words = match group_size {
                Some(size) => format!(
                    "oTree forms groups of {size} here, but {} seats are not a multiple of it. \
                     Close this study and make one with group size {size}.",
                    session.size
                ),
                None => words,
            };
            give_up(app, session, words).await
        }
        CreateOutcome::Unclear(words) => give_up(app, session, words).await,
    }
}

fn new_session(study: &Study, session: &Session) -> NewSession {
    NewSession {
        config: study.config_name.clone(),
        participants: session.size.unsigned_abs(),
        label: session.label.clone(),
        changes: study.config_changes.0.clone(),
    }
}

async fn give_up(app: &App, session: &Session, words: String) -> anyhow::Result<Progress> {
    let mut conn = app.pool.acquire().await?;
    sessions::abandon(&mut conn, session.id, &words).await?;
    Ok(Progress::Blocked(words))
}

/// Stores code and seats of a session that we just created. If it cannot be read now, it is forgotten.
async fn take_in(app: &App, client: &Client, session: &Session, code: &str) -> anyhow::Result<Progress> {
    match client.session(code, &SessionQuery::default()).await {
        Ok(info) => {
            let codes = info.participants.iter().map(|p| p.code.clone()).collect();
            store(app, app.pool.begin().await?, session, &info, codes).await
        }
        Err(error) => give_up(app, session, error.to_string()).await,
    }
}

/// Takes in a session that exists: its seats are the participants whom nobody has entered as yet.
async fn adopt(
    app: &App,
    client: &Client,
    study: &Study,
    session: &Session,
    code: &str,
) -> anyhow::Result<Progress> {
    if links_only(app, study).await? {
        return by_its_link(app, client, study, session, code).await;
    }
    let info = match client.session(code, &SessionQuery::default()).await {
        Ok(info) => info,
        Err(error) => return Ok(Progress::Blocked(format!("Session {code}: {error}."))),
    };
    let free: Vec<String> =
        info.participants.iter().filter(|p| p.label.is_none()).map(|p| p.code.clone()).collect();
    if free.len() < usize::try_from(study.places)? {
        return Ok(Progress::Blocked(format!(
            "Session {code} has {} unused participants, fewer than the {} places of this study.",
            free.len(),
            study.places
        )));
    }
    let mut tx = app.pool.begin().await?;
    if sessions::taken_elsewhere(&mut tx, study, &info.code).await? {
        return Ok(Progress::Blocked(format!(
            "Session {code} belongs to another study already, and two people would get the same seat. \
             Close this study and make one with a session of its own."
        )));
    }
    store(app, tx, session, &info, free).await
}

async fn links_only(app: &App, study: &Study) -> sqlx::Result<bool> {
    let mut conn = app.pool.acquire().await?;
    Ok(crate::studies::store::site_state(&mut conn, study.id).await? == "links_only")
}

/// An oTree before 5.1 does not list a session's participants, but its link names them one by one: each is
/// taken under a label of its own. The labels follow from the row, so a repeat takes the same ones.
async fn by_its_link(
    app: &App,
    client: &Client,
    study: &Study,
    session: &Session,
    join_code: &str,
) -> anyhow::Result<Progress> {
    if matches!(study.completion, Completion::Reported | Completion::ExitDoor) {
        let words = "This oTree tells nothing about its participants. Choose the rule “last page” or “no more pages”.";
        return Ok(Progress::Blocked(words.into()));
    }
    let mut codes = Vec::new();
    for seat in 1..=session.size {
        match client.join(join_code, &format!("{}-{seat}", study.code)).await {
            Ok(Joined::Participant(code)) => codes.push(code),
            Ok(Joined::Full) => break,
            Err(error) => return Ok(Progress::Blocked(format!("The link of session {join_code}: {error}."))),
        }
    }
    if codes.len() < usize::try_from(study.places)? {
        return Ok(Progress::Blocked(format!(
            "The session of this link has only {} unused participants, fewer than the {} places of this study.",
            codes.len(),
            study.places
        )));
    }
    let mut tx = app.pool.begin().await?;
    sessions::mark_links_only(&mut tx, session.id).await?;
    sessions::ready(&mut tx, session, join_code, None, &codes, app.clock.now()).await?;
    tx.commit().await?;
    Ok(Progress::More)
}

async fn store(
    app: &App,
    mut tx: sqlx::PgTransaction<'static>,
    session: &Session,
    info: &SessionInfo,
    codes: Vec<String>,
) -> anyhow::Result<Progress> {
    let currency = Some(info.currency.as_str()).filter(|currency| !currency.is_empty());
    sessions::ready(&mut tx, session, &info.code, currency, &codes, app.clock.now()).await?;
    tx.commit().await?;
    crate::crash::point("publish.session.stored");
    Ok(Progress::More)
}

/// Sets what the experiment reads before anybody comes: the session's variables, and each participant's
/// way back when the study's rule is the exit door. Repeating is harmless.
pub(super) async fn prepare(app: &App, study: &Study) -> anyhow::Result<Progress> {
    let mut conn = app.pool.acquire().await?;
    let Some(session) = sessions::current(&mut conn, study.id).await? else { return Ok(Progress::More) };
    if session.links_only {
        return Ok(Progress::Complete);
    }
    let Some(code) = session.code.clone() else { return Ok(Progress::More) };
    let seats = match study.completion {
        Completion::ExitDoor => sessions::seats_without_exit(&mut conn, session.id, AT_A_TIME).await?,
        _ => Vec::new(),
    };
    drop(conn);
    if session.vars_set_at.is_some() && seats.is_empty() {
        return Ok(Progress::Complete);
    }
    let client = sites::client(app, study.site_id).await?;
    if session.vars_set_at.is_none() {
        return set_session_vars(app, &client, study, &session, &code).await;
    }
    set_exits(app, &client, study, &seats).await
}

/// Experiments that know the address under Prolific's name find ours there.
async fn set_session_vars(
    app: &App,
    client: &Client,
    study: &Study,
    session: &Session,
    code: &str,
) -> anyhow::Result<Progress> {
    let back = app.config.absolute(&way_back::of_study(&study.code));
    let vars = object(json!({ "prolific_completion_url": back }));
    if let Err(error) = client.set_session_vars(code, vars).await {
        return Ok(Progress::Blocked(format!("{error}.")));
    }
    let mut conn = app.pool.acquire().await?;
    sessions::vars_set(&mut conn, session.id, app.clock.now()).await?;
    Ok(Progress::More)
}

async fn set_exits(
    app: &App,
    client: &Client,
    study: &Study,
    seats: &[(i32, String)],
) -> anyhow::Result<Progress> {
    let mut set = Vec::new();
    let mut problem = None;
    for (number, participant) in seats {
        let exit = app.config.absolute(&way_back::of_seat(&app.config.keyring, study.id, *number));
        match client.set_participant_vars(participant, object(json!({ "exit_url": exit }))).await {
            Ok(()) => set.push(*number),
            Err(error) => {
                problem = Some(format!("{error}."));
                break;
            }
        }
    }
    let mut conn = app.pool.acquire().await?;
    sessions::exits_set(&mut conn, study.id, &set, app.clock.now()).await?;
    Ok(problem.map_or(Progress::More, Progress::Blocked))
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}
