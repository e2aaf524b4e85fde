//! Sites in a real database, checked against a server that answers as oTree does.

use chrono::Duration;
use kernel::clock::{Clock, TestClock};
use kernel::secret::Keyring;
use secrecy::ExposeSecret;
use sqlx::PgPool;
use wiremock::matchers::{header, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::*;
use crate::config::{Config, SignUp};
use crate::jobs::run_until_quiet;

struct World {
    app: App,
    clock: Arc<TestClock>,
    lab: LabId,
}

impl World {
    async fn new() -> Self {
        let pool = kernel::testing::database(&[&crate::MIGRATOR]).await;
        let clock = TestClock::starting_now();
        let lab = lab(&pool, clock.now()).await;
        Self { app: App::new(config(), pool, clock.clone()).unwrap(), clock, lab }
    }

    async fn register(&self, base: &str, key: Option<&str>) -> Result<SiteId, RegisterError> {
        let base_url = self.app.outbound.check_url(base).unwrap();
        let new = NewSite { name: "Our server".into(), base_url, key: key.map(SecretString::from) };
        let mut conn = self.app.pool.acquire().await.unwrap();
        register(&mut conn, &self.app.config.keyring, self.lab, &new, self.clock.now()).await
    }

    async fn site(&self, id: SiteId) -> Site {
        find(&mut self.app.pool.acquire().await.unwrap(), self.lab, id).await.unwrap().unwrap()
    }

    async fn edit(&self, id: SiteId, key: KeyChange) {
        let site = self.site(id).await;
        let mut conn = self.app.pool.acquire().await.unwrap();
        let keyring = &self.app.config.keyring;
        assert!(edit(&mut conn, keyring, &site, "Renamed", &key, self.clock.now()).await.unwrap());
    }

    async fn until_quiet(&self) {
        run_until_quiet(&reconcilers(&self.app)).await.unwrap();
    }
}

async fn lab(pool: &PgPool, now: DateTime<Utc>) -> LabId {
    let id = LabId::new();
    sqlx::query("INSERT INTO lab (id, name, created_at) VALUES ($1, 'Lab', $2)")
        .bind(id.0)
        .bind(now)
        .execute(pool)
        .await
        .unwrap();
    id
}

fn config() -> Config {
    let here: Url = "http://localhost:8000".parse().unwrap();
    Config {
        database_url: None,
        database_connections: 2,
        data: "unused".into(),
        listen: ([127, 0, 0, 1], 0).into(),
        public_url: here.clone(),
        market_listen: None,
        market_frame: crate::config::FrameOrigin::Sandboxed,
        market_url: here,
        market_words: std::collections::BTreeMap::new(),
        keyring: Keyring::new(&SecretString::from("k".repeat(32)), &[]).unwrap(),
        sign_up: SignUp::Open,
        allow_private: vec!["127.0.0.0/8".parse().unwrap()],
        mail: None,
        trust_proxy: false,
    }
}

fn says(status: u16, text: &str) -> ResponseTemplate {
    ResponseTemplate::new(status).set_body_bytes(text.as_bytes())
}

/// A site that knows one key and has one config.
async fn server(key: &str) -> MockServer {
    let server = MockServer::start().await;
    let good =
        [("/api/otree_version", r#"{"version":"6.0.15"}"#), ("/api/session_configs", r#"[{"name":"solo"}]"#)];
    for (place, text) in good {
        let asked = Mock::given(path(place)).and(header("otree-rest-key", key));
        asked.respond_with(says(200, text)).with_priority(1).mount(&server).await;
    }
    let missing = says(403, "HTTP Request Header otree-rest-key is missing");
    Mock::given(|r: &wiremock::Request| !r.headers.contains_key("otree-rest-key"))
        .respond_with(missing)
        .with_priority(2)
        .mount(&server)
        .await;
    let wrong = says(403, "HTTP Request Header otree-rest-key is incorrect");
    Mock::given(wiremock::matchers::any()).respond_with(wrong).with_priority(3).mount(&server).await;
    server
}

#[tokio::test]
async fn a_registered_site_is_checked_by_itself() {
    let (world, server) = (World::new().await, server("right").await);
    let id = world.register(&server.uri(), Some("right")).await.unwrap();
    assert_eq!(world.site(id).await.state, SiteState::Unchecked);
    world.until_quiet().await;
    let site = world.site(id).await;
    assert_eq!((site.state, site.problem.as_deref()), (SiteState::Ok, None));
    assert_eq!(site.version.as_deref(), Some("6.0.15"));
    assert_eq!(site.configs[0].name, "solo");
    assert_eq!((site.checked_at, site.good_at), (Some(world.clock.now()), Some(world.clock.now())));
}

#[tokio::test]
async fn a_site_is_checked_again_after_five_minutes_and_not_before() {
    let (world, server) = (World::new().await, server("right").await);
    let id = world.register(&server.uri(), Some("right")).await.unwrap();
    world.until_quiet().await;
    let first = world.site(id).await.checked_at;
    world.clock.advance(Duration::minutes(5) - Duration::seconds(1));
    world.until_quiet().await;
    assert_eq!(world.site(id).await.checked_at, first);
    world.clock.advance(Duration::seconds(1));
    world.until_quiet().await;
    assert_eq!(world.site(id).await.checked_at, Some(world.clock.now()));
}

#[tokio::test]
async fn a_site_that_breaks_keeps_its_configs_and_says_what_is_wrong() {
    let (world, server) = (World::new().await, server("right").await);
    let id = world.register(&server.uri(), Some("right")).await.unwrap();
    world.until_quiet().await;
    let good = world.site(id).await;
    server.reset().await;
    world.clock.advance(Duration::minutes(5));
    world.until_quiet().await;
    let site = world.site(id).await;
    assert_eq!(site.state, SiteState::Failed);
    assert!(site.problem.unwrap().contains("no oTree API"));
    assert_eq!((site.configs, site.version, site.good_at), (good.configs, good.version, good.good_at));
}

#[tokio::test]
async fn a_site_that_stays_broken_is_asked_less_and_less() {
    let world = World::new().await;
    let base = format!("http://127.0.0.1:{}", kernel::testing::free_port());
    let id = world.register(&base, None).await.unwrap();
    let mut checks = 0;
    for _ in 0..24 * 12 {
        let before = world.site(id).await.checked_at;
        world.until_quiet().await;
        checks += u32::from(world.site(id).await.checked_at != before);
        world.clock.advance(Duration::minutes(5));
    }
    assert_eq!(world.site(id).await.problem.as_deref(), Some("Nothing answers at this address."));
    assert!((30..=50).contains(&checks), "{checks} checks in a day");
}

#[tokio::test]
async fn a_new_key_is_tried_at_once() {
    let (world, server) = (World::new().await, server("right").await);
    let id = world.register(&server.uri(), Some("wrong")).await.unwrap();
    assert!(check_now(&world.app, id).await.unwrap());
    assert!(world.site(id).await.problem.unwrap().contains("not the one"));
    world.edit(id, KeyChange::Replace("right".into())).await;
    world.until_quiet().await;
    let site = world.site(id).await;
    assert_eq!((site.state, site.name.as_str()), (SiteState::Ok, "Renamed"));
    world.edit(id, KeyChange::Keep).await;
    world.until_quiet().await;
    assert_eq!(world.site(id).await.state, SiteState::Ok);
    world.edit(id, KeyChange::Remove).await;
    world.until_quiet().await;
    let site = world.site(id).await;
    assert!(!site.has_key && site.problem.unwrap().contains("needs its REST key"));
}

#[tokio::test]
async fn a_check_that_a_change_overtook_writes_nothing() {
    let (world, server) = (World::new().await, server("right").await);
    let id = world.register(&server.uri(), Some("wrong")).await.unwrap();
    let lease = crate::jobs::Lease::from(world.clock.now());
    let mut conn = world.app.pool.acquire().await.unwrap();
    assert_eq!(store::claim_due(&mut conn, lease, world.clock.now()).await.unwrap(), Some(id));
    world.edit(id, KeyChange::Replace("right".into())).await;
    let late = verdict::Verdict::key_unreadable();
    assert!(!store::record(&mut conn, id, lease, &late, world.clock.now()).await.unwrap());
    assert_eq!(world.site(id).await.state, SiteState::Unchecked);
}

#[tokio::test]
async fn two_checkers_never_hold_the_same_site() {
    let world = World::new().await;
    let id = world.register("https://otree.example.org", None).await.unwrap();
    let (now, mut conn) = (world.clock.now(), world.app.pool.acquire().await.unwrap());
    let lease = || crate::jobs::Lease::from(now);
    assert_eq!(store::claim_due(&mut conn, lease(), now).await.unwrap(), Some(id));
    assert_eq!(store::claim_due(&mut conn, lease(), now).await.unwrap(), None);
    let later = now + Duration::minutes(3);
    assert_eq!(store::claim_due(&mut conn, lease(), later).await.unwrap(), Some(id), "a lease lapses");
}

#[tokio::test]
async fn an_address_is_registered_once_per_lab() {
    let mut world = World::new().await;
    let mine = world.register("https://otree.example.org/demo", None).await.unwrap();
    let again = world.register("https://OTREE.example.org:443", None).await;
    assert!(matches!(again, Err(RegisterError::AddressTaken)));
    let first = std::mem::replace(&mut world.lab, lab(&world.app.pool, world.clock.now()).await);
    assert!(world.register("https://otree.example.org", None).await.is_ok());
    let mut conn = world.app.pool.acquire().await.unwrap();
    assert_eq!(find(&mut conn, world.lab, mine).await.unwrap(), None, "another lab's site");
    assert_eq!(list(&mut conn, first).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_key_is_sealed_to_its_row() {
    let world = World::new().await;
    let id = world.register("https://otree.example.org", Some("canary-17")).await.unwrap();
    let other = world.register("https://other.example.org", None).await.unwrap();
    let sealed: Vec<u8> = sqlx::query_scalar("SELECT rest_key_sealed FROM site WHERE id = $1")
        .bind(id.0)
        .fetch_one(&world.app.pool)
        .await
        .unwrap();
    assert!(!sealed.windows(9).any(|part| part == b"canary-17"));
    let open = |site| world.app.config.keyring.open(&key_place(world.lab, site), &sealed);
    assert_eq!(open(id).unwrap().expose_secret(), "canary-17");
    assert!(open(other).is_err());
    assert!(client(&world.app, id).await.is_ok());
    assert!(client(&world.app, SiteId::new()).await.is_err());
}

#[tokio::test]
async fn a_key_that_cannot_be_opened_is_asked_for_again() {
    let world = World::new().await;
    let id = world.register("https://otree.example.org", Some("key")).await.unwrap();
    sqlx::query("UPDATE site SET rest_key_sealed = '\\x00'").execute(&world.app.pool).await.unwrap();
    world.until_quiet().await;
    assert!(world.site(id).await.problem.unwrap().contains("Enter it again"));
}

#[tokio::test]
async fn an_unused_site_can_be_deleted() {
    let world = World::new().await;
    let id = world.register("https://otree.example.org", None).await.unwrap();
    let site = world.site(id).await;
    let mut conn = world.app.pool.acquire().await.unwrap();
    delete(&mut conn, &site).await.unwrap();
    assert_eq!(find(&mut conn, world.lab, id).await.unwrap(), None);
}
