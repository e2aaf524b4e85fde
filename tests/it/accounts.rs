//! Signing up, logging in and out, passwords, limits, the first run.

use axum::http::StatusCode;
use chrono::Duration;
use otree_hr::accounts;
use otree_hr::config::SignUp;

use crate::support::client::{PASSWORD, Site, email};

#[tokio::test]
async fn a_person_signs_up_logs_in_and_finds_a_lab_of_their_own() {
    let site = Site::new().await;
    let (ada, lab) = site.person("Ada").await;
    assert!(lab.starts_with("/labs/"), "{lab}");
    let page = ada.get(&lab).await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.body.contains("Ada’s lab") && page.body.contains("Register your oTree site"));
}

#[tokio::test]
async fn logging_in_leads_to_the_page_that_was_asked_for_but_never_to_another_site() {
    let site = Site::new().await;
    let ada = site.browser();
    ada.sign_up("Ada", PASSWORD).await;
    let asked = ada.get("/account?x=1").await;
    assert_eq!(asked.status, StatusCode::SEE_OTHER);
    assert_eq!(asked.location(), "/login?next=%2Faccount%3Fx%3D1");
    let fields = |next| [("email", "ada@example.org"), ("password", PASSWORD), ("next", next)];
    assert_eq!(ada.post("/login", &fields("/account?x=1")).await.location(), "/account?x=1");
    assert_eq!(ada.post("/login", &fields("//evil.example")).await.location(), "/");
}

