//! The controls of a rehearsal at the built-in marketplace: clock, faults, play money, simulated workers, journal.
//!
//! They are not part of the requester protocol; `docs/MARKET_CONTROL.md` describes them. We ask for them as anybody
//! would: over HTTP with the connection's own keys. Nothing is repeated by itself.

mod faults;
mod records;
mod runs;

use std::time::Duration;

use base64::{Engine, engine::general_purpose::STANDARD};
use chrono::{DateTime, Utc};
use kernel::outbound::{Method, Outbound, OutboundError, Reply, Request, StatusCode, header};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use url::Url;

pub use faults::{Fault, FaultKind, NewFault, OPERATIONS, Unit};
pub use records::{Balance, Entry, Tail, Wanted};
pub use runs::{Behaviour, Bot, Grant, Home, Report, Run, RunOrder, Trouble};

/// How long one answer may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Why a control did not do what was asked, in words for the researcher.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ControlError {
    /// The marketplace's own sentence.
    #[error("{0}")]
    Refused(String),
    /// No answer, so it may have been done or not.
    #[error("The rehearsal marketplace does not answer: {0}. Try again in a moment.")]
    Silent(#[from] OutboundError),
    /// An answer, but not one of the controls.
    #[error("The rehearsal marketplace did not answer as expected (status {0}). Try again in a moment.")]
    Unreadable(u16),
}

/// The controls of one requester.
#[derive(Debug, Clone)]
pub struct Controls {
    outbound: Outbound,
    base: Url,
    login: SecretString,
}

/// The requester's time.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
pub struct Timing {
    /// What the clock shows, UTC.
    pub now: DateTime<Utc>,
    /// Market seconds per machine second; 0 when it stands.
    pub rate: f64,
}

/// One turn of the clock.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Turn {
    /// It stands still.
    Freeze,
    /// So many market seconds per machine second.
    Run(f64),
    /// Forward by so many seconds.
    Step(i64),
    /// Forward to this moment.
    To(DateTime<Utc>),
}

impl Turn {
    fn body(self) -> Value {
        match self {
            Self::Freeze => json!({ "turn": "freeze" }),
            Self::Run(rate) => json!({ "turn": "run", "rate": rate }),
            Self::Step(seconds) => json!({ "turn": "step", "seconds": seconds }),
            Self::To(at) => json!({ "turn": "to", "at": at }),
        }
    }
}

impl Controls {
    /// The controls at the marketplace `market` for this key pair.
    pub fn new(outbound: Outbound, market: &Url, access_key_id: &str, secret: &SecretString) -> Self {
        let mut base = market.clone();
        base.set_path(&format!("{}/control/v1", market.path().trim_end_matches('/')));
        let pair = STANDARD.encode(format!("{access_key_id}:{}", secret.expose_secret()));
        Self { outbound, base, login: format!("Basic {pair}").into() }
    }

    /// The requester's time.
    ///
    /// # Errors
    /// [`ControlError`].
    pub async fn clock(&self) -> Result<Timing, ControlError> {
        self.ask(&["clock"]).await
    }

    /// Turns the clock and gives the time after it.
    ///
    /// # Errors
    /// [`ControlError`].
    pub async fn turn(&self, turn: Turn) -> Result<Timing, ControlError> {
        self.act(Method::POST, &["clock"], Some(turn.body())).await
    }

    async fn ask<T: DeserializeOwned>(&self, path: &[&str]) -> Result<T, ControlError> {
        self.look(self.at(path)).await
    }

    async fn look<T: DeserializeOwned>(&self, url: Url) -> Result<T, ControlError> {
        self.send(Request::new(Method::GET, url)).await
    }

    async fn act<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &[&str],
        body: Option<Value>,
    ) -> Result<T, ControlError> {
        let request = Request::new(method, self.at(path));
        match body {
            Some(body) => self.send(request.json(&body)).await,
            None => self.send(request).await,
        }
    }

    /// The address of a control; each part becomes one segment, whatever it holds.
    fn at(&self, path: &[&str]) -> Url {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.extend(path);
        }
        url
    }

    async fn send<T: DeserializeOwned>(&self, request: Request) -> Result<T, ControlError> {
        let request = request.secret_header(header::AUTHORIZATION, &self.login).within(PATIENCE);
        read(&self.outbound.send(request).await?)
    }
}

/// The value of a good answer, or the sentence of a refusal.
fn read<T: DeserializeOwned>(reply: &Reply) -> Result<T, ControlError> {
    let unreadable = || ControlError::Unreadable(reply.status.as_u16());
    if !reply.status.is_success() {
        let problem: Problem = serde_json::from_slice(&reply.body).map_err(|_| unreadable())?;
        return Err(ControlError::Refused(problem.detail));
    }
    let body: &[u8] = if reply.status == StatusCode::NO_CONTENT { b"null" } else { &reply.body };
    serde_json::from_slice(body).map_err(|_| unreadable())
}

#[derive(Deserialize)]
struct Problem {
    detail: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn controls(market: &str) -> Controls {
        let outbound = Outbound::unbounded().unwrap();
        Controls::new(outbound, &market.parse().unwrap(), "AKIDEXAMPLE", &"wJalr".into())
    }

    #[test]
    fn the_address_lies_below_the_marketplaces_whatever_a_part_holds() {
        for market in ["https://hr.test/market", "https://hr.test/market/"] {
            let url = controls(market).at(&["bots", "../deposit?a/b"]);
            assert_eq!(url.as_str(), "https://hr.test/market/control/v1/bots/..%2Fdeposit%3Fa%2Fb");
        }
        assert_eq!(controls("https://m.test").at(&["clock"]).as_str(), "https://m.test/control/v1/clock");
    }

    #[test]
    fn the_secret_does_not_show() {
        let login = STANDARD.encode("AKIDEXAMPLE:wJalr");
        assert!(!format!("{:?}", controls("https://m.test")).contains(&login));
    }

    #[test]
    fn an_answer_is_read_or_told_in_words() {
        let reply = |status: u16, body: &str| Reply {
            status: StatusCode::from_u16(status).unwrap(),
            headers: Default::default(),
            body: body.as_bytes().to_vec(),
        };
        assert_eq!(read::<()>(&reply(204, "")), Ok(()));
        let refused = read::<()>(&reply(422, r#"{"code":"invalid","detail":"A step is longer."}"#));
        assert_eq!(refused, Err(ControlError::Refused("A step is longer.".into())));
        assert_eq!(read::<()>(&reply(502, "<html>")), Err(ControlError::Unreadable(502)));
        assert_eq!(read::<Timing>(&reply(200, "{}")), Err(ControlError::Unreadable(200)));
    }
}
