//! Checks of real servers, as a researcher would have set them up.

use otree_hr::sites::{self, NewSite, Site, SiteState};
use secrecy::{ExposeSecret, SecretString};

use super::on_both_releases;
use crate::support::client;
use crate::support::otree::{Otree, Release};

on_both_releases!(
    a_site_with_the_right_key_works,
    a_wrong_key_and_a_server_without_one_are_told_apart,
    an_open_site_is_warned_of,
);

/// Registers the server with this key, checks it and gives what was found.
async fn checked(otree: &Otree, key: Option<&str>) -> Site {
    let house =
        client::Site::with(|config| config.allow_private = vec!["127.0.0.0/8".parse().unwrap()]).await;
    let (_, lab) = house.person("Ada").await;
    let lab = otree_hr::labs::LabId(lab.rsplit('/').next().unwrap().parse().unwrap());
    let key = key.map(SecretString::from);
    let new = NewSite { name: "Real".into(), base_url: otree.base.clone(), key };
    let (app, mut conn) = (&house.app, house.app.pool.acquire().await.unwrap());
    let id = sites::register(&mut conn, &app.config.keyring, lab, &new, app.clock.now()).await.unwrap();
    assert!(sites::check_now(app, id).await.unwrap());
    sites::find(&mut conn, lab, id).await.unwrap().unwrap()
}

async fn a_site_with_the_right_key_works(release: Release) {
    let otree = Otree::start(release).await;
    let site = checked(&otree, Some(otree.key.expose_secret())).await;
    assert_eq!((site.state, &site.problem), (SiteState::Ok, &None));
    let names: Vec<_> = site.configs.iter().map(|config| config.name.as_str()).collect();
    assert_eq!(names, ["solo", "solo_button", "pair", "plain"]);
    let expected = match release {
        Release::Six => 0,
        Release::Five => 1,
    };
    assert_eq!(site.warnings.len(), expected, "{:?}", site.warnings);
}

async fn a_wrong_key_and_a_server_without_one_are_told_apart(release: Release) {
    let otree = Otree::start(release).await;
    for (key, words) in [(Some("wrong"), "not the one"), (None, "needs its REST key")] {
        let site = checked(&otree, key).await;
        assert_eq!(site.state, SiteState::Failed);
        assert!(site.problem.as_ref().unwrap().contains(words), "{:?}", site.problem);
    }
    let otree = Otree::start_with(release, &[("OTREE_REST_KEY", "")]).await;
    let site = checked(&otree, Some("some")).await;
    assert!(site.problem.unwrap().contains("has no REST key yet"));
}

async fn an_open_site_is_warned_of(release: Release) {
    let otree = Otree::start_with(release, &[("OTREE_AUTH_LEVEL", "")]).await;
    let site = checked(&otree, None).await;
    assert_eq!(site.state, SiteState::Ok);
    assert!(site.warnings[0].contains("open to everybody"));
    assert_eq!(site.configs.len(), 4);
}
