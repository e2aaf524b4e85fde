//! All parts, built once and shared.

use std::sync::Arc;

use async_trait::async_trait;
use kernel::clock::SharedClock;
use kernel::env::SettingError;
use kernel::money::Cents;
use kernel::outbound::Outbound;
use market::Market;
use sqlx::PgPool;

use crate::config::Config;
use crate::connections::{Directory, Keys, RehearsalKeys};
use crate::jobs::{Board, Reconciler};
use crate::otree::Connector;
use crate::participation::desk::Desk;
use crate::{accounts, mail, participation, payments, review, scores, sites, studies};

/// What every handler and every reconciler gets. Cheap to clone.
#[derive(Debug, Clone)]
pub struct App(Arc<Parts>);

/// The parts behind [`App`].
#[derive(Debug)]
pub struct Parts {
    /// The settings.
    pub config: Config,
    /// The database.
    pub pool: PgPool,
    /// The time.
    pub clock: SharedClock,
    /// The way to every address that a user typed.
    pub outbound: Outbound,
    /// The way to addresses that the operator set: our own marketplace.
    pub trusted: Outbound,
    /// The way to every oTree site.
    pub otree: Connector,
    /// Where arrivals get their seats.
    pub desk: Desk,
    /// What the reconcilers of this process last did.
    pub board: Board,
    /// The way to recruiters.
    pub recruiters: Directory,
    /// The way mail goes out, if any.
    pub post: Option<mail::Settings>,
    /// Makes keys at the built-in marketplace.
    pub rehearsal: Arc<dyn RehearsalKeys>,
    /// The built-in marketplace.
    pub market: Market,
}

impl std::ops::Deref for App {
    type Target = Parts;
    fn deref(&self) -> &Parts {
        &self.0
    }
}

impl App {
    /// Puts the parts together. Needs a running tokio runtime for the desk.
    ///
    /// # Errors
    /// When this machine's TLS roots cannot be read, or the settings for mail or for the marketplace are wrong.
    pub fn new(config: Config, pool: PgPool, clock: SharedClock) -> anyhow::Result<Self> {
        let outbound = Outbound::new(config.allow_private.clone())?;
        let market = Market::new(
            pool.clone(),
            clock.clone(),
            config.keyring.clone(),
            market_settings(&config, &outbound)?,
        );
        let post = config.mail.as_ref().map(mail::Settings::new).transpose()?;
        Ok(Self(Arc::new(Parts {
            post,
            otree: Connector::new(outbound.clone()),
            desk: Desk::open(pool.clone(), clock.clone()),
            board: Board::default(),
            recruiters: Directory::new(outbound.clone(), config.market_url.clone(), clock.pace()),
            outbound,
            trusted: Outbound::unbounded()?,
            rehearsal: Arc::new(Rehearsal(market.clone())),
            market,
            config,
            pool,
            clock,
        })))
    }

    /// Everything that keeps itself going.
    pub fn reconcilers(&self) -> Vec<Arc<dyn Reconciler>> {
        let mut all = payments::reconcilers(self);
        all.extend(studies::reconcilers(self));
        all.extend(participation::reconcilers(self));
        all.extend(sites::reconcilers(self));
        all.extend(review::reconcilers(self));
        all.extend(scores::reconcilers(self));
        all.extend(mail::reconcilers(self));
        all.push(Arc::new(accounts::Tidy { pool: self.pool.clone(), clock: self.clock.clone() }));
        all
    }
}

/// What a new requester of the rehearsal marketplace may spend: as in Amazon's sandbox.
const PLAY_MONEY: Cents = Cents(1_000_000);

/// Where we ourselves are reached without TLS, a HIT must be allowed to lead there.
fn market_settings(config: &Config, outbound: &Outbound) -> Result<market::Settings, SettingError> {
    Ok(market::Settings {
        allow_http_questions: !config.secure(),
        frame_url: config.market_frame.url().cloned(),
        private_networks: config.allow_private.clone(),
        outbound: Some(outbound.clone()),
        ..market::Settings::from_words(config.market_url.clone(), &config.market_words)?
    })
}

#[derive(Debug)]
struct Rehearsal(Market);

#[async_trait]
impl RehearsalKeys for Rehearsal {
    async fn create(&self, name: &str) -> anyhow::Result<Keys> {
        let keys = self.0.create_requester(name, PLAY_MONEY).await?;
        Ok(Keys { access_key_id: keys.access_key_id, secret: keys.secret_access_key })
    }
}
