//! Sign up, sign in, sign out.

use axum::http::StatusCode;

use market::workers::bots::browser::client;

use crate::world::{PASSWORD, attribute, browser, external, form, world};

#[tokio::test]
async fn signing_in_brings_people_back_to_the_group_they_wanted() {
    let world = world().await;
    let (_, group) = world.publish("Pick a number", &external("https://hr.example/go/1"), 1).await;
    world.worker("Ada").await;
    let mut browser = browser();
    let list = browser.get(&world.at("")).await.unwrap();
    assert_eq!(attribute(&list, "[data-group]", "data-group").as_ref(), Some(&group), "the list is public");
    let asked = browser.get(&world.at(&format!("groups/{group}"))).await.unwrap();
    assert_eq!(asked.url.path(), "/market/sign-in");
    assert_eq!(attribute(&asked, "input[name=group]", "value").as_ref(), Some(&group));
    let fields = form(&[("name", " ada "), ("password", PASSWORD), ("group", &group)]);
    let back = browser.post(&world.at("sign-in"), &fields).await.unwrap();
    assert_eq!(back.url.path(), format!("/market/groups/{group}"));
    let elsewhere = form(&[("name", "Ada"), ("password", PASSWORD), ("group", "//evil.example")]);
    let stayed = browser.post(&world.at("sign-in"), &elsewhere).await.unwrap();
    assert_eq!(stayed.url.path(), "/market");
}

#[tokio::test]
async fn people_may_sign_in_by_worker_id() {
    let world = world().await;
    let (_, worker_id) = world.worker("Ada").await;
    let fields = form(&[("name", &worker_id), ("password", PASSWORD)]);
    let page = browser().post(&world.at("sign-in"), &fields).await.unwrap();
    assert_eq!(attribute(&page, "[data-worker-id]", "data-worker-id"), Some(worker_id));
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_name_read_the_same() {
    let world = world().await;
    world.worker("Ada").await;
    let attempt = async |name: &str| {
        let fields = form(&[("name", name), ("password", "not the password")]);
        let page = browser().post(&world.at("sign-in"), &fields).await.unwrap();
        (page.status, page.body.replace(name, "NAME"))
    };
    assert_eq!(attempt("Ada").await, attempt("Eve").await);
    for _ in 0..9 {
        assert_eq!(attempt("Ada").await.0, StatusCode::UNPROCESSABLE_ENTITY);
    }
    let right = form(&[("name", "ADA"), ("password", PASSWORD)]);
    let resting = browser().post(&world.at("sign-in"), &right).await.unwrap();
    assert_eq!(resting.status, StatusCode::TOO_MANY_REQUESTS);
    world.clock.advance(chrono::Duration::minutes(16));
    let later = browser().post(&world.at("sign-in"), &right).await.unwrap();
    assert!(attribute(&later, "[data-worker-id]", "data-worker-id").is_some());
}

#[tokio::test]
async fn guesses_made_at_the_same_time_are_counted_one_by_one() {
    let world = world().await;
    world.worker("Ada").await;
    let guess = async |n: usize| {
        let password = format!("guess number {n:03}");
        let fields = form(&[("name", "Ada"), ("password", &password)]);
        browser().post(&world.at("sign-in"), &fields).await.unwrap().status
    };
    let statuses = futures_util::future::join_all((0..30).map(guess)).await;
    let tried = statuses.iter().filter(|status| **status == StatusCode::UNPROCESSABLE_ENTITY).count();
    let refused = statuses.iter().filter(|status| **status == StatusCode::TOO_MANY_REQUESTS).count();
    assert_eq!((tried, refused), (10, 20));
}

#[tokio::test]
async fn a_right_password_does_not_count_and_blanks_are_as_at_sign_up() {
    let world = world().await;
    let (_, id) = world.worker("  Ada \t Lovelace ").await;
    for name in ["Ada Lovelace", " ada   lovelace", "ADA\u{a0}LOVELACE"].iter().cycle().take(12) {
        let fields = form(&[("name", name), ("password", PASSWORD)]);
        let page = browser().post(&world.at("sign-in"), &fields).await.unwrap();
        assert_eq!(attribute(&page, "[data-worker-id]", "data-worker-id").as_ref(), Some(&id), "{name}");
    }
}

#[tokio::test]
async fn what_no_page_understands_is_answered_in_words() {
    let world = world().await;
    let (mut ada, _) = world.worker("Ada").await;
    let mut get = async |path: &str| ada.get(&world.at("").join(path).unwrap()).await.unwrap();
    for (path, words) in [
        ("market?sort=x", "is not what this page expects"),
        ("market?words=a%00b", "cannot be stored"),
        ("market/groups/%00", "cannot be stored"),
        ("market/groups/%FF", "is not what this page expects"),
    ] {
        let page = get(path).await;
        assert_eq!(page.status, StatusCode::BAD_REQUEST, "{path}");
        assert!(page.body.contains("<h1>") && page.body.contains(words), "{path}: {}", page.body);
    }
    let nul = form(&[("name", "A\0da"), ("password", PASSWORD)]);
    let page = browser().post(&world.at("sign-up"), &nul).await.unwrap();
    assert!(
        page.status == StatusCode::BAD_REQUEST && page.body.contains("cannot be stored"),
        "{}",
        page.body
    );
    let json = client().unwrap().post(world.at("sign-in")).header("content-type", "application/json");
    let answer = json.body("{}").send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::UNSUPPORTED_MEDIA_TYPE);
    assert!(answer.text().await.unwrap().contains("not a form of this site"));
    let answer = client().unwrap().get(world.at("sign-out")).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::METHOD_NOT_ALLOWED);
    assert!(answer.text().await.unwrap().contains("<h1>Not here</h1>"));
}

