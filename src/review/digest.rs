//! Tells a lab's owners by mail what needs their look: one letter for each study, at most one in the time that
//! its rules set. Without a mail server nothing is written; the study's page says the same.

use std::fmt::Write as _;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::verdicts::{self, Untold};
use crate::app::App;
use crate::jobs::{Reconciler, Step};
use crate::labs::{self, Role};
use crate::mail::{self, NewLetter};
use crate::studies::{self, Study};

/// People listed one by one.
const LISTED: usize = 50;

/// Writes digests.
#[derive(Debug)]
pub struct Digester(pub App);

#[async_trait]
impl Reconciler for Digester {
    fn name(&self) -> &'static str {
        "digester"
    }

    fn period(&self) -> Duration {
        Duration::from_secs(60)
    }

    async fn step(&self) -> anyhow::Result<Step> {
        let app = &self.0;
        if app.post.is_none() {
            return Ok(Step::Idle);
        }
        let now = app.clock.now();
        let mut tx = app.pool.begin().await?;
        let Some(id) = verdicts::claim_digest(&mut tx, now).await? else { return Ok(Step::Idle) };
        let study = studies::store::get(&mut tx, id).await?;
        let link =
            app.config.absolute(&format!("/labs/{}/studies/{}/review?stage=review", study.lab_id, study.id));
        write(&mut tx, &study, &link, now).await?;
        tx.commit().await?;
        Ok(Step::Worked)
    }
}

async fn write(conn: &mut PgConnection, study: &Study, link: &str, now: DateTime<Utc>) -> sqlx::Result<()> {
    let untold = verdicts::tell(conn, study.id, now).await?;
    let people = labs::people(conn, study.lab_id).await?;
    for owner in people.into_iter().filter(|person| person.role == Role::Owner) {
        let letter = NewLetter {
            lab: study.lab_id,
            to: owner.id,
            subject: subject(study, untold.len()),
            body: body(study, &untold, link),
        };
        mail::store::post(conn, &letter, now).await?;
    }
    Ok(())
}

fn subject(study: &Study, people: usize) -> String {
    let name: String = study.name.chars().filter(|letter| !letter.is_control()).take(80).collect();
    match people {
        1 => format!("“{name}”: 1 submission needs your look"),
        _ => format!("“{name}”: {people} submissions need your look"),
    }
}

fn body(study: &Study, untold: &[Untold], link: &str) -> String {
    let mut text = format!(
        "The review rules of “{}” could not decide about these people. Nobody was rejected.\n\n",
        study.name
    );
    for one in untold.iter().take(LISTED) {
        let _ = writeln!(text, "- {}: {}", one.pseudonym, one.why());
    }
    if untold.len() > LISTED {
        let _ = writeln!(text, "… and {} more.", untold.len() - LISTED);
    }
    let _ = writeln!(text, "\nDecide about them here:\n{link}\n");
    text
}
