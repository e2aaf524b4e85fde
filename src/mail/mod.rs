//! Mail to people of a lab: written with what it tells, sent afterwards.
//!
//! A letter is a row, so that a crash loses none. A process that dies between sending and noting it sends the
//! letter again under the same Message-ID, by which mail programs know it.

mod smtp;
pub mod store;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::TimeDelta;

pub use smtp::{Settings, SmtpError};
pub use store::NewLetter;

use crate::app::App;
use crate::jobs::{Lease, Reconciler, Step, back_off};

kernel::typed_id!(
    /// Names one letter; also in its Message-ID.
    LetterId
);

/// The name, for wake-ups.
pub const NAME: &str = "mailer";
/// After so long without success a letter is given up.
const PATIENCE: TimeDelta = TimeDelta::days(3);

/// Sends letters that wait.
#[derive(Debug)]
pub struct Mailer(pub App);

#[async_trait]
impl Reconciler for Mailer {
    fn name(&self) -> &'static str {
        NAME
    }

    fn period(&self) -> Duration {
        Duration::from_secs(30)
    }

    async fn step(&self) -> anyhow::Result<Step> {
        let app = &self.0;
        let Some(settings) = &app.post else { return Ok(Step::Idle) };
        let now = app.clock.now();
        let lease = Lease::from(now);
        let mut conn = app.pool.acquire().await?;
        let Some(letter) = store::claim(&mut conn, now, lease).await? else { return Ok(Step::Idle) };
        drop(conn);
        let host = app.config.public_url.host_str().unwrap_or("localhost");
        let sent = smtp::send(settings, &letter, host).await;
        crate::crash::point("mail-sent");
        let now = app.clock.now();
        let mut conn = app.pool.acquire().await?;
        match sent {
            Ok(()) => store::sent(&mut conn, letter.id, lease, now).await?,
            Err(error) => {
                tracing::warn!(letter = %letter.id, "a letter could not be sent: {error}");
                let hopeless = error.is_final() || now - letter.created_at > PATIENCE;
                let again = (!hopeless).then(|| now + back_off(letter.attempts));
                store::failed(&mut conn, letter.id, lease, &error.to_string(), again).await?;
            }
        }
        Ok(Step::Worked)
    }
}

/// What sends mail.
pub fn reconcilers(app: &App) -> Vec<Arc<dyn Reconciler>> {
    vec![Arc::new(Mailer(app.clone()))]
}
