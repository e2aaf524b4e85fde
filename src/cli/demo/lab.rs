//! The demo's account, lab, site, connection and study; what an earlier run made is used again.

use std::time::Duration;

use anyhow::{Context, bail};

use super::state::State;
use crate::accounts::{AccountId, Email, NewPassword};
use crate::app::App;
use crate::config::SignUp;
use crate::connections::{self, ConnectionId};
use crate::labs::{LabId, Newcomer, SignedUp};
use crate::recruiters::mturk::fees;
use crate::sites::{self, NewSite, SiteId};
use crate::studies::{self, StudyId, draft};
use crate::{accounts, labs};

/// Two batches: nine and three.
const PLACES: i32 = 12;

/// Where the demo takes place.
#[derive(Debug)]
pub(super) struct Scene {
    pub account: AccountId,
    pub lab: LabId,
    pub study: StudyId,
    pub title: String,
}

impl Scene {
    /// The study's page.
    pub fn path(&self) -> String {
        format!("/labs/{}/studies/{}", self.lab, self.study)
    }
}

/// Makes what is missing, and publishes a study of twelve places.
pub(super) async fn set_up(app: &App, state: &State) -> anyhow::Result<Scene> {
    let (account, lab) = people(app, state).await?;
    let site = site(app, state, lab).await?;
    let connection = connection(app, lab).await?;
    let title = format!("A short decision study (demo {})", state.seed);
    let study = match open_study(app, lab, &title).await? {
        Some(study) => study,
        None => publish(app, account, lab, site, connection, &title).await?,
    };
    Ok(Scene { account, lab, study, title })
}

async fn people(app: &App, state: &State) -> anyhow::Result<(AccountId, LabId)> {
    let email: Email = state.email.parse()?;
    let newcomer = Newcomer {
        email: email.clone(),
        name: "Demo".into(),
        password_hash: NewPassword::parse(state.password.clone().into())?.hash().await?,
    };
    let mut tx = app.pool.begin().await?;
    let signed_up = labs::sign_up(&mut tx, app.clock.now(), SignUp::Open, newcomer, None).await?;
    tx.commit().await?;
    if let SignedUp::New(account, lab) = signed_up {
        return Ok((account, lab));
    }
    let mut conn = app.pool.acquire().await?;
    let all = accounts::all(&mut conn).await?;
    let account = all.iter().find(|one| one.email == email.as_str()).context("the demo’s account is gone")?;
    let labs = labs::of_account(&mut conn, account.id).await?;
    let lab = labs.first().context("the demo's lab is gone; try --fresh")?;
    Ok((account.id, lab.lab.id))
}

async fn site(app: &App, state: &State, lab: LabId) -> anyhow::Result<SiteId> {
    let url = state.otree_url();
    let mut conn = app.pool.acquire().await?;
    if let Some(known) = sites::list(&mut conn, lab).await?.into_iter().find(|site| site.address() == url) {
        return Ok(known.id);
    }
    let new = NewSite {
        name: "oTree on this machine".into(),
        base_url: app.outbound.check_url(&url)?,
        key: Some(state.otree_key.clone().into()),
    };
    Ok(sites::register(&mut conn, &app.config.keyring, lab, &new, app.clock.now()).await?)
}

async fn connection(app: &App, lab: LabId) -> anyhow::Result<ConnectionId> {
    const NAME: &str = "Rehearsal";
    let mut conn = app.pool.acquire().await?;
    if let Some(known) = connections::list(&mut conn, lab).await?.into_iter().find(|one| one.name == NAME) {
        return Ok(known.id);
    }
    drop(conn);
    Ok(connections::create_rehearsal(app, connections::Act { lab, by: None, at: app.clock.now() }, NAME)
        .await?)
}

async fn open_study(app: &App, lab: LabId, title: &str) -> anyhow::Result<Option<StudyId>> {
    let mut conn = app.pool.acquire().await?;
    let all = studies::store::all(&mut conn, lab).await?;
    let open = |study: &&studies::Study| study.title == title && study.state != studies::State::Closed;
    Ok(all.iter().find(open).map(|study| study.id))
}

async fn publish(
    app: &App,
    account: AccountId,
    lab: LabId,
    site: SiteId,
    connection: ConnectionId,
    title: &str,
) -> anyhow::Result<StudyId> {
    let draft = draft::parse(&form(site, connection, title)).map_err(|wrong| anyhow::anyhow!("{wrong:?}"))?;
    let cost = fees::cost(&fees::Purchase {
        places: draft.places.into(),
        batch_size: draft.batch_size.into(),
        reward: draft.reward,
        max_bonus: draft.max_bonus,
        masters: false,
    });
    let mut tx = app.pool.begin().await?;
    let now = app.clock.now();
    let id = studies::store::insert(&mut tx, now, lab, account, "rehearsal", &draft, cost.total).await?;
    let study = studies::store::get(&mut tx, id).await?;
    studies::publish(&mut tx, &study, now).await?;
    tx.commit().await?;
    Ok(id)
}

fn form(site: SiteId, connection: ConnectionId, title: &str) -> draft::Typed {
    draft::Typed {
        name: title.to_owned(),
        site: site.to_string(),
        connection: connection.to_string(),
        config: "solo".into(),
        places: PLACES.to_string(),
        reward: "0.50".into(),
        max_bonus: "2.00".into(),
        title: title.to_owned(),
        description: "Pick a number, choose between two rewards, answer three questions. About two minutes."
            .into(),
        keywords: "decision, choice, research study, bonus".into(),
        minutes: "30".into(),
        hours: "48".into(),
        ..draft::Typed::default()
    }
}

/// Waits until people can come, and says what stands in the way meanwhile.
pub(super) async fn wait_until_open(app: &App, scene: &Scene) -> anyhow::Result<()> {
    let mut told = None;
    for _ in 0..600 {
        let mut conn = app.pool.acquire().await?;
        let study = studies::store::get(&mut conn, scene.study).await?;
        drop(conn);
        if study.state == studies::State::Open {
            return Ok(());
        }
        if study.problem.is_some() && study.problem != told {
            println!("Publishing waits: {}", study.problem.as_deref().unwrap_or_default());
            told = study.problem;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    bail!("the study could not be published within a minute")
}
