//! oTree's decimals as cents (pure). Read from the text, never through binary fractions.

use kernel::money::Cents;

/// Digits of the largest amount in cents that is taken for one: below ten thousand million.
const MOST_DIGITS: i64 = 12;

/// Why a payoff cannot be paid as it stands.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PayoffProblem {
    /// oTree gave no number, or one like NaN.
    #[error("oTree's payoff is not a number")]
    NotANumber,
    /// Beyond ten thousand million.
    #[error("oTree's payoff is implausibly large")]
    TooLarge,
    /// The site does not count in US dollars.
    #[error("oTree's payoffs are in {0}, not in USD (REAL_WORLD_CURRENCY_CODE in the site's settings)")]
    OtherCurrency(String),
}

/// Reads a decimal such as `0.4`, `-3.00` or `1e-05`. More than two decimals are rounded half up (half a cent
/// away from zero). Negative amounts are possible; what they mean is the caller's to say.
///
/// # Errors
/// [`PayoffProblem::NotANumber`] or [`PayoffProblem::TooLarge`].
pub fn cents(text: &str) -> Result<Cents, PayoffProblem> {
    let (negative, unsigned) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let amount = magnitude(unsigned)?;
    Ok(Cents(if negative { -amount } else { amount }))
}

fn magnitude(text: &str) -> Result<i64, PayoffProblem> {
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all_digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    if whole.is_empty() || !all_digits(whole) || !all_digits(fraction) {
        return Err(PayoffProblem::NotANumber);
    }
    let exponent: i64 = exponent.parse::<i16>().map_err(|_| PayoffProblem::NotANumber)?.into();
    let digits = format!("{whole}{fraction}");
    let significant = digits.trim_start_matches('0');
    let leading = digits.len() - significant.len();
    round(significant, whole.len() as i64 - leading as i64 + exponent + 2)
}

/// The first `count` of the digits as a number, rounded by the next one.
fn round(digits: &str, count: i64) -> Result<i64, PayoffProblem> {
    if digits.is_empty() || count < 0 {
        return Ok(0);
    }
    if count > MOST_DIGITS {
        return Err(PayoffProblem::TooLarge);
    }
    let digit = |at: usize| digits.as_bytes().get(at).map_or(0, |byte| i64::from(byte - b'0'));
    let count = usize::try_from(count).map_err(|_| PayoffProblem::TooLarge)?;
    let kept = (0..count).fold(0, |sum, at| sum * 10 + digit(at));
    Ok(kept + i64::from(digit(count) >= 5))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn decimals_become_cents_from_their_text() {
        for (text, expected) in [
            ("0", 0),
            ("0.0", 0),
            ("0.4", 40),
            ("4", 400),
            ("12.34", 1234),
            ("-1.5", -150),
            ("-0.0", 0),
            ("0.29", 29),
            ("0.285", 29),
            ("0.28499999", 28),
            ("0.004", 0),
            ("0.005", 1),
            ("-0.005", -1),
            ("9.999", 1000),
            ("1e-05", 0),
            ("5e-3", 1),
            ("1.5E+2", 15000),
            ("00012.30", 1230),
            ("0.30000000000000004", 30),
            ("9999999999.99", 999_999_999_999),
        ] {
            assert_eq!(cents(text), Ok(Cents(expected)), "{text}");
        }
    }

    #[test]
    fn what_is_not_a_payoff_is_refused() {
        use PayoffProblem::*;
        for (text, why) in [
            ("", NotANumber),
            ("-", NotANumber),
            (".5", NotANumber),
            ("NaN", NotANumber),
            ("-Infinity", NotANumber),
            ("1,50", NotANumber),
            ("$1", NotANumber),
            ("1e", NotANumber),
            ("1e99999", NotANumber),
            ("--1", NotANumber),
            ("10000000000", TooLarge),
            ("1e300", TooLarge),
        ] {
            assert_eq!(cents(text), Err(why), "{text}");
        }
    }

    proptest! {
        #[test]
        fn an_amount_of_whole_cents_reads_back(amount in -999_999_999_999i64..=999_999_999_999) {
            prop_assert_eq!(cents(&Cents(amount).to_string()), Ok(Cents(amount)));
        }

        #[test]
        fn the_rounded_amount_is_the_nearest(whole in 0i64..1_000_000, fraction in 0i64..1_000_000) {
            let text = format!("{whole}.{fraction:06}");
            let exact = whole * 1_000_000 + fraction;
            let Cents(rounded) = cents(&text).unwrap();
            let distance = exact - rounded * 10_000;
            prop_assert!((-5_000..5_000).contains(&distance), "{} became {}", text, rounded);
        }

        #[test]
        fn an_exponent_only_moves_the_point(digits in 0i64..100_000_000, shift in 1usize..6) {
            let unit = 10i64.pow(shift as u32);
            let plain = format!("{}.{:0shift$}", digits / unit, digits % unit);
            prop_assert_eq!(cents(&format!("{digits}e-{shift}")), cents(&plain));
        }

        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,40}") {
            let _ = cents(&text);
        }
    }
}
