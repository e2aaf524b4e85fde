//! The tenants' walls from inside: nobody changes another lab's rows, and no form reaches over the wall.

use axum::http::{Method, StatusCode};
use chrono::Duration;
use kernel::money::Cents;
use otree_hr::labs::Role;
use otree_hr::review::Decision;
use otree_hr::studies::{Study, batches};
use otree_hr::web::routes::{self, Access, Route};
use uuid::Uuid;

use crate::support::client::Browser;
use crate::support::door::{get, go};
use crate::support::lab::{Lab, REST_KEY, SECRET, account};
use crate::support::world::carry_out;

/// A lab in the middle of a study: people at work, submitted, ordered.
struct Busy {
    lab: Lab,
    study: Study,
    draft: Study,
    people: Vec<Uuid>,
    order: Uuid,
    invitation: Uuid,
}

impl Busy {
    async fn new() -> Self {
        Self::of(Lab::new().await).await
    }

    async fn of(lab: Lab) -> Self {
        let (study, _) = lab.open_study(&lab.form()).await;
        let draft = lab.draft(&lab.form()).await;
        for (worker, hit) in [("ANNA", "HIT1"), ("BERT", "HIT1"), ("CARL", "HIT2")] {
            let page = get(&lab.app, &go(&study.code, hit, worker, &format!("A{worker}"))).await;
            assert!(page.location().starts_with("/w/"), "{}", page.body);
        }
        sqlx::query(
            "UPDATE participation SET opened_at = admitted_at, finished_at = admitted_at,
                submitted_at = admitted_at, payoff_cents = 70 WHERE lab_id = $1",
        )
        .bind(lab.id.0)
        .execute(&lab.app.pool)
        .await
        .unwrap();
        let people: Vec<Uuid> =
            sqlx::query_scalar("SELECT id FROM participation WHERE lab_id = $1 ORDER BY seat_number")
                .bind(lab.id.0)
                .fetch_all(&lab.app.pool)
                .await
                .unwrap();
        let decision = Decision::ApproveWithBonus { feedback: String::new(), amount: None };
        carry_out(&lab.app, &study, lab.owner, &people[..1], &decision, Cents(204)).await.unwrap();
        let order: Uuid =
            sqlx::query_scalar("SELECT id FROM payment_order WHERE lab_id = $1 AND kind = 'bonus'")
                .bind(lab.id.0)
                .fetch_one(&lab.app.pool)
                .await
                .unwrap();
        let invitation = Uuid::now_v7();
        sqlx::query(
            "INSERT INTO invitation (id, lab_id, role, token_hash, created_at, expires_at)
             VALUES ($1, $2, 'viewer', uuid_send($1), $3, $4)",
        )
        .bind(invitation)
        .bind(lab.id.0)
        .bind(lab.clock_now())
        .bind(lab.clock_now() + Duration::days(1))
        .execute(&lab.app.pool)
        .await
        .unwrap();
        Self { lab, study, draft, people, order, invitation }
    }

    /// The route's path with this lab's rows in it, for the study given.
    fn path(&self, route: &Route, study: &Study) -> String {
        let part = |part: &str| match part {
            "{lab}" => self.lab.id.to_string(),
            "{site}" => self.lab.site.to_string(),
            "{connection}" => self.lab.connection.to_string(),
            "{study}" => study.id.to_string(),
            "{invitation}" => self.invitation.to_string(),
            "{account}" => self.lab.owner.to_string(),
            "{participation}" => self.people[1].to_string(),
            "{order}" => self.order.to_string(),
            // Rows that only some routes need: whoever is let in is told that there is none.
            "{text}" | "{confirmation}" | "{difference}" => Uuid::nil().to_string(),
            other if other.starts_with('{') => panic!("{}: name a row for {other} here", route.path),
            other => other.to_owned(),
        };
        route.path.split('/').map(part).collect::<Vec<_>>().join("/")
    }

    /// A form that would do something if it were let in.
    fn form(&self) -> Vec<(&'static str, String)> {
        let mut form = vec![
            ("decision", "approve".to_owned()),
            ("shown", "120".to_owned()),
            ("name", "Changed".to_owned()),
            ("role", "owner".to_owned()),
            ("budget", "9999".to_owned()),
            ("reason", "Changed".to_owned()),
        ];
        form.extend(self.people.iter().map(|id| ("id", id.to_string())));
        form
    }
}

