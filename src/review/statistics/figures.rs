//! Figures of times and pay. Pure.

use kernel::money::Cents;

/// Fewer people than this are not compared with each other.
pub const ENOUGH: usize = 5;
/// The most bars of a distribution.
const MOST: i64 = 24;
/// Lengths of time that one bar may stand for, in seconds.
const WIDTHS: [i64; 17] =
    [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 43_200, 86_400];

/// The five numbers of a distribution, in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Five {
    pub least: i64,
    pub lower: i64,
    pub median: i64,
    pub upper: i64,
    pub most: i64,
}

/// Least, quartiles and most of some numbers; quartiles lie between neighbours as R's and NumPy's defaults
/// have it (type 7), rounded to whole numbers, halves up.
pub fn five(numbers: &[i64]) -> Option<Five> {
    let mut sorted = numbers.to_vec();
    sorted.sort_unstable();
    let (least, most) = (*sorted.first()?, *sorted.last()?);
    let at = |quarters: i64| quantile(&sorted, quarters);
    Some(Five { least, lower: at(1), median: at(2), upper: at(3), most })
}

fn quantile(sorted: &[i64], quarters: i64) -> i64 {
    let last = i64::try_from(sorted.len()).unwrap_or(i64::MAX) - 1;
    let place = last * quarters;
    let number = |at: i64| usize::try_from(at).ok().and_then(|at| sorted.get(at)).copied().unwrap_or(0);
    let (low, high) = (number(place / 4), number((place + 3) / 4));
    // In quarters, so that nothing is lost; + 2 rounds halves up.
    (low * 4 + (high - low) * (place % 4) + 2).div_euclid(4)
}

/// Where too fast and too slow begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Below this, in seconds, is too fast.
    pub fast: i64,
    /// Above this, in seconds, is too slow.
    pub slow: i64,
}

/// How strict the flags are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Strictness {
    /// Too fast: less than this share of the median, in per cent.
    pub fast_percent: i64,
    /// Too slow: further above the upper quartile than so many tenths of the distance between the quartiles.
    pub slow_tenths: i64,
}

impl Default for Strictness {
    /// A third of the median; Tukey's outer fence.
    fn default() -> Self {
        Self { fast_percent: 33, slow_tenths: 30 }
    }
}

/// The limits for these times; none for too few people. The median and the quartiles are hardly moved by the odd
/// ones that are looked for.
pub fn limits(seconds: &[i64], strictness: Strictness) -> Option<Limits> {
    let five = five(seconds).filter(|_| seconds.len() >= ENOUGH)?;
    let slow = five.upper + (five.upper - five.lower) * strictness.slow_tenths / 10;
    Some(Limits { fast: five.median * strictness.fast_percent / 100, slow })
}

/// How long it took, as far as it is remarkable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    TooFast,
    TooSlow,
    Usual,
}

impl Limits {
    /// Whether this many seconds are remarkable.
    pub fn pace(self, seconds: i64) -> Pace {
        match seconds {
            s if s < self.fast => Pace::TooFast,
            s if s > self.slow => Pace::TooSlow,
            _ => Pace::Usual,
        }
    }
}

/// What an amount for so many seconds comes to in an hour; nothing for no time.
pub fn hourly(amount: Cents, seconds: i64) -> Option<Cents> {
    (seconds > 0).then(|| Cents(amount.0 * 3600 / seconds))
}

/// The middle of some amounts.
pub fn median(amounts: &[Cents]) -> Option<Cents> {
    let cents: Vec<i64> = amounts.iter().map(|amount| amount.0).collect();
    five(&cents).map(|five| Cents(five.median))
}

/// One bar of a distribution: so many took at least `from` and less than `to` seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bin {
    pub from: i64,
    /// `None`: everything above.
    pub to: Option<i64>,
    pub people: usize,
}