#[tokio::test]
async fn a_sign_up_that_does_not_fit_keeps_what_was_typed() {
    let world = world().await;
    world.worker("Ada").await;
    for (name, password, words) in [
        ("ADA", PASSWORD, "Somebody has this name"),
        ("x", PASSWORD, "2 to 60 characters"),
        ("Grace", "short", "at least 10 characters"),
    ] {
        let fields = form(&[("name", name), ("password", password)]);
        let page = browser().post(&world.at("sign-up"), &fields).await.unwrap();
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(page.body.contains(words), "{words}");
        assert_eq!(attribute(&page, "input[name=name]", "value").as_deref(), Some(name));
        assert!(!page.body.contains(password), "the password is not sent back");
    }
}

#[tokio::test]
async fn a_new_password_ends_every_other_session() {
    let world = world().await;
    let (mut here, _) = world.worker("Ada").await;
    let mut there = browser();
    let fields = form(&[("name", "Ada"), ("password", PASSWORD)]);
    there.post(&world.at("sign-in"), &fields).await.unwrap();

    let wrong = form(&[("current", "not the password"), ("new", "an even longer password")]);
    let refused = here.post(&world.at("account/password"), &wrong).await.unwrap();
    assert!(refused.body.contains("not your present password"));
    let right = form(&[("current", PASSWORD), ("new", "an even longer password")]);
    let changed = here.post(&world.at("account/password"), &right).await.unwrap();
    assert!(changed.body.contains("Your password was changed"));
    assert_eq!(there.get(&world.at("work")).await.unwrap().url.path(), "/market/sign-in");
    assert_eq!(here.get(&world.at("work")).await.unwrap().url.path(), "/market/work");
}

#[tokio::test]
async fn the_cookie_stays_with_the_site_and_out_of_scripts() {
    let world = world().await;
    let request = client().unwrap().post(world.at("sign-up"));
    let request = request.form(&[("name", "Ada"), ("password", PASSWORD)]);
    let answer = request.send().await.unwrap();
    let cookie = answer.headers()["set-cookie"].to_str().unwrap().to_owned();
    for rule in ["HttpOnly", "SameSite=Lax", "Path=/market", "Max-Age=2592000"] {
        assert!(cookie.contains(rule), "{rule} is missing in {cookie}");
    }
    let mut conn = world.market.pool().acquire().await.unwrap();
    let token = cookie.split(['=', ';']).nth(1).unwrap();
    let stored: Vec<u8> = sqlx::query_scalar("select token_hash from market.worker_session")
        .fetch_one(&mut *conn)
        .await
        .unwrap();
    assert_eq!(stored, kernel::secret::token_hash(token), "only the hash is stored");
}

#[tokio::test]
async fn signing_out_ends_the_session() {
    let world = world().await;
    let (mut ada, _) = world.worker("Ada").await;
    ada.post(&world.at("sign-out"), &[]).await.unwrap();
    assert_eq!(ada.get(&world.at("work")).await.unwrap().url.path(), "/market/sign-in");
}

#[tokio::test]
async fn sessions_end_by_themselves_after_a_month() {
    let world = world().await;
    let (mut ada, _) = world.worker("Ada").await;
    world.clock.advance(chrono::Duration::days(31));
    assert_eq!(ada.get(&world.at("work")).await.unwrap().url.path(), "/market/sign-in");
}