fn in_lab(route: &Route) -> bool {
    matches!(route.access, Access::Viewer | Access::Editor | Access::Owner)
}

async fn ask(browser: &Browser, route: &Route, path: &str, form: &[(&'static str, String)]) -> StatusCode {
    let form: Vec<(&str, &str)> = form.iter().map(|(name, value)| (*name, &**value)).collect();
    match route.method {
        Method::GET => browser.get(path).await.status,
        _ => browser.post(path, &form).await.status,
    }
}

#[tokio::test]
async fn who_is_kept_out_changes_nothing() {
    let busy = Busy::new().await;
    let stranger = busy.lab.neighbour("second").await;
    let strange = stranger.browser(stranger.owner).await;
    let nobody = Browser::on(otree_hr::web::router(busy.lab.app.clone()));
    let viewer = busy.lab.member(Role::Viewer).await;
    let before = busy.lab.everything().await;
    let mut walked = 0;
    for route in routes::table().routes.into_iter().filter(in_lab) {
        for study in [&busy.study, &busy.draft] {
            let path = busy.path(&route, study);
            assert_eq!(ask(&strange, &route, &path, &busy.form()).await, StatusCode::NOT_FOUND, "{path}");
            assert_eq!(ask(&nobody, &route, &path, &busy.form()).await, StatusCode::SEE_OTHER, "{path}");
            if route.access > Access::Viewer {
                assert_eq!(ask(&viewer, &route, &path, &busy.form()).await, StatusCode::FORBIDDEN, "{path}");
            }
            walked += 1;
        }
    }
    assert!(walked > 40, "{walked}");
    assert_eq!(busy.lab.everything().await, before);
}

#[tokio::test]
async fn an_editor_cannot_do_what_owners_decide() {
    let busy = Busy::new().await;
    let editor = busy.lab.member(Role::Editor).await;
    let before = busy.lab.everything().await;
    let owners = routes::table().routes.into_iter().filter(|route| route.access == Access::Owner);
    for route in owners {
        let path = busy.path(&route, &busy.study);
        assert_eq!(ask(&editor, &route, &path, &busy.form()).await, StatusCode::FORBIDDEN, "{path}");
    }
    assert_eq!(busy.lab.everything().await, before);
}

#[tokio::test]
async fn looking_changes_nothing_and_shows_no_secret() {
    let busy = Busy::new().await;
    let owner = busy.lab.browser(busy.lab.owner).await;
    let viewer = busy.lab.member(Role::Viewer).await;
    let before = busy.lab.everything().await;
    for route in routes::table().routes.into_iter().filter(in_lab).filter(|r| r.method == Method::GET) {
        for study in [&busy.study, &busy.draft] {
            let path = busy.path(&route, study);
            let seen = owner.get(&path).await;
            assert!(!seen.status.is_server_error(), "{path}: {}", seen.body);
            for secret in [SECRET, REST_KEY] {
                assert!(!seen.body.contains(secret), "{path} shows a secret");
            }
            let seen = viewer.get(&path).await;
            for worker in ["ANNA", "BERT", "CARL"] {
                assert!(!seen.body.contains(worker), "{path} names a worker to a viewer");
            }
        }
    }
    assert_eq!(busy.lab.everything().await, before);
}

#[tokio::test]
async fn a_study_cannot_be_made_of_another_labs_site_or_connection() {
    let busy = Busy::new().await;
    let other = busy.lab.neighbour("second").await;
    let owner = other.browser(other.owner).await;
    let draft = other.draft(&other.form()).await;
    let before = (busy.lab.everything().await, other.everything().await);
    let theirs = (format!("{}:solo", busy.lab.site), busy.lab.connection.to_string());
    let ours = (format!("{}:solo", other.site), other.connection.to_string());
    for (pick, connection) in [(&theirs.0, &ours.1), (&ours.0, &theirs.1), (&theirs.0, &theirs.1)] {
        let form = fields(pick, connection);
        for path in
            [format!("{}/studies", other.path()), format!("{}/studies/{}/edit", other.path(), draft.id)]
        {
            let answer = owner.post(&path, &form).await;
            assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{path}: {}", answer.body);
        }
        let new = format!("{}/studies/new?pick={pick}&connection={connection}", other.path());
        assert_eq!(owner.get(&new).await.status, StatusCode::UNPROCESSABLE_ENTITY);
    }
    assert_eq!((busy.lab.everything().await, other.everything().await), before);
    let answer = owner.post(&format!("{}/studies", other.path()), &fields(&ours.0, &ours.1)).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "the form is good with the lab's own rows");
}

/// A complete form.
fn fields<'a>(pick: &'a str, connection: &'a str) -> Vec<(&'static str, &'a str)> {
    vec![
        ("pick", pick),
        ("connection", connection),
        ("name", "Pilot"),
        ("places", "4"),
        ("reward", "1.00"),
        ("max_bonus", "5.00"),
        ("title", "Pick a number"),
        ("description", "Two minutes"),
    ]
}

