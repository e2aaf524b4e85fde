//! A bar of several parts, drawn by the server. Pure.
//!
//! Widths are whole numbers of [`WIDTH`] that add up exactly, however the parts round.

use super::words::money;
use crate::ledger::Balances;
use crate::payments::budget::Budget;
use crate::studies::overview::Line;

/// The width of every bar in its own units.
pub const WIDTH: i64 = 1000;

/// One part: its CSS class, its legend, where it lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// `part-paid`, `part-working`…
    pub class: &'static str,
    /// Beside the number.
    pub label: &'static str,
    /// What the part counts, as shown.
    pub shown: String,
    /// From the left.
    pub x: i64,
    /// At least 1 unless the part counts nothing.
    pub width: i64,
}

/// A drawn bar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bar {
    /// The whole bar in a sentence, for those who do not see it.
    pub words: String,
    /// From left to right.
    pub parts: Vec<Part>,
}

impl Bar {
    /// `parts` are class, label, amount and the amount as shown; amounts of `whole` together fill the width.
    pub(in crate::web) fn new(
        words: String,
        parts: &[(&'static str, &'static str, i64, String)],
        whole: i64,
    ) -> Self {
        let whole = i128::from(whole.max(1));
        let at = |sum: i64| i64::try_from(i128::from(sum) * i128::from(WIDTH) / whole).unwrap_or(WIDTH);
        let mut sum = 0i64;
        let parts = parts.iter().map(|(class, label, amount, shown)| {
            let x = at(sum);
            sum = sum.saturating_add((*amount).max(0));
            Part { class, label, shown: shown.clone(), x, width: at(sum).min(WIDTH) - x.min(WIDTH) }
        });
        Self { words, parts: parts.collect() }
    }

    /// Those parts that count something.
    pub fn present(&self) -> impl Iterator<Item = &Part> {
        self.parts.iter().filter(|part| part.width > 0)
    }
}

/// The places of a study, by how far their people are. Who gave the work back holds no place.
pub fn places(line: &Line) -> Bar {
    let taken = [
        ("part-paid", "paid", line.paid),
        ("part-approved", "approved", line.approved),
        ("part-rejected", "rejected", line.rejected),
        ("part-submitted", "submitted", line.submitted + line.submitted_unfinished),
        ("part-finished", "finished", line.finished + line.finished_unsubmitted),
        ("part-working", "working", line.admitted + line.working),
    ];
    let sum: i64 = taken.iter().map(|(_, _, n)| n).sum();
    let open = (i64::from(line.places) - sum).max(0);
    let parts = taken.into_iter().chain([("part-open", "open", open)]);
    let parts: Vec<_> = parts.map(|(class, label, n)| (class, label, n, n.to_string())).collect();
    let told: Vec<String> = parts.iter().filter(|p| p.2 > 0).map(|p| format!("{} {}", p.2, p.1)).collect();
    Bar::new(format!("{} places: {}", line.places, told.join(", ")), &parts, sum + open)
}

/// Money paid, owed and set aside against a limit.
pub fn budget(budget: &Budget) -> Bar {
    let Budget { limit, paid, ordered, held } = *budget;
    let left = budget.left();
    let parts = [
        ("part-paid", "paid", paid.0, money(paid)),
        ("part-submitted", "owed", ordered.0, money(ordered)),
        ("part-working", "for open places", held.0, money(held)),
        ("part-open", "left", left.0, money(left)),
    ];
    let words = format!(
        "{} paid, {} owed, {} for open places, of {}",
        money(paid),
        money(ordered),
        money(held),
        money(limit)
    );
    Bar::new(words, &parts, budget.bound().0.max(limit.0))
}

/// What is in the accounts of a book.
pub fn ledger(balances: Balances) -> Bar {
    let Balances { reserved, due, paid, fees, written_off } = balances;
    let parts = [
        ("part-paid", "paid to workers", paid),
        ("part-approved", "fees", fees),
        ("part-submitted", "due to workers", due),
        ("part-working", "set aside for open places", reserved),
        ("part-rejected", "written off", written_off),
    ];
    let words: Vec<String> =
        parts.iter().map(|(_, label, cents)| format!("{} {label}", money(*cents))).collect();
    let parts: Vec<_> =
        parts.into_iter().map(|(class, label, cents)| (class, label, cents.0, money(cents))).collect();
    Bar::new(words.join(", "), &parts, balances.committed().0)
}

#[cfg(test)]
mod tests {
    use kernel::money::Cents;

    use super::*;

    #[test]
    fn parts_add_up_to_the_whole_bar() {
        let thirds =
            [("a", "a", 1, String::new()), ("b", "b", 1, String::new()), ("c", "c", 1, String::new())];
        let bar = Bar::new(String::new(), &thirds, 3);
        let places: Vec<_> = bar.parts.iter().map(|p| (p.x, p.width)).collect();
        assert_eq!(places, [(0, 333), (333, 333), (666, 334)]);
    }

    #[test]
    fn an_empty_study_is_an_open_bar() {
        let bar = Bar::new(String::new(), &[("a", "a", 0, "0".into())], 0);
        assert_eq!(bar.present().count(), 0);
    }

    #[test]
    fn money_beyond_the_budget_fills_the_bar_and_no_more() {
        let (limit, paid, none) = (Cents(1000), Cents(1500), Cents(0));
        let bar = budget(&Budget { limit, paid, ordered: none, held: none });
        assert_eq!(bar.parts[0].width, WIDTH);
        assert_eq!(bar.parts[3].width, 0);
        assert_eq!(bar.parts[3].shown, "−$5.00");
        assert_eq!(bar.words, "$15.00 paid, $0.00 owed, $0.00 for open places, of $10.00");
    }
}
