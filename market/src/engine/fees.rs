//! What the marketplace charges: pure arithmetic on cents.

use kernel::money::Cents;

use super::hit_types::Properties;
use crate::settings::{Fees, Rounding};

/// Basis points in the whole.
const WHOLE: i64 = 10_000;
/// From so many assignments on, a HIT counts as large.
pub const LARGE: i64 = 10;

impl Fees {
    /// The fee for one approved assignment of a HIT of this type that was created with `places` places: rates of the
    /// reward, and the flat charge of each premium qualification, once however often it is required.
    pub fn of_hit(&self, properties: &Properties, places: i64) -> Cents {
        let premium = properties.required().into_iter().filter_map(|id| self.premium.get(id)).sum();
        self.of_assignment(properties.reward, places, properties.masters()) + Cents(premium)
    }

    /// The part of it that goes by rates, of a HIT that was created with `places` places.
    pub fn of_assignment(&self, reward: Cents, places: i64, masters: bool) -> Cents {
        let large = if places >= LARGE { self.large } else { 0 };
        let masters = if masters { self.masters } else { 0 };
        self.charge(reward, &[self.base, large, masters])
    }

    /// The fee for a bonus.
    pub fn of_bonus(&self, amount: Cents) -> Cents {
        self.charge(amount, &[self.base])
    }

    fn charge(&self, amount: Cents, rates: &[u32]) -> Cents {
        let together: i64 = rates.iter().map(|&rate| i64::from(rate)).sum();
        let cents = match self.rounding {
            Rounding::HalfUp => half_up(amount, together),
            Rounding::Up => (amount.0 * together + WHOLE - 1) / WHOLE,
            Rounding::HalfUpEach => rates.iter().map(|&rate| half_up(amount, i64::from(rate))).sum(),
        };
        Cents(cents.max(self.minimum))
    }
}

fn half_up(amount: Cents, rate: i64) -> i64 {
    (amount.0 * rate + WHOLE / 2) / WHOLE
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_hits_pay_a_fifth_and_large_ones_two() {
        let fees = Fees::default();
        assert_eq!(fees.of_assignment(Cents(100), 9, false), Cents(20));
        assert_eq!(fees.of_assignment(Cents(100), 10, false), Cents(40));
        assert_eq!(fees.of_assignment(Cents(100), 9, true), Cents(25));
        assert_eq!(fees.of_assignment(Cents(5), 10, false), Cents(2));
    }

    #[test]
    fn the_least_fee_is_a_cent() {
        let fees = Fees::default();
        for reward in [0, 1, 2] {
            assert_eq!(fees.of_assignment(Cents(reward), 90, false), Cents(1), "{reward}");
        }
        assert_eq!(fees.of_bonus(Cents(1)), Cents(1));
    }

    #[test]
    fn half_a_cent_rounds_as_the_switch_says() {
        let fees = |rounding| Fees { rounding, ..Fees::default() };
        // 20 % of 12 cents is 2.4; 20 % and 20 % and 5 % of 13 cents are 2.6, 2.6 and 0.65, together 5.85.
        assert_eq!(fees(Rounding::HalfUp).of_bonus(Cents(12)), Cents(2));
        assert_eq!(fees(Rounding::Up).of_bonus(Cents(12)), Cents(3));
        assert_eq!(fees(Rounding::HalfUp).of_assignment(Cents(13), 10, true), Cents(6));
        assert_eq!(fees(Rounding::HalfUpEach).of_assignment(Cents(13), 10, true), Cents(7));
    }
}
