//! Money as integer cents. No floats anywhere near it.

use std::fmt;
use std::ops::{Add, Neg, Sub};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// An amount in hundredths of the currency that the row beside it names.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize, sqlx::Type,
)]
#[sqlx(transparent)]
#[serde(transparent)]
pub struct Cents(pub i64);

impl Cents {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// `self × count`.
    ///
    /// # Errors
    /// `None` when the product does not fit.
    pub fn times(self, count: i64) -> Option<Self> {
        self.0.checked_mul(count).map(Self)
    }

    /// Whether this is more than nothing.
    pub fn is_positive(self) -> bool {
        self.0 > 0
    }
}

impl Add for Cents {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }
}

impl Sub for Cents {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0 - other.0)
    }
}

impl Neg for Cents {
    type Output = Self;
    fn neg(self) -> Self {
        Self(-self.0)
    }
}

impl std::iter::Sum for Cents {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::ZERO, Add::add)
    }
}

/// `1234` cents read `12.34`: the form MTurk and people use.
impl fmt::Display for Cents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let whole = self.0.unsigned_abs();
        write!(f, "{sign}{}.{:02}", whole / 100, whole % 100)
    }
}

/// Why a text is not an amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AmountError {
    /// Not digits with an optional point.
    #[error("write an amount like 1.50")]
    NotAnAmount,
    /// More than two decimals.
    #[error("use at most two decimals")]
    TooPrecise,
    /// Beyond ten thousand million.
    #[error("this amount is too large")]
    TooLarge,
}

impl FromStr for Cents {
    type Err = AmountError;

    /// Reads `1`, `1.5`, `1.50` or `.50`; never a sign, an exponent or a separator.
    fn from_str(text: &str) -> Result<Self, AmountError> {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
        if !digits(whole) || !digits(fraction) || (whole.is_empty() && fraction.is_empty()) {
            return Err(AmountError::NotAnAmount);
        }
        if fraction.len() > 2 {
            return Err(AmountError::TooPrecise);
        }
        if whole.len() > 10 {
            return Err(AmountError::TooLarge);
        }
        let cents = format!("{whole}{fraction:0<2}");
        cents.parse().map(Self).map_err(|_| AmountError::NotAnAmount)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn amounts_are_read_as_people_write_them() {
        for (text, cents) in [("1", 100), ("1.5", 150), ("0.05", 5), (".5", 50), ("12.", 1200)] {
            assert_eq!(text.parse(), Ok(Cents(cents)), "{text}");
        }
    }

    #[test]
    fn what_is_not_an_amount_is_refused() {
        use AmountError::*;
        for (text, why) in [
            ("", NotAnAmount),
            (".", NotAnAmount),
            ("-1", NotAnAmount),
            ("1e3", NotAnAmount),
            ("1,50", NotAnAmount),
            ("0.9752", TooPrecise),
            ("99999999999", TooLarge),
        ] {
            assert_eq!(text.parse::<Cents>(), Err(why), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_printed_reads_back(cents in 0i64..1_000_000_000_000) {
            prop_assert_eq!(Cents(cents).to_string().parse(), Ok(Cents(cents)));
        }
    }
}