#[tokio::test]
async fn a_review_reaches_only_the_people_of_its_own_study() {
    let busy = Busy::new().await;
    let other = busy.lab.neighbour("second").await;
    let (study, _) = other.open_study(&other.form()).await;
    let owner = other.browser(other.owner).await;
    let before = busy.lab.everything().await;
    let review = format!("{}/studies/{}/review", other.path(), study.id);
    let people: Vec<String> = busy.people.iter().map(Uuid::to_string).collect();
    for decision in ["approve", "approve_with_bonus", "bonus", "reject"] {
        for shown in ["0.00", "2.40", "4.08"] {
            let mut form = vec![("decision", decision), ("shown", shown), ("words", "Because")];
            form.extend(people.iter().map(|id| ("id", &**id)));
            let page = owner.post(&review, &form).await;
            let pseudonyms: Vec<String> =
                sqlx::query_scalar("SELECT pseudonym FROM worker WHERE lab_id = $1")
                    .bind(busy.lab.id.0)
                    .fetch_all(&other.app.pool)
                    .await
                    .unwrap();
            assert!(pseudonyms.iter().all(|name| !page.body.contains(name)), "{}", page.body);
            owner.post(&format!("{review}/decide"), &form).await;
        }
    }
    assert_eq!(busy.lab.everything().await, before);
    let ordered: i64 = sqlx::query_scalar("SELECT count(*) FROM payment_order WHERE study_id = $1")
        .bind(study.id.0)
        .fetch_one(&other.app.pool)
        .await
        .unwrap();
    assert_eq!(ordered, 0);
}

#[tokio::test]
async fn the_same_person_is_somebody_else_in_another_lab() {
    let busy = Busy::new().await;
    let other = Busy::of(busy.lab.neighbour("second").await).await;
    let names: Vec<(String, i64, i64)> = sqlx::query_as(
        "SELECT external_id, count(*), count(DISTINCT pseudonym) FROM worker GROUP BY external_id",
    )
    .fetch_all(&busy.lab.app.pool)
    .await
    .unwrap();
    assert_eq!(names.len(), 3);
    assert!(names.iter().all(|(_, rows, pseudonyms)| (*rows, *pseudonyms) == (2, 2)), "{names:?}");
    // A HIT of the one study opens nothing in the other.
    let mut conn = busy.lab.app.pool.acquire().await.unwrap();
    let hit = batches::of_study(&mut conn, other.study.id).await.unwrap()[0].hit_id.clone().unwrap();
    sqlx::query("UPDATE batch SET hit_id = 'FOREIGN' WHERE study_id = $1 AND hit_id = $2")
        .bind(other.study.id.0)
        .bind(hit)
        .execute(&mut *conn)
        .await
        .unwrap();
    drop(conn);
    let page = get(&busy.lab.app, &go(&busy.study.code, "FOREIGN", "DORA", "A1")).await;
    assert!(page.body.contains("does not lead to a study"), "{}", page.body);
}

#[tokio::test]
async fn who_has_left_the_lab_is_a_stranger_at_once() {
    let busy = Busy::new().await;
    let person = account(&busy.lab.app, "leaver@example.org").await;
    busy.lab.join(person, Role::Editor).await;
    let browser = busy.lab.browser(person).await;
    let page = format!("{}/studies/{}", busy.lab.path(), busy.study.id);
    assert_eq!(browser.get(&page).await.status, StatusCode::OK);
    sqlx::query("DELETE FROM membership WHERE account_id = $1")
        .bind(person.0)
        .execute(&busy.lab.app.pool)
        .await
        .unwrap();
    assert_eq!(browser.get(&page).await.status, StatusCode::NOT_FOUND);
}
