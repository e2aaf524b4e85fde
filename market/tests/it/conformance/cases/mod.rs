//! The list of cases, a file for each family of operations. The first case of an operation is its plainest input.

mod hits;
mod lifetimes;
mod lists;
mod money;
mod notifications;
mod qualification_types;
mod qualifications;
mod review;
mod settings;
mod workers;

use super::case::Case;

pub(super) use qualification_types::FORM;

pub(super) fn all() -> Vec<Case> {
    let families = [
        hits::cases(),
        lifetimes::cases(),
        lists::cases(),
        money::cases(),
        notifications::cases(),
        qualification_types::cases(),
        qualifications::cases(),
        review::cases(),
        settings::cases(),
        workers::cases(),
    ];
    families.into_iter().flatten().collect()
}
