//! Reading a session: who is in it, how far, and what they earned.

use kernel::money::Cents;
use kernel::outbound::{Method, Reply};
use serde_json::{Map, Value, json};

use super::client::{Call, Client};
use super::config::decimal;
use super::connector::Dialect;
use super::links;
use super::money::{self, PayoffProblem};
use super::problem::{self, ReadError};

/// Experiments that report completion in a variable only, not in PARTICIPANT_FIELDS, are understood too.
const FINISHED: &str = "finished";

/// What to read of a session. Filter whenever possible: reading everybody stops the server for a moment.
#[derive(Debug, Clone, Default)]
pub struct SessionQuery {
    /// Only participants with these labels; `None` is everybody.
    pub labels: Option<Vec<String>>,
    /// Names of participant variables to read (5.10 and later; older servers give none).
    pub participant_vars: Vec<String>,
    /// Names of session variables to read (5.10 and later).
    pub session_vars: Vec<String>,
}

/// A session as it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct SessionInfo {
    /// Its code.
    pub code: String,
    /// The label given at creation (5.10 and later).
    pub label: Option<String>,
    /// The name of its config.
    pub config_name: String,
    /// Its own config, changed fields included.
    pub config: Map<String, Value>,
    /// REAL_WORLD_CURRENCY_CODE, such as USD; empty when not told.
    pub currency: String,
    /// How many seats it has, whatever the query's labels are.
    pub num_participants: u32,
    /// The path of its session-wide link.
    pub join_path: Option<String>,
    /// Those asked for, in seat order.
    pub participants: Vec<ParticipantInfo>,
    /// Those of the asked session variables that are set.
    pub vars: Map<String, Value>,
    /// The researcher's MTurk template, when the config has `mturk_hit_settings`.
    pub template_html: Option<String>,
}

/// One seat.
#[derive(Debug, Clone, PartialEq)]
pub struct ParticipantInfo {
    /// Its number, from 1.
    pub id_in_session: u32,
    /// Its code: whoever has it can play as this person.
    pub code: String,
    /// The label, once somebody entered with one.
    pub label: Option<String>,
    /// What was earned so far beyond the participation fee.
    pub payoff: Option<Payoff>,
    /// What the experiment reports; `None` when it reports nothing.
    pub finished: Option<bool>,
    /// Free text of the researcher (6.0 and later); `None` when empty.
    pub status: Option<String>,
    /// Those of the asked variables that are set.
    pub vars: Map<String, Value>,
}

/// The exact text of a payoff in the site's currency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payoff(pub String);

impl Payoff {
    /// The payoff in US cents, rounded half up; negative when oTree's is.
    ///
    /// # Errors
    /// [`PayoffProblem`], also for every `currency` but USD.
    pub fn cents(&self, currency: &str) -> Result<Cents, PayoffProblem> {
        if currency != "USD" {
            return Err(PayoffProblem::OtherCurrency(currency.to_owned()));
        }
        money::cents(&self.0)
    }
}

impl Client {
    /// Reads a session, in whichever dialect this server speaks.
    ///
    /// # Errors
    /// [`ReadError`]; [`ReadError::NotFound`] means that the session is lost, never that nothing was earned.
    pub async fn session(&self, code: &str, query: &SessionQuery) -> Result<SessionInfo, ReadError> {
        let guess = self.shared().dialect();
        let mut reply = self.ask(guess, code, query).await?;
        if problem::no_such_call(&reply) {
            reply = self.ask(guess.other(), code, query).await?;
            if !problem::no_such_call(&reply) {
                self.shared().remember(guess.other());
            }
        }
        let answer = problem::understand(&reply)?;
        parse(code, &answer, query)
            .ok_or_else(|| ReadError::Odd("The server answered, but not as oTree does.".into()))
    }

    async fn ask(&self, dialect: Dialect, code: &str, query: &SessionQuery) -> Result<Reply, ReadError> {
        let mut body = Map::new();
        if let Some(labels) = &query.labels {
            body.insert("participant_labels".into(), json!(labels));
        }
        let (method, verb) = match dialect {
            Dialect::New => (Method::POST, "get_session"),
            Dialect::Middle => (Method::GET, "sessions"),
        };
        if dialect == Dialect::New {
            body.insert("participant_vars".into(), json!(wanted(query).collect::<Vec<_>>()));
            body.insert("session_vars".into(), json!(query.session_vars));
        }
        let body = (!body.is_empty()).then(|| body.into());
        Ok(self.send(Call::new(method, &["api", verb, code], body)).await?)
    }
}

/// The asked variables, and [`FINISHED`].
fn wanted(query: &SessionQuery) -> impl Iterator<Item = &str> {
    let asked = query.participant_vars.iter().map(String::as_str);
    asked.filter(|name| *name != FINISHED).chain([FINISHED])
}

fn parse(code: &str, answer: &Value, query: &SessionQuery) -> Option<SessionInfo> {
    let config = answer["config"].as_object()?.clone();
    let participants: Vec<_> = answer["participants"]
        .as_array()?
        .iter()
        .map(|one| participant(one, query))
        .collect::<Option<_>>()?;
    Some(SessionInfo {
        code: code.to_owned(),
        label: words(&answer["label"]),
        config_name: words(&answer["config_name"]).or_else(|| words(config.get("name")?)).unwrap_or_default(),
        currency: words(&answer["REAL_WORLD_CURRENCY_CODE"]).unwrap_or_default(),
        num_participants: number(&answer["num_participants"])
            .or_else(|| participants.len().try_into().ok())?,
        join_path: answer["session_wide_url"].as_str().and_then(links::path_of),
        vars: picked(answer, query.session_vars.iter().map(String::as_str)),
        template_html: words(&answer["mturk_template_html"]),
        config,
        participants,
    })
}

fn participant(one: &Value, query: &SessionQuery) -> Option<ParticipantInfo> {
    Some(ParticipantInfo {
        id_in_session: number(&one["id_in_session"])?,
        code: words(&one["code"])?,
        label: words(&one["label"]),
        payoff: decimal(one.get("payoff_in_real_world_currency")).map(Payoff),
        finished: one.get(FINISHED).map(truthy),
        status: words(&one["status"]),
        vars: picked(one, query.participant_vars.iter().map(String::as_str)),
    })
}

fn picked<'a>(from: &Value, names: impl Iterator<Item = &'a str>) -> Map<String, Value> {
    names.filter_map(|name| Some((name.to_owned(), from.get(name)?.clone()))).collect()
}

fn words(value: &Value) -> Option<String> {
    value.as_str().filter(|text| !text.is_empty()).map(str::to_owned)
}

fn number(value: &Value) -> Option<u32> {
    value.as_u64()?.try_into().ok()
}

/// What Python's `if` would say.
fn truthy(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(yes) => *yes,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(fields) => !fields.is_empty(),
    }
}
