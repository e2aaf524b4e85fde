//! The tenants' walls: every route of the site, walked by nobody, a stranger, a viewer, an editor and an owner.
//!
//! The list of routes is the router's own table, so none can be forgotten; a route with a kind of row
//! that this test does not know fails it, until the row is planted here.

use axum::http::{Method, StatusCode};
use chrono::{DateTime, Utc};
use kernel::clock::Clock;
use otree_hr::connections::{self, Act, Custom, Environment, Keys, NewConnection};
use otree_hr::labs::LabId;
use otree_hr::web::routes::{self, Access, Route};
use sqlx::PgPool;
use uuid::Uuid;

use crate::support::client::{Answer, Browser, Site, email};

/// A lab with one row of every kind.
struct Planted {
    lab: Uuid,
    site: Uuid,
    connection: Uuid,
    rehearsal: Uuid,
    study: Uuid,
    invitation: Uuid,
    member: Uuid,
    text: Uuid,
    order: Uuid,
    confirmation: Uuid,
    difference: Uuid,
}

struct World {
    site: Site,
    nobody: Browser,
    stranger: Browser,
    strangers_lab: Uuid,
    viewer: Browser,
    editor: Browser,
    owner: Browser,
    ids: [Uuid; 3],
}

impl World {
    async fn new() -> Self {
        let site = Site::with(|config| {
            config.allow_private = vec!["127.0.0.0/8".parse().unwrap()];
            // Nobody answers there: the rehearsal's pages must say so and stand.
            config.market_url = "http://127.0.0.1:4999/market".parse().unwrap();
        })
        .await;
        let (owner, _) = site.person("Olga").await;
        let (editor, _) = site.person("Emil").await;
        let (viewer, _) = site.person("Vera").await;
        let (stranger, lab) = site.person("Sten").await;
        let strangers_lab = lab.strip_prefix("/labs/").unwrap().parse().unwrap();
        let pool = &site.app.pool;
        let ids = [account(pool, "Olga").await, account(pool, "Emil").await, account(pool, "Vera").await];
        Self { nobody: site.browser(), site, stranger, strangers_lab, viewer, editor, owner, ids }
    }

    /// A new lab of the same people, so that no route meets what another one did.
    async fn plant(&self) -> Planted {
        let (pool, now) = (&self.site.app.pool, self.site.clock.now());
        let [lab, site, study, invitation, member, text] = std::array::from_fn(|_| Uuid::now_v7());
        let run = async |sql: &'static str, ids: &[Uuid]| {
            let mut query = sqlx::query(sql).bind(now);
            for id in ids {
                query = query.bind(*id);
            }
            query.execute(pool).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
        };
        run("INSERT INTO lab (id, name, created_at) VALUES ($2, 'Walled garden', $1)", &[lab]).await;
        run(
            "INSERT INTO account (id, email, name, password_hash, created_at, password_changed_at)
             VALUES ($2, $2::text || '@example.org', 'Someone', 'x', $1, $1)",
            &[member],
        )
        .await;
        for (id, role) in self.ids.iter().chain([&member]).zip(["owner", "editor", "viewer", "viewer"]) {
            sqlx::query(
                "INSERT INTO membership (lab_id, account_id, role, joined_at) VALUES ($1, $2, $3, $4)",
            )
            .bind(lab)
            .bind(id)
            .bind(role)
            .bind(now)
            .execute(pool)
            .await
            .unwrap();
        }
        run(
            "INSERT INTO site (id, lab_id, name, base_url, next_check_at, created_at)
             VALUES ($2, $3, 'A server', 'http://127.0.0.1:4999', $1, $1)",
            &[site, lab],
        )
        .await;
        let connection = self.connection(lab, Environment::Custom).await;
        let rehearsal = self.connection(lab, Environment::Rehearsal).await;
        run(STUDY, &[study, lab, site, connection]).await;
        run(
            "INSERT INTO invitation (id, lab_id, role, token_hash, created_at, expires_at)
             VALUES ($2, $3, 'viewer', uuid_send($2), $1, $1 + interval '1 day')",
            &[invitation, lab],
        )
        .await;
        run(
            "INSERT INTO saved_text (id, lab_id, name, body, created_at) VALUES ($2, $3, 'Thanks', 'Secret thanks', $1)",
            &[text, lab],
        )
        .await;
        let [paid, batch, worker, participation, order, confirmation, difference] =
            std::array::from_fn(|_| Uuid::now_v7());
        // Money is about another study than the draft, which can be thrown away.
        run(STUDY, &[paid, lab, site, connection]).await;
        run(BATCH, &[batch, lab, paid]).await;
        run(WORKER, &[worker, lab]).await;
        run(PARTICIPATION, &[participation, lab, paid, batch, worker]).await;
        run(CONFIRMATION, &[confirmation, lab, paid]).await;
        run(ORDER, &[order, lab, paid, participation, connection]).await;
        run(DIFFERENCE, &[difference, lab, connection, paid]).await;
        Planted {
            lab,
            site,
            connection,
            rehearsal,
            study,
            invitation,
            member,
            text,
            order,
            confirmation,
            difference,
        }
    }

    async fn connection(&self, lab: Uuid, environment: Environment) -> Uuid {
        let app = &self.site.app;
        let nowhere: url::Url = "http://127.0.0.1:4999".parse().unwrap();
        let new = NewConnection {
            name: format!("A marketplace ({environment})"),
            environment,
            custom: (environment == Environment::Custom)
                .then(|| Custom { endpoint: nowhere.clone(), worker_site: nowhere }),
            keys: Keys { access_key_id: "AKIDEXAMPLE".into(), secret: "wJalrXUtnFEMI".into() },
        };
        let act = Act { lab: LabId(lab), by: None, at: self.site.clock.now() };
        let mut conn = app.pool.acquire().await.unwrap();
        connections::create(&mut conn, &app.config.keyring, act, &new).await.unwrap().0
    }
}