#[tokio::test]
async fn a_form_keeps_what_was_typed_except_the_password() {
    let site = Site::new().await;
    let fields = [("name", "Ada L."), ("email", "not an address"), ("password", "shrt-secr")];
    let answer = site.browser().post("/signup", &fields).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(answer.body.contains(r#"value="Ada L.""#) && answer.body.contains(r#"value="not an address""#));
    assert!(answer.body.contains(r#"id="email-error""#) && answer.body.contains(r#"id="password-error""#));
    assert!(!answer.body.contains("shrt-secr"));
}

#[tokio::test]
async fn nobody_learns_from_words_who_has_an_account() {
    let site = Site::new().await;
    site.browser().sign_up("Ada", PASSWORD).await;
    let known = [("name", "X"), ("email", "ada@example.org"), ("password", "another good password")];
    let unknown = [("name", "X"), ("email", "bob@example.org"), ("password", "another good password")];
    let (one, two) = (site.browser(), site.browser());
    let (a, b) = (one.post("/signup", &known).await, two.post("/signup", &unknown).await);
    assert_eq!((a.status, &a.body, a.location()), (b.status, &b.body, b.location()));
    assert_eq!(one.get(&a.location()).await.body, two.get(&b.location()).await.body);

    let wrong = |email| [("email", email), ("password", "not the password")];
    let a = site.browser().post("/login", &wrong("ada@example.org")).await;
    let b = site.browser().post("/login", &wrong("eve@example.org")).await;
    assert_eq!((a.status, a.body.replace("ada@", "eve@")), (b.status, b.body));
    // The account that was there is as it was.
    site.browser().log_in("Ada", PASSWORD).await;
}

#[tokio::test]
async fn a_session_id_known_before_logging_in_is_worth_nothing() {
    let site = Site::new().await;
    let ada = site.browser();
    ada.sign_up("Ada", PASSWORD).await;
    let before = ada.cookie();
    assert!(before.starts_with("__Host-session="), "the flash message made a session: {before}");
    ada.log_in("Ada", PASSWORD).await;
    let after = ada.cookie();
    assert_ne!(before, after);
    let thief = site.browser();
    thief.plant(&before);
    assert_eq!(thief.get("/account").await.status, StatusCode::SEE_OTHER);
    let planted = site.browser();
    planted.plant("__Host-session=AAAAAAAAAAAAAAAAAAAAAA");
    planted.log_in("Ada", PASSWORD).await;
    assert_ne!(planted.cookie(), "__Host-session=AAAAAAAAAAAAAAAAAAAAAA");
}

#[tokio::test]
async fn after_logging_out_the_cookie_opens_nothing() {
    let site = Site::new().await;
    let (ada, _) = site.person("Ada").await;
    let cookie = ada.cookie();
    assert_eq!(ada.post("/logout", &[]).await.location(), "/login");
    assert!(ada.get("/login").await.body.contains("You are logged out."));
    let thief = site.browser();
    thief.plant(&cookie);
    assert_eq!(thief.get("/account").await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn changing_the_password_ends_every_other_session() {
    let site = Site::new().await;
    let (ada, _) = site.person("Ada").await;
    let phone = site.browser();
    phone.log_in("Ada", PASSWORD).await;
    let old_cookie = ada.cookie();
    let fields = |old| [("old_password", old), ("new_password", "a wholly other password")];

    let refused = ada.post("/account/password", &fields("wrong wrong wrong")).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(refused.body.contains("This is not your password."));
    assert_eq!(phone.get("/account").await.status, StatusCode::OK);

    assert_eq!(ada.post("/account/password", &fields(PASSWORD)).await.status, StatusCode::SEE_OTHER);
    assert_eq!(ada.get("/account").await.status, StatusCode::OK);
    assert_ne!(ada.cookie(), old_cookie);
    assert_eq!(phone.get("/account").await.status, StatusCode::SEE_OTHER);
    let old = site.browser().post("/login", &[("email", "ada@example.org"), ("password", PASSWORD)]).await;
    assert_eq!(old.status, StatusCode::UNPROCESSABLE_ENTITY);
    site.browser().log_in("Ada", "a wholly other password").await;
}

#[tokio::test]
async fn a_session_ends_without_use_and_after_a_week_in_any_case() {
    let site = Site::new().await;
    let (ada, _) = site.person("Ada").await;
    for _ in 0..13 {
        site.clock.advance(Duration::hours(11));
        assert_eq!(ada.get("/account").await.status, StatusCode::OK);
    }
    // 143 hours of use; then a pause too long.
    site.clock.advance(Duration::hours(12));
    assert_eq!(ada.get("/account").await.status, StatusCode::SEE_OTHER);

    ada.log_in("Ada", PASSWORD).await;
    for _ in 0..16 {
        site.clock.advance(Duration::hours(10));
        assert_eq!(ada.get("/account").await.status, StatusCode::OK);
    }
    site.clock.advance(Duration::hours(10));
    assert_eq!(ada.get("/account").await.status, StatusCode::SEE_OTHER, "170 hours is more than a week");
}

#[tokio::test]
async fn guessing_is_slowed_down_alike_for_known_and_unknown_addresses() {
    let site = Site::new().await;
    let ada = site.browser();
    ada.sign_up("Ada", PASSWORD).await;
    for name in ["Ada", "Nobody"] {
        for _ in 0..8 {
            let answer = ada.post("/login", &[("email", &email(name)), ("password", "wrong")]).await;
            assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
        }
        let answer = ada.post("/login", &[("email", &email(name)), ("password", PASSWORD)]).await;
        assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS);
        assert!(answer.body.contains("too many attempts"));
    }
    // Elsewhere the owner gets in at once; here after a while.
    site.browser().from([203, 0, 113, 5]).log_in("Ada", PASSWORD).await;
    site.clock.advance(Duration::minutes(16));
    ada.log_in("Ada", PASSWORD).await;
}

#[tokio::test]
async fn one_network_cannot_try_many_accounts() {
    let site = Site::new().await;
    let browser = site.browser();
    let mut refused = 0;
    for i in 0..103 {
        let email = format!("person{i}@example.org");
        let answer = browser.post("/login", &[("email", &email), ("password", "wrong")]).await;
        refused += usize::from(answer.status == StatusCode::TOO_MANY_REQUESTS);
    }
    assert_eq!(refused, 3);
}

#[tokio::test]
async fn a_hash_with_former_parameters_is_replaced_when_its_owner_logs_in() {
    let site = Site::new().await;
    let ada = site.browser();
    ada.sign_up("Ada", PASSWORD).await;
    let weak = weak_hash(PASSWORD);
    sqlx::query("UPDATE account SET password_hash = $1").bind(&weak).execute(&site.app.pool).await.unwrap();
    ada.log_in("Ada", PASSWORD).await;
    let stored: String =
        sqlx::query_scalar("SELECT password_hash FROM account").fetch_one(&site.app.pool).await.unwrap();
    assert!(stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{stored}");
    ada.log_in("Ada", PASSWORD).await;
}

fn weak_hash(password: &str) -> String {
    use argon2::password_hash::PasswordHasher;
    let params = argon2::Params::new(8192, 1, 1, None).unwrap();
    let hasher = argon2::Argon2::new(argon2::Algorithm::Argon2id, argon2::Version::V0x13, params);
    hasher.hash_password(password.as_bytes()).unwrap().to_string()
}

#[tokio::test]
async fn the_first_run_s_link_makes_one_operator_and_only_one() {
    let site = Site::with(|config| config.sign_up = SignUp::Closed).await;
    let (first, second) = (first_link(&site).await.unwrap(), first_link(&site).await.unwrap());
    let path = first.strip_prefix("https://hr.test").unwrap();
    let token = path.split_once('=').unwrap().1;
    let ada = site.browser();
    assert!(ada.get(path).await.body.contains("operator"));
    let fields = |name: &str, token: &str| {
        [
            ("name", name.to_owned()),
            ("email", email(name)),
            ("password", PASSWORD.into()),
            ("invitation", token.into()),
        ]
    };
    let post = async |name: &str, token: &str| {
        let fields = fields(name, token);
        let fields: Vec<(&str, &str)> = fields.iter().map(|(a, b)| (*a, b.as_str())).collect();
        site.browser().post("/signup", &fields).await.status
    };
    assert_eq!(post("Eve", "").await, StatusCode::FORBIDDEN, "the server is closed");
    assert_eq!(post("Ada", token).await, StatusCode::SEE_OTHER);
    assert_eq!(post("Eve", token).await, StatusCode::FORBIDDEN, "the link is spent");
    let other = second.split_once('=').unwrap().1;
    assert_eq!(post("Eve", other).await, StatusCode::FORBIDDEN, "there is an account now");
    assert_eq!(first_link(&site).await, None);
    ada.log_in("Ada", PASSWORD).await;
    assert_eq!(ada.get("/operator").await.status, StatusCode::OK);
}

async fn first_link(site: &Site) -> Option<String> {
    accounts::first_run_link(&site.app.pool, &site.app.clock, &site.app.config).await.unwrap()
}

#[tokio::test]
async fn by_invitation_only_means_with_a_link_only() {
    let site = Site::with(|config| config.sign_up = SignUp::Invite).await;
    let fresh = site.browser();
    assert_eq!(fresh.get("/signup").await.status, StatusCode::FORBIDDEN);
    let operator = site.browser();
    let link = first_link(&site).await.unwrap();
    let token = link.split_once('=').unwrap().1;
    let mine = [("name", "Op"), ("email", "op@example.org"), ("password", PASSWORD), ("invitation", token)];
    operator.post("/signup", &mine).await;
    operator.log_in("Op", PASSWORD).await;
    operator.post("/operator/invitations", &[]).await;
    let page = operator.get("/operator").await;
    let token = page.between("/signup?invitation=", "\"").to_owned();
    let theirs =
        [("name", "Bob"), ("email", "bob@example.org"), ("password", PASSWORD), ("invitation", &*token)];
    assert_eq!(fresh.post("/signup", &theirs).await.status, StatusCode::SEE_OTHER);
    fresh.log_in("Bob", PASSWORD).await;
    assert_eq!(fresh.get("/operator").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_server_always_keeps_an_operator() {
    let site = Site::new().await;
    let link = first_link(&site).await.unwrap();
    let token = link.split_once('=').unwrap().1;
    let op = site.browser();
    let mine = [("name", "Op"), ("email", "op@example.org"), ("password", PASSWORD), ("invitation", token)];
    op.post("/signup", &mine).await;
    op.log_in("Op", PASSWORD).await;
    site.person("Bob").await;
    let page = op.get("/operator").await.body;
    let ids: Vec<&str> =
        page.split("/operator/accounts/").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
    let [own, bobs] = ids[..] else { panic!("two accounts are listed: {ids:?}") };
    op.post(&format!("/operator/accounts/{own}"), &[("operator", "no")]).await;
    assert!(op.get("/operator").await.body.contains("A server needs an operator."));
    let delete = [("your_password", PASSWORD)];
    assert_eq!(op.post("/account/delete", &delete).await.status, StatusCode::UNPROCESSABLE_ENTITY);
    op.post(&format!("/operator/accounts/{bobs}"), &[("operator", "yes")]).await;
    assert_eq!(op.post("/account/delete", &delete).await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn the_console_resets_a_forgotten_password_and_appoints_an_operator() {
    let site = Site::new().await;
    let (ada, _) = site.person("Ada").await;
    let address = "ada@example.org".parse().unwrap();
    let fresh = accounts::reset_password(&site.app.pool, &site.app.clock, &address).await.unwrap().unwrap();
    assert_eq!(ada.get("/account").await.status, StatusCode::SEE_OTHER);
    ada.log_in("Ada", &fresh).await;
    assert_eq!(ada.get("/operator").await.status, StatusCode::NOT_FOUND);
    assert!(accounts::appoint(&site.app.pool, &site.app.clock, &address).await.unwrap());
    assert_eq!(ada.get("/operator").await.status, StatusCode::OK);
    let nobody = "nobody@example.org".parse().unwrap();
    assert_eq!(accounts::reset_password(&site.app.pool, &site.app.clock, &nobody).await.unwrap(), None);
}
