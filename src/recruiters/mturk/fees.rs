//! What recruiting through Mechanical Turk costs: rewards, bonuses and Amazon's fees.
//!
//! Nobody outside knows whether Amazon rounds the parts of a fee or their sum, so every part is
//! rounded up: the figures are an upper bound, never less than the bill.

use kernel::money::Cents;

/// From this many places a unit costs the larger fee.
pub const LARGE_UNIT: i64 = 10;
/// The least fee for one assignment or one bonus.
const MINIMUM: i64 = 1;

/// The fee on one approved assignment of a unit with `places` places.
pub fn fee(reward: Cents, places: i64, masters: bool) -> Cents {
    let base = percent(reward, 20);
    let large = if places >= LARGE_UNIT { percent(reward, 20) } else { 0 };
    let masters = if masters { percent(reward, 5) } else { 0 };
    Cents((base + large + masters).max(MINIMUM))
}

/// The fee on one bonus; nothing for no bonus.
pub fn bonus_fee(amount: Cents) -> Cents {
    if amount.is_positive() { Cents(percent(amount, 20).max(MINIMUM)) } else { Cents::ZERO }
}

/// `rate` per cent of the amount, rounded up to the cent.
fn percent(amount: Cents, rate: i64) -> i64 {
    let product = i128::from(amount.0) * i128::from(rate);
    i64::try_from((product + 99).div_euclid(100)).unwrap_or(i64::MAX)
}

/// What decides about the cost of a study.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Purchase {
    /// How many workers are paid.
    pub places: i64,
    /// How many places one unit has at most; at least 1.
    pub batch_size: i64,
    /// Paid to each.
    pub reward: Cents,
    /// The most that one worker may get on top.
    pub max_bonus: Cents,
    /// Whether only Masters may take part.
    pub masters: bool,
}

/// The cost of a study if every place is filled and every bonus is the largest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cost {
    /// All rewards.
    pub rewards: Cents,
    /// Fees on the rewards.
    pub fees: Cents,
    /// All bonuses, each at its largest.
    pub max_bonus: Cents,
    /// Fees on these bonuses.
    pub bonus_fees: Cents,
    /// Everything together.
    pub total: Cents,
    /// The total if all places were one unit.
    pub unbatched_total: Cents,
}

/// The cost of a study, fees included.
pub fn cost(purchase: &Purchase) -> Cost {
    let Purchase { places, batch_size, reward, max_bonus, masters } = *purchase;
    let rewards = times(reward, places);
    let max_bonus_sum = times(max_bonus, places);
    let bonus_fees = times(bonus_fee(max_bonus), places);
    let fees = fees_in_units(reward, places, batch_size.max(1), masters);
    let with = |fees| [rewards, fees, max_bonus_sum, bonus_fees].into_iter().fold(Cents::ZERO, plus);
    Cost {
        rewards,
        fees,
        max_bonus: max_bonus_sum,
        bonus_fees,
        total: with(fees),
        unbatched_total: with(fees_in_units(reward, places, places.max(1), masters)),
    }
}

/// Full units, then one with what is left.
fn fees_in_units(reward: Cents, places: i64, size: i64, masters: bool) -> Cents {
    let rest = places % size;
    plus(times(fee(reward, size, masters), places - rest), times(fee(reward, rest, masters), rest))
}

/// Beyond every budget, but never wrapped around.
fn times(amount: Cents, count: i64) -> Cents {
    amount.times(count).unwrap_or(Cents(i64::MAX))
}

fn plus(a: Cents, b: Cents) -> Cents {
    Cents(a.0.saturating_add(b.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn fees_follow_the_published_rates() {
        for (reward, places, masters, expected) in [
            (100, 9, false, 20),
            (100, 10, false, 40),
            (100, 9, true, 25),
            (100, 10, true, 45),
            (5, 9, false, 1),
            (5, 10, false, 2),
            (2, 9, false, 1),
            (0, 9, false, 1),
            (101, 1, false, 21),
        ] {
            assert_eq!(fee(Cents(reward), places, masters), Cents(expected), "{reward} {places} {masters}");
        }
    }

    #[test]
    fn a_bonus_costs_a_fifth_and_at_least_a_cent() {
        for (amount, expected) in [(0, 0), (-5, 0), (1, 1), (5, 1), (6, 2), (200, 40)] {
            assert_eq!(bonus_fee(Cents(amount)), Cents(expected), "{amount}");
        }
    }

    #[test]
    fn ten_units_of_nine_cost_less_than_one_of_ninety() {
        let purchase = Purchase {
            places: 90,
            batch_size: 9,
            reward: Cents(100),
            max_bonus: Cents::ZERO,
            masters: false,
        };
        let cost = cost(&purchase);
        assert_eq!((cost.rewards, cost.fees, cost.total), (Cents(9000), Cents(1800), Cents(10800)));
        assert_eq!(cost.unbatched_total, Cents(12600));
    }

    #[test]
    fn a_small_rest_of_large_units_pays_the_smaller_fee() {
        let purchase = Purchase {
            places: 25,
            batch_size: 20,
            reward: Cents(100),
            max_bonus: Cents(200),
            masters: false,
        };
        let cost = cost(&purchase);
        assert_eq!(cost.fees, Cents(20 * 40 + 5 * 20));
        assert_eq!((cost.max_bonus, cost.bonus_fees), (Cents(5000), Cents(1000)));
        assert_eq!(cost.total, Cents(2500 + 900 + 5000 + 1000));
    }

    #[test]
    fn a_cost_beyond_all_numbers_stays_beyond_all_budgets() {
        let purchase = Purchase {
            places: i64::MAX,
            batch_size: 9,
            reward: Cents(i64::MAX / 2),
            max_bonus: Cents(i64::MAX / 2),
            masters: true,
        };
        assert_eq!(cost(&purchase).total, Cents(i64::MAX));
    }

    proptest! {
        #[test]
        fn batching_in_nines_never_costs_more(places in 1i64..5000, reward in 0i64..100_000, masters: bool) {
            let purchase = Purchase {
                places, batch_size: 9, reward: Cents(reward), max_bonus: Cents::ZERO, masters,
            };
            let cost = cost(&purchase);
            prop_assert!(cost.total <= cost.unbatched_total);
            prop_assert_eq!(cost.total, cost.rewards + cost.fees);
        }
    }
}