const STUDY: &str = "INSERT INTO study (id, lab_id, code, name, site_id, connection_id, environment, state,
        config_name, places, spare_seats, group_size, batch_size, reward_cents, max_bonus_cents, budget_cents,
        title, description, keywords, duration_s, lifetime_s, auto_approve_s, frame_height, play, completion,
        next_step_at, created_at)
    VALUES ($2, $3, $2::text, 'Secret plan', $4, $5, 'custom', 'draft', 'solo', 9, 1, 1, 9, 100, 100, 10000,
        'A title', 'A description', 'words', 1800, 86400, 86400, 800, 'new_tab', 'reported', $1, $1)";

const BATCH: &str =
    "INSERT INTO batch (id, lab_id, study_id, position, places, state, request_token, next_poll_at)
    VALUES ($2, $3, $4, 1, 9, 'planned', $2::text, $1)";
const WORKER: &str = "INSERT INTO worker (id, lab_id, realm, external_id, pseudonym, created_at)
    VALUES ($2, $3, 'mturk:custom', 'ASECRETWORKER', 'secret-pseudonym', $1)";
const PARTICIPATION: &str = "INSERT INTO participation
        (id, lab_id, study_id, batch_id, worker_id, code, assignment_id, admitted_at, submitted_at)
    VALUES ($2, $3, $4, $5, $6, $2::text, '3ASSIGNMENT', $1, $1)";
const CONFIRMATION: &str =
    "INSERT INTO confirmation (id, lab_id, study_id, orders, total_cents, asked_at, state)
    VALUES ($2, $3, $4, 1, 120, $1, 'waiting')";
const ORDER: &str =
    "INSERT INTO payment_order (id, lab_id, study_id, participation_id, connection_id, kind, source,
        amount_cents, fee_cents, currency, words, state, next_step_at, created_at, others_found)
    VALUES ($2, $3, $4, $5, $6, 'bonus', 'payoff', 100, 20, 'USD', '', 'unknown', $1, $1, 1)";
const DIFFERENCE: &str = "INSERT INTO difference
        (id, lab_id, connection_id, study_id, kind, subject, ours, theirs, first_seen_at, last_seen_at)
    VALUES ($2, $3, $4, $5, 'bonus_twice', '3ASSIGNMENT', 'one', 'two', $1, $1)";

async fn account(pool: &PgPool, name: &str) -> Uuid {
    sqlx::query_scalar("SELECT id FROM account WHERE email = $1")
        .bind(email(name))
        .fetch_one(pool)
        .await
        .unwrap()
}

/// The path with real ids in it. `lab` is apart, so that another lab's rows can be asked for.
fn filled(route: &Route, rows: &Planted, lab: Uuid) -> String {
    let part = |part: &str| match part {
        "{lab}" => lab.to_string(),
        "{site}" => rows.site.to_string(),
        // Only a rehearsal has these pages.
        "{connection}" if route.path.contains("{connection}/rehearsal") => rows.rehearsal.to_string(),
        "{connection}" => rows.connection.to_string(),
        "{study}" => rows.study.to_string(),
        "{invitation}" => rows.invitation.to_string(),
        "{text}" => rows.text.to_string(),
        "{account}" => rows.member.to_string(),
        "{token}" => "no-such-token".to_owned(),
        "{order}" => rows.order.to_string(),
        "{confirmation}" => rows.confirmation.to_string(),
        "{difference}" => rows.difference.to_string(),
        other if other.starts_with('{') => panic!("{}: plant a row for {other} here", route.path),
        other => other.to_owned(),
    };
    route.path.split('/').map(part).collect::<Vec<_>>().join("/")
}

