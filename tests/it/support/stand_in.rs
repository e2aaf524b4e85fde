//! A stand-in for oTree: one experiment of one page, the REST calls we make, and a database that can be lost.
//!
//! It answers as oTree 6 does. What only a real oTree can show is shown in `otree_real`.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use axum::extract::{Path, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Map, Value, json};
use tokio_util::sync::{CancellationToken, DropGuard};
use url::Url;

/// The only session config.
pub const CONFIG: &str = "solo";
/// What everybody earns who plays to the end.
pub const PAYOFF: &str = "0.70";

/// A running stand-in.
pub struct StandIn {
    pub base: Url,
    state: Shared,
    _server: DropGuard,
}

type Shared = Arc<Mutex<Database>>;

#[derive(Default)]
struct Database {
    sessions: BTreeMap<String, Session>,
    currency: String,
    down: bool,
    /// Who came in where: participant code and label, in order, whatever became of the session.
    entries: Vec<(String, String)>,
}

struct Session {
    label: String,
    vars: Map<String, Value>,
    participants: Vec<Participant>,
}

#[derive(Clone)]
struct Participant {
    code: String,
    label: Option<String>,
    payoff: Value,
    vars: Map<String, Value>,
    page: u32,
}

impl StandIn {
    pub async fn start() -> Self {
        let state: Shared = Arc::new(Mutex::new(Database { currency: "USD".into(), ..Database::default() }));
        let router = Router::new()
            .route("/api/otree_version", get(|| async { Json(json!({ "version": "6.0.15" })) }))
            .route("/api/session_configs", get(configs))
            .route("/api/sessions", post(create))
            .route("/api/get_session/{code}", post(read))
            .route("/api/session_vars/{code}", post(session_vars))
            .route("/api/participant_vars/{code}", post(participant_vars))
            .route("/InitializeParticipant/{code}", get(enter))
            .route("/p/{code}/solo/Decide/1", get(page).post(decide))
            .route("/OutOfRangeNotification/{code}", get(|| async { "No more pages left to show." }))
            .layer(axum::middleware::from_fn_with_state(state.clone(), unless_down))
            .with_state(state.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
        let stop = CancellationToken::new();
        let serve = axum::serve(listener, router).with_graceful_shutdown(stop.clone().cancelled_owned());
        tokio::spawn(serve.into_future());
        Self { base, state, _server: stop.drop_guard() }
    }

    fn db(&self) -> MutexGuard<'_, Database> {
        self.state.lock().unwrap()
    }

    /// The labels of all sessions that were ever asked for and still exist.
    pub fn sessions(&self) -> Vec<String> {
        self.db().sessions.values().map(|session| session.label.clone()).collect()
    }

    /// A variable of a session.
    pub fn session_var(&self, name: &str) -> Option<Value> {
        self.db().sessions.values().find_map(|session| session.vars.get(name).cloned())
    }

    /// The participant reaches the end with this payoff, as JSON has it.
    pub fn finish(&self, code: &str, payoff: Value) {
        let mut db = self.db();
        let participant = db.participant(code).expect(code);
        participant.payoff = payoff;
        participant.vars.insert("finished".into(), true.into());
        participant.page = 2;
    }

    /// The experiment sets variables of a participant.
    pub fn set_vars(&self, code: &str, vars: &Value) {
        self.db().participant(code).expect(code).vars.extend(vars.as_object().unwrap().clone());
    }

    /// The label with which somebody entered this seat.
    pub fn label(&self, code: &str) -> Option<String> {
        self.db().participant(code)?.label.clone()
    }

    /// Every entry so far: participant code and label. Survives the loss of the database.
    pub fn entries(&self) -> Vec<(String, String)> {
        self.db().entries.clone()
    }

    /// Changes the currency of all payoffs.
    pub fn count_in(&self, currency: &str) {
        self.db().currency = currency.into();
    }

    /// Loses the database, as a server does whose disk is not kept.
    pub fn forget(&self) {
        self.db().sessions.clear();
    }

    /// Answers every request with an error page, or no longer.
    pub fn set_down(&self, down: bool) {
        self.db().down = down;
    }
}

impl Database {
    fn participant(&mut self, code: &str) -> Option<&mut Participant> {
        self.sessions.values_mut().flat_map(|session| &mut session.participants).find(|p| p.code == code)
    }
}

async fn unless_down(
    State(db): State<Shared>,
    request: axum::extract::Request,
    next: axum::middleware::Next,
) -> Response {
    if db.lock().unwrap().down {
        return (StatusCode::BAD_GATEWAY, "<html>Bad Gateway</html>").into_response();
    }
    next.run(request).await
}

async fn configs() -> Json<Value> {
    Json(
        json!([{ "name": CONFIG, "display_name": "Solo", "num_demo_participants": 1, "app_sequence": ["solo"] }]),
    )
}

