//! Places, seats, money and time.

use kernel::money::Cents;

use super::{Circumstances, List};
use crate::otree::money::cents;
use crate::studies::Study;
use crate::studies::cost::Figures;
use crate::studies::plan::LARGEST_BATCH;

pub(super) fn places(list: &mut List, study: &Study) {
    const TOPIC: &str = "Places";
    if study.places % study.group_size != 0 {
        list.warn(
            TOPIC,
            format!(
                "{} places do not make whole groups of {}: the last group may wait for somebody who never comes.",
                study.places, study.group_size
            ),
        );
    }
    if study.batch_size > LARGEST_BATCH && study.places > LARGEST_BATCH {
        let estimate = Figures::of(study).estimate();
        let more = estimate.cost.total - estimate.with_small_batches();
        list.warn(
            "Batch size",
            format!(
                "Batches of ten or more places cost a further 20 % of the reward: ${more} more than batches of \
                 {LARGEST_BATCH}."
            ),
        );
    }
    if study.spare_seats == 0 {
        list.warn(
            "Spare seats",
            "Whoever opens oTree and then returns the work has used a seat up. Without spare seats, the person who \
             gets that place next finds none.",
        );
    }
}

pub(super) fn money(list: &mut List, study: &Study, around: Circumstances<'_>) {
    let estimate = Figures::of(study).estimate();
    if let Some(balance) = around.connection.trial.as_ref().and_then(|trial| trial.balance) {
        balance_covers(list, balance, estimate.held(), estimate.cost.total);
    }
    if study.budget < estimate.cost.total {
        list.warn(
            "Budget",
            format!(
                "The budget of ${} is less than the study can cost (${}). Payments beyond it are refused until you \
                 raise it.",
                study.budget, estimate.cost.total
            ),
        );
    }
    if study.reward == Cents::ZERO {
        list.warn("Reward", "The reward is nothing. People are paid only what you decide as a bonus.");
    }
    if study.max_bonus == Cents::ZERO {
        list.note(
            "Bonus",
            "The largest bonus is nothing: if oTree reports a payoff, it is shown to you but cannot be paid.",
        );
    }
    participation_fee(list, study, around);
}

fn balance_covers(list: &mut List, balance: Cents, held: Cents, total: Cents) {
    const TOPIC: &str = "Balance";
    if balance < held {
        list.warn(
            TOPIC,
            format!(
                "The account had ${balance} at the last test; rewards and fees alone come to ${held}. Not all \
                 batches can be published."
            ),
        );
    } else if balance < total {
        list.warn(
            TOPIC,
            format!(
                "The account had ${balance} at the last test; with the largest bonuses the study costs ${total}."
            ),
        );
    }
}

fn participation_fee(list: &mut List, study: &Study, around: Circumstances<'_>) {
    let config = around.site.configs.iter().find(|config| config.name == study.config_name);
    let changed = study.config_changes.get("participation_fee").map(ToString::to_string);
    let fee = changed.or_else(|| config?.participation_fee.clone());
    let fee = fee.and_then(|text| cents(text.trim_matches('"')).ok());
    if let Some(fee) = fee.filter(|fee| *fee != study.reward && fee.is_positive()) {
        list.note(
            "Reward",
            format!(
                "The session config's participation_fee is {fee}, the reward is {}. Workers are paid the reward; \
                 pages of the experiment may show the other figure.",
                study.reward
            ),
        );
    }
}

pub(super) fn time(list: &mut List, study: &Study) {
    if study.auto_approve_s == 0 {
        list.warn("Review", "Everything is approved the moment it is submitted: there is nothing to review.");
    }
    if study.lifetime_s < study.duration_s {
        list.note(
            "Time",
            "The study leaves the list before somebody who starts at once has used all their time. Whoever has \
             started may still finish.",
        );
    }
}