async fn ask(browser: &Browser, route: &Route, path: &str) -> Answer {
    if route.method == Method::GET { browser.get(path).await } else { browser.post(path, &[]).await }
}

fn in_lab(route: &Route) -> bool {
    matches!(route.access, Access::Viewer | Access::Editor | Access::Owner)
}

fn let_in(answer: &Answer, what: &str) {
    let kept_out = [StatusCode::FORBIDDEN, StatusCode::NOT_FOUND, StatusCode::UNAUTHORIZED];
    assert!(!kept_out.contains(&answer.status), "{what}: {}", answer.status);
    assert!(!answer.location().starts_with("/login"), "{what}");
    assert!(answer.status != StatusCode::INTERNAL_SERVER_ERROR, "{what}");
}

#[tokio::test]
async fn nobody_is_sent_to_the_login_page_by_every_route_that_needs_a_person() {
    let world = World::new().await;
    let rows = world.plant().await;
    for route in routes::table().routes {
        if matches!(route.access, Access::Nobody | Access::Worker) {
            continue;
        }
        let path = filled(&route, &rows, rows.lab);
        let answer = ask(&world.nobody, &route, &path).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{} {path}", route.method);
        assert!(answer.location().starts_with("/login"), "{} {path}", route.method);
    }
}

#[tokio::test]
async fn a_stranger_finds_nothing_of_another_lab_not_even_under_their_own() {
    let world = World::new().await;
    let rows = world.plant().await;
    for route in routes::table().routes {
        if route.access == Access::Operator {
            let path = filled(&route, &rows, rows.lab);
            assert_eq!(ask(&world.stranger, &route, &path).await.status, StatusCode::NOT_FOUND, "{path}");
        }
        if !in_lab(&route) {
            continue;
        }
        let path = filled(&route, &rows, rows.lab);
        let answer = ask(&world.stranger, &route, &path).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{} {path}", route.method);
        assert!(!answer.body.contains("Walled garden"), "{path}");
        if route.path.matches('{').count() > 1 {
            let path = filled(&route, &rows, world.strangers_lab);
            let answer = ask(&world.stranger, &route, &path).await;
            // A role without a name is refused before anybody looks for the member.
            let early = route.path.ends_with("/role") && answer.status == StatusCode::BAD_REQUEST;
            assert!(early || answer.status == StatusCode::NOT_FOUND, "{} {path}", route.method);
        }
    }
    let unchanged: Option<DateTime<Utc>> = sqlx::query_scalar("SELECT checked_at FROM site WHERE id = $1")
        .bind(rows.site)
        .fetch_one(&world.site.app.pool)
        .await
        .unwrap();
    assert_eq!(unchanged, None);
}

#[tokio::test]
async fn a_viewer_sees_pages_and_changes_nothing() {
    let world = World::new().await;
    for route in routes::table().routes.into_iter().filter(in_lab) {
        let rows = world.plant().await;
        let path = filled(&route, &rows, rows.lab);
        let answer = ask(&world.viewer, &route, &path).await;
        let what = format!("{} {path}", route.method);
        if route.access != Access::Viewer {
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{what}");
        } else {
            let_in(&answer, &what);
        }
    }
}

#[tokio::test]
async fn an_editor_and_an_owner_may_what_their_role_says() {
    let world = World::new().await;
    for route in routes::table().routes.into_iter().filter(in_lab) {
        for (browser, may) in [(&world.editor, route.access != Access::Owner), (&world.owner, true)] {
            let rows = world.plant().await;
            let path = filled(&route, &rows, rows.lab);
            let answer = ask(browser, &route, &path).await;
            let what = format!("{} {path}", route.method);
            match may {
                false => assert_eq!(answer.status, StatusCode::FORBIDDEN, "{what}"),
                true => let_in(&answer, &what),
            }
        }
    }
}

#[tokio::test]
async fn looking_changes_nothing() {
    let world = World::new().await;
    let rows = world.plant().await;
    let pool = &world.site.app.pool;
    let count = async || -> i64 {
        sqlx::query_scalar(
            "SELECT (SELECT count(*) FROM audit_event) + (SELECT count(*) FROM invitation)
                  + (SELECT count(*) FROM membership) + (SELECT count(*) FROM site)
                  + (SELECT count(*) FROM connection) + (SELECT count(*) FROM study)
                  + (SELECT count(*) FROM payment_order) + (SELECT count(*) FROM web_session)",
        )
        .fetch_one(pool)
        .await
        .unwrap()
    };
    let before = count().await;
    for route in routes::table().routes {
        if route.method == Method::GET && in_lab(&route) {
            world.owner.get(&filled(&route, &rows, rows.lab)).await;
        }
    }
    assert_eq!(count().await, before);
}
