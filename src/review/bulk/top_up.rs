//! What is missing to an hourly wage. Pure.

use kernel::money::Cents;

/// The source of a top-up: one for each participation.
pub const SOURCE: &str = "hourly";

/// What somebody who worked `minutes` and was promised `earned` needs to reach `rate` an hour; parts of a cent
/// count as a whole one. Not more than `most_minutes` are paid for, so that a forgotten tab is no wage.
pub fn missing(rate: Cents, minutes: i64, most_minutes: i64, earned: Cents) -> Cents {
    let paid_minutes = i128::from(minutes.clamp(0, most_minutes.max(0)));
    let due = (i128::from(rate.0) * paid_minutes + 59) / 60;
    let missing = due - i128::from(earned.0);
    Cents(i64::try_from(missing).unwrap_or(i64::MAX).max(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wage_is_reached_to_the_cent_and_never_taken_back() {
        let rate = Cents(1200);
        assert_eq!(missing(rate, 30, 60, Cents(500)), Cents(100));
        assert_eq!(missing(rate, 30, 60, Cents(600)), Cents::ZERO);
        assert_eq!(missing(rate, 30, 60, Cents(900)), Cents::ZERO);
        assert_eq!(missing(Cents(1000), 1, 60, Cents::ZERO), Cents(17), "16.67 cents round up");
        assert_eq!(missing(Cents(1200), 1, 60, Cents::ZERO), Cents(20), "20 cents stay 20");
        assert_eq!(missing(Cents(1201), 1, 60, Cents::ZERO), Cents(21));
    }

    #[test]
    fn time_beyond_the_limit_is_not_paid_for() {
        assert_eq!(missing(Cents(1200), 600, 60, Cents::ZERO), Cents(1200));
        assert_eq!(missing(Cents(1200), 60, 60, Cents::ZERO), Cents(1200));
        assert_eq!(missing(Cents(1200), 59, 60, Cents::ZERO), Cents(1180));
        assert_eq!(missing(Cents(1200), -5, 60, Cents::ZERO), Cents::ZERO);
        assert_eq!(missing(Cents(i64::MAX), 60, 60, Cents::ZERO), Cents(i64::MAX));
    }
}
