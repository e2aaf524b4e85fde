//! What the operator decides, and the behaviours that nobody outside ever established.

mod words;

use std::collections::BTreeMap;

use ipnet::IpNet;
use kernel::outbound::Outbound;
use serde::Deserialize;
use url::Url;

use crate::Quirks;

/// How one marketplace behaves.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Origin, and the path prefix under which the router is mounted; links are made from it.
    pub public_url: Url,
    /// Whether an ExternalQuestion may point to plain http, for rehearsals on one machine.
    pub allow_http_questions: bool,
    /// Where browsers reach the frame's own origin, which serves questions that are HTML; none serves them below
    /// `public_url`, without any origin.
    pub frame_url: Option<Url>,
    /// Private networks that simulated workers may visit.
    pub private_networks: Vec<IpNet>,
    /// What the marketplace charges.
    pub fees: Fees,
    /// How workers' approval rate is computed.
    pub approval_rate: ApprovalRate,
    /// The way to web addresses that notifications go to; without one none are sent there.
    pub outbound: Option<Outbound>,
    /// Behaviours of the real service that are off unless asked for.
    pub quirks: Quirks,
}

impl Settings {
    /// Amazon's last fees, https questions only, no quirks.
    pub fn new(public_url: Url) -> Self {
        Self {
            public_url,
            allow_http_questions: false,
            frame_url: None,
            private_networks: Vec::new(),
            fees: Fees::default(),
            approval_rate: ApprovalRate::default(),
            outbound: None,
            quirks: Quirks::default(),
        }
    }

    /// Where simulated workers may go: public addresses, the allowed networks and, in a marketplace that is reached on
    /// this machine only, this machine.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub fn bots_reach(&self) -> anyhow::Result<Outbound> {
        let mut allowed = self.private_networks.clone();
        if kernel::outbound::is_local(&self.public_url) {
            allowed.extend(["127.0.0.0/8".parse::<IpNet>()?, "::1/128".parse::<IpNet>()?]);
        }
        Outbound::new(allowed)
    }
}

/// Fees in basis points (hundredths of a percent) of the amount, unless said otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Fees {
    /// Of every reward and every bonus.
    pub base: u32,
    /// More of the reward, for HITs created with ten or more assignments.
    pub large: u32,
    /// More of the reward, for HITs that require Masters.
    pub masters: u32,
    /// Cents charged at least, per assignment and per bonus.
    pub minimum: i64,
    /// How parts of a cent are treated.
    #[serde(skip)]
    pub rounding: Rounding,
    /// Cents per assignment for each premium qualification that a HIT requires, by the id of its type, on top of all
    /// others. Amazon took 5 cents to a dollar; the ids are for the operator to name, so there are none at first.
    pub premium: BTreeMap<String, i64>,
}

impl Default for Fees {
    fn default() -> Self {
        Self {
            base: 2000,
            large: 2000,
            masters: 500,
            minimum: 1,
            rounding: Rounding::HalfUp,
            premium: BTreeMap::new(),
        }
    }
}

impl Fees {
    /// Basis points of one rate at most: as much again as the amount.
    const MOST_RATE: u32 = 10_000;
    /// Cents of a flat charge at most: a thousand dollars.
    const MOST_FLAT: i64 = 100_000;

    /// Whether nothing is negative or so large that it must be a slip.
    fn fit(&self) -> bool {
        let rates = [self.base, self.large, self.masters];
        let mut flat = self.premium.values().chain([&self.minimum]);
        rates.iter().all(|rate| *rate <= Self::MOST_RATE)
            && flat.all(|cents| (0..=Self::MOST_FLAT).contains(cents))
    }
}

/// How parts of a cent are treated.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Rounding {
    /// The rates are added up first, and half a cent rounds up.
    #[default]
    HalfUp,
    /// Each rate's part is rounded by itself, half a cent up.
    HalfUpEach,
    /// The rates are added up first, and every part of a cent rounds up.
    Up,
}

/// How a worker's approval rate (Worker_PercentAssignmentsApproved) is computed, for all requesters alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ApprovalRate {
    /// It reads 100 until the worker has handed in so many assignments (reference: 100).
    pub counts_from: u32,
    /// Whether assignments that were returned or abandoned count as not approved. The guide speaks of submitted work
    /// only; nobody knows.
    pub given_up_counts: bool,
    /// How parts of a percent are treated. Nobody knows.
    pub rounding: PercentRounding,
}

impl Default for ApprovalRate {
    fn default() -> Self {
        Self { counts_from: 100, given_up_counts: false, rounding: PercentRounding::Down }
    }
}

/// How parts of a percent are treated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PercentRounding {
    /// Left out.
    Down,
    /// Half a percent rounds up.
    HalfUp,
}
