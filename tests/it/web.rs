//! What every answer has in common: headers, errors, forms from elsewhere, static files.

use axum::body::Body;
use axum::http::{Method, StatusCode};
use otree_hr::web::assets::asset;
use otree_hr::web::routes::{self, Access};

use crate::support::client::{PASSWORD, Site};

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
    connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

#[tokio::test]
async fn every_page_for_people_tells_the_browser_to_be_careful() {
    let site = Site::new().await;
    let (ada, lab) = site.person("Ada").await;
    let members = format!("{lab}/members");
    for path in ["/login", "/signup", "/account", "/no/such/page", &*lab, &*members] {
        let answer = ada.get(path).await;
        let headers = [
            ("content-security-policy", POLICY),
            ("x-frame-options", "DENY"),
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "same-origin"),
            ("cache-control", "no-store"),
            ("cross-origin-opener-policy", "same-origin"),
            ("strict-transport-security", "max-age=31536000"),
        ];
        for (name, value) in headers {
            assert_eq!(answer.header(name), value, "{name} of {path}");
        }
    }
}

#[tokio::test]
async fn the_session_cookie_is_out_of_reach() {
    let site = Site::new().await;
    let ada = site.browser();
    ada.sign_up("Ada", PASSWORD).await;
    let fields = [("email", "ada@example.org"), ("password", PASSWORD)];
    let cookie = ada.post("/login", &fields).await.header("set-cookie");
    for part in ["__Host-session=", "HttpOnly", "Secure", "SameSite=Lax", "Path=/"] {
        assert!(cookie.contains(part), "{part} in {cookie}");
    }
    assert!(!cookie.contains("Domain"));
    let plain = Site::with(|config| config.public_url = "http://localhost:8000".parse().unwrap()).await;
    let bob = plain.browser();
    bob.sign_up("Bob", PASSWORD).await;
    assert!(bob.cookie().starts_with("session="), "{}", bob.cookie());
    assert_eq!(bob.get("/login").await.header("strict-transport-security"), "");
}

#[tokio::test]
async fn looking_around_makes_no_session() {
    let site = Site::new().await;
    let stranger = site.browser();
    for path in ["/", "/login", "/signup", "/health", "/account"] {
        stranger.get(path).await;
    }
    assert_eq!(stranger.cookie(), "");
}

#[tokio::test]
async fn a_form_from_another_site_is_not_carried_out() {
    let site = Site::new().await;
    let (ada, lab) = site.person("Ada").await;
    let rename = format!("{lab}/name");
    let ada = ada.sending("sec-fetch-site", "cross-site").sending("origin", "https://evil.example");
    let answer = ada.post(&rename, &[("lab_name", "Evil")]).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    assert!(answer.body.contains("came from another site"), "{}", answer.body);
    // An older browser sends the origin only.
    let ada = ada.sending("sec-fetch-site", "");
    assert_eq!(ada.post(&rename, &[("lab_name", "Evil")]).await.status, StatusCode::FORBIDDEN);
    let ada = ada.sending("origin", "https://hr.test");
    assert_eq!(ada.post(&rename, &[("lab_name", "Good")]).await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn every_form_for_people_asks_where_it_came_from() {
    let site = Site::new().await;
    let elsewhere = site.browser().sending("sec-fetch-site", "cross-site");
    for route in routes::table().routes {
        if route.method == Method::GET || route.access == Access::Worker {
            continue;
        }
        let path = route.path.split('/').map(|part| if part.starts_with('{') { "x" } else { part });
        let path = path.collect::<Vec<_>>().join("/");
        assert_eq!(elsewhere.post(&path, &[]).await.status, StatusCode::FORBIDDEN, "{path}");
    }
}

#[tokio::test]
async fn an_error_is_a_page_with_a_sentence_and_a_number_and_nothing_else() {
    let site = Site::new().await;
    let missing = site.browser().get("/no/such/page").await;
    assert_eq!(missing.status, StatusCode::NOT_FOUND);
    assert!(missing.body.contains("There is no such page.") && missing.body.contains("<code>"));
    let wrong = site.browser().send(Method::DELETE, "/login", Body::empty()).await;
    assert_eq!(wrong.status, StatusCode::METHOD_NOT_ALLOWED);
    assert!(wrong.body.contains("cannot be asked for in this way"));
    let large = site.browser().send(Method::POST, "/login", Body::from("x".repeat(5 << 20))).await;
    assert_eq!(large.status, StatusCode::BAD_REQUEST);

    site.app.pool.close().await;
    let broken = site.browser().post("/login", &[("email", "a@example.org"), ("password", "x")]).await;
    assert_eq!(broken.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert!(broken.body.contains("Something went wrong on our side."));
    assert!(!broken.body.to_lowercase().contains("pool"), "{}", broken.body);
    assert_eq!(site.browser().get("/health").await.status, StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn htmx_gets_fragments_and_is_sent_to_the_login_page_as_a_whole() {
    let site = Site::new().await;
    let fragment = site.browser().sending("hx-request", "true");
    let missing = fragment.get("/no/such/page").await;
    assert!(missing.body.starts_with("<p class=\"flash bad\""), "{}", missing.body);
    let fragment = fragment.sending("hx-current-url", "https://hr.test/labs/1?x=2");
    let nobody = fragment.get("/account").await;
    assert_eq!(nobody.status, StatusCode::NO_CONTENT);
    assert_eq!(nobody.header("hx-redirect"), "/login?next=%2Flabs%2F1");
}

#[tokio::test]
async fn static_files_are_kept_for_ever_under_the_hash_of_their_content() {
    let site = Site::new().await;
    let path = asset("app.css");
    let answer = site.browser().get(&path).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.header("content-type"), "text/css; charset=utf-8");
    assert_eq!(answer.header("cache-control"), "public, max-age=31536000, immutable");
    let tag = answer.header("etag");
    let again = site.browser().sending("if-none-match", &tag).get(&path).await;
    assert_eq!((again.status, again.body.len()), (StatusCode::NOT_MODIFIED, 0));
    assert_eq!(site.browser().get("/static/000000000000/app.css").await.status, StatusCode::NOT_FOUND);
    assert_eq!(site.browser().get("/static/000000000000/../Cargo.toml").await.status, StatusCode::NOT_FOUND);
    let zipped = site.browser().sending("accept-encoding", "gzip").get(&path).await;
    assert_eq!(zipped.header("content-encoding"), "gzip");
}

#[tokio::test]
async fn health_says_that_the_database_answers() {
    let site = Site::new().await;
    let answer = site.browser().get("/health").await;
    assert_eq!((answer.status, answer.body.as_str()), (StatusCode::OK, r#"{"status":"ok"}"#));
}
