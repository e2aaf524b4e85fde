//! What decisions make of a score. Pure.

/// How a lab turns decisions into a number, within 0 to [`MOST`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Scale {
    /// Before any decision.
    pub start: i32,
    /// An approval raises it by this.
    pub up: i32,
    /// A rejection lowers it by this.
    pub down: i32,
    pub lowest: i32,
    pub highest: i32,
}

/// The highest that a scale may reach.
pub const MOST: i32 = 1000;

impl Default for Scale {
    /// Ten approvals make up for a rejection.
    fn default() -> Self {
        Self { start: 50, up: 1, down: 10, lowest: 0, highest: 100 }
    }
}

impl Scale {
    /// The score after these decisions, `true` for an approval, in the order in which they were made. It never
    /// leaves the scale on the way, so that many approvals are no stock for bad work.
    pub fn score(&self, decisions: impl IntoIterator<Item = bool>) -> i32 {
        decisions.into_iter().fold(self.start, |score, approved| {
            let next = if approved { score + self.up } else { score - self.down };
            next.clamp(self.lowest, self.highest)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCALE: Scale = Scale { start: 50, up: 5, down: 30, lowest: 10, highest: 60 };

    #[test]
    fn approvals_raise_and_rejections_lower_within_the_bounds() {
        for (decisions, score) in [
            (&[][..], 50),
            (&[true], 55),
            (&[true, true, true], 60),
            (&[false], 20),
            (&[false, false], 10),
            (&[false, false, true], 15),
            (&[true, true, true, true, false], 30),
        ] {
            assert_eq!(SCALE.score(decisions.iter().copied()), score, "{decisions:?}");
        }
    }

    #[test]
    fn an_overridden_rejection_leaves_no_trace() {
        // At the lower bound the rejection took less than a whole step; overridden, it took nothing.
        let before = SCALE.score([false, false, true]);
        let after = SCALE.score([false, true, true]);
        assert_eq!((before, after), (15, 30));
        assert_eq!(SCALE.score([true]), SCALE.score([]) + SCALE.up);
    }
}