async fn create(State(db): State<Shared>, Json(asked): Json<Value>) -> Response {
    if asked["session_config_name"] != CONFIG {
        return (StatusCode::BAD_REQUEST, "Session config not found").into_response();
    }
    let code = kernel::secret::code(8);
    let participants = (0..asked["num_participants"].as_u64().unwrap()).map(|_| Participant {
        code: kernel::secret::code(8),
        label: None,
        payoff: json!(0),
        vars: Map::new(),
        page: 0,
    });
    let session = Session {
        label: asked["label"].as_str().unwrap().into(),
        vars: Map::new(),
        participants: participants.collect(),
    };
    db.lock().unwrap().sessions.insert(code.clone(), session);
    let join = format!("http://internal-name/join/{}", kernel::secret::code(8));
    Json(json!({ "code": code, "session_wide_url": join })).into_response()
}

fn gone() -> Response {
    (StatusCode::NOT_FOUND, "Not found: Session").into_response()
}

async fn read(State(db): State<Shared>, Path(code): Path<String>, Json(asked): Json<Value>) -> Response {
    let db = db.lock().unwrap();
    let Some(session) = db.sessions.get(&code) else { return gone() };
    let labels: Option<Vec<&str>> =
        asked["participant_labels"].as_array().map(|all| all.iter().filter_map(Value::as_str).collect());
    let wanted = |p: &Participant| {
        labels.as_ref().is_none_or(|labels| p.label.as_deref().is_some_and(|label| labels.contains(&label)))
    };
    let participants: Vec<Value> = (1..)
        .zip(&session.participants)
        .filter(|(_, p)| wanted(p))
        .map(|(number, p)| {
            let mut shown = json!({
                "id_in_session": number, "code": p.code, "label": p.label, "finished": false,
                "payoff_in_real_world_currency": p.payoff,
            });
            shown.as_object_mut().unwrap().extend(p.vars.clone());
            shown
        })
        .collect();
    Json(json!({
        "label": session.label, "config_name": CONFIG, "config": { "name": CONFIG },
        "num_participants": session.participants.len(), "REAL_WORLD_CURRENCY_CODE": db.currency,
        "session_wide_url": "http://internal-name/join/x", "participants": participants,
    }))
    .into_response()
}

fn vars_of(asked: &Value) -> Map<String, Value> {
    asked["vars"].as_object().unwrap().clone()
}

async fn session_vars(
    State(db): State<Shared>,
    Path(code): Path<String>,
    Json(asked): Json<Value>,
) -> Response {
    match db.lock().unwrap().sessions.get_mut(&code) {
        Some(session) => {
            session.vars.extend(vars_of(&asked));
            Json(json!({})).into_response()
        }
        None => gone(),
    }
}

async fn participant_vars(
    State(db): State<Shared>,
    Path(code): Path<String>,
    Json(asked): Json<Value>,
) -> Response {
    match db.lock().unwrap().participant(&code) {
        Some(participant) => {
            participant.vars.extend(vars_of(&asked));
            Json(json!({})).into_response()
        }
        None => (StatusCode::NOT_FOUND, "Not found: Participant").into_response(),
    }
}

async fn enter(
    State(db): State<Shared>,
    Path(code): Path<String>,
    Query(query): Query<BTreeMap<String, String>>,
) -> Response {
    let mut db = db.lock().unwrap();
    let Some(participant) = db.participant(&code) else {
        return (StatusCode::NOT_FOUND, "Not found: Participant").into_response();
    };
    if participant.page == 0 {
        participant.page = 1;
        participant.label = query.get("participant_label").cloned();
    }
    let page = participant.page;
    db.entries.push((code.clone(), query.get("participant_label").cloned().unwrap_or_default()));
    let path = match page {
        1 => format!("/p/{code}/solo/Decide/1"),
        _ => format!("/OutOfRangeNotification/{code}"),
    };
    (StatusCode::FOUND, [(header::LOCATION, path)]).into_response()
}

async fn page(Path(code): Path<String>) -> Response {
    axum::response::Html(format!("<h1>Decide</h1><form method=post>{code}<button>Next</button></form>"))
        .into_response()
}

async fn decide(State(db): State<Shared>, Path(code): Path<String>) -> Response {
    let mut db = db.lock().unwrap();
    let Some(participant) = db.participant(&code) else {
        return (StatusCode::NOT_FOUND, "Not found: Participant").into_response();
    };
    participant.payoff = serde_json::from_str(PAYOFF).unwrap();
    participant.vars.insert("finished".into(), true.into());
    participant.page = 2;
    (StatusCode::FOUND, [(header::LOCATION, format!("/OutOfRangeNotification/{code}"))]).into_response()
}