/// The distribution of times in equal bars. What lies beyond the outer fence shares the last bar, so that one
/// person who forgot the tab does not flatten all others.
pub fn distribution(seconds: &[i64]) -> Vec<Bin> {
    let Some(five) = five(seconds) else { return Vec::new() };
    let fence = (five.upper + 3 * (five.upper - five.lower)).max(1);
    let end = five.most.min(fence);
    let width = WIDTHS.into_iter().find(|width| end / width < MOST).unwrap_or(end / MOST + 1);
    let start = five.least.min(end) / width * width;
    let bins = (end - start) / width + 1;
    let (edge, beyond) = (start + bins * width, five.most >= start + bins * width);
    let mut list: Vec<Bin> = (0..bins)
        .map(|nth| Bin { from: start + nth * width, to: Some(start + (nth + 1) * width), people: 0 })
        .collect();
    if beyond {
        list.push(Bin { from: edge, to: None, people: 0 });
    }
    for taken in seconds {
        let found = list.iter_mut().find(|bin| *taken >= bin.from && bin.to.is_none_or(|to| *taken < to));
        if let Some(bin) = found {
            bin.people += 1;
        }
    }
    list
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn told(numbers: &[i64]) -> Option<[i64; 5]> {
        five(numbers).map(|five| [five.least, five.lower, five.median, five.upper, five.most])
    }

    #[test]
    fn quartiles_are_those_of_r_and_numpy() {
        for (numbers, expected) in [
            (&[][..], None),
            (&[7], Some([7, 7, 7, 7, 7])),
            (&[1, 2], Some([1, 1, 2, 2, 2])),
            (&[4, 1, 3, 2], Some([1, 2, 3, 3, 4])),
            (&[1, 2, 3, 4, 5], Some([1, 2, 3, 4, 5])),
            (&[10, 20, 30, 40], Some([10, 18, 25, 33, 40])),
            (&[0, 0, 100, 100, 100, 1000], Some([0, 25, 100, 100, 1000])),
        ] {
            assert_eq!(told(numbers), expected, "{numbers:?}");
        }
    }

    #[test]
    fn limits_need_enough_people_and_are_not_moved_by_the_odd_ones() {
        let usual = Strictness::default();
        assert_eq!(limits(&[60; 4], usual), None);
        assert_eq!(limits(&[60; 5], usual), Some(Limits { fast: 19, slow: 60 }));
        let times = [100, 110, 120, 130, 140, 3, 90_000];
        let found = limits(&times, usual).unwrap();
        assert_eq!(found, Limits { fast: 39, slow: 225 });
        let paces = [3, 38, 39, 120, 225, 226, 90_000].map(|seconds| found.pace(seconds));
        use Pace::{TooFast, TooSlow, Usual};
        assert_eq!(paces, [TooFast, TooFast, Usual, Usual, Usual, TooSlow, TooSlow]);
        let strict = Strictness { fast_percent: 90, slow_tenths: 5 };
        assert_eq!(limits(&times, strict), Some(Limits { fast: 108, slow: 150 }));
    }

    #[test]
    fn pay_is_told_by_the_hour() {
        assert_eq!(hourly(Cents(150), 600), Some(Cents(900)));
        assert_eq!(hourly(Cents(1), 7200), Some(Cents(0)));
        assert_eq!(hourly(Cents(100), 1), Some(Cents(360_000)));
        assert_eq!(hourly(Cents(100), 0), None);
        assert_eq!(hourly(Cents(100), -5), None);
        assert_eq!(median(&[Cents(900), Cents(100), Cents(500)]), Some(Cents(500)));
        assert_eq!(median(&[]), None);
    }

    #[test]
    fn a_distribution_has_few_bars_and_one_for_what_is_beyond() {
        let bins = distribution(&[100, 104, 110, 111, 130, 90_000]);
        let told: Vec<_> =
            bins.iter().filter(|bin| bin.people > 0).map(|b| (b.from, b.to, b.people)).collect();
        assert_eq!(told, [(100, Some(110), 2), (110, Some(120), 2), (130, Some(140), 1), (190, None, 1)]);
        assert_eq!(distribution(&[]), []);
        assert_eq!(distribution(&[0]), [Bin { from: 0, to: Some(1), people: 1 }]);
        assert_eq!(distribution(&[59, 59]).len(), 1);
    }

    proptest! {
        #[test]
        fn everybody_is_in_one_bar(seconds in prop::collection::vec(0i64..1_000_000, 1..80)) {
            let bins = distribution(&seconds);
            prop_assert!(bins.len() <= 26, "{}", bins.len());
            prop_assert_eq!(bins.iter().map(|bin| bin.people).sum::<usize>(), seconds.len());
            for pair in bins.windows(2) {
                prop_assert_eq!(pair[0].to, Some(pair[1].from));
            }
        }

        #[test]
        fn the_five_numbers_are_in_order(numbers in prop::collection::vec(-1000i64..1000, 1..40)) {
            let [least, lower, median, upper, most] = told(&numbers).unwrap();
            prop_assert!(least <= lower && lower <= median && median <= upper && upper <= most);
        }
    }
}
