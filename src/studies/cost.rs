//! What a study will cost at most, before anything is published. Pure.

use kernel::money::Cents;
use serde_json::Value;

use super::Study;
use super::draft::{self, Draft, Errors, Typed};
use super::plan::{self, LARGEST_BATCH};
use crate::recruiters::mturk::fees::{self, Cost, Purchase};

/// MTurk's two qualifications for Masters, in production and in the sandbox.
const MASTERS: [&str; 2] = ["2F1QJWKUDD8XADTFD2Q0G6UTO95ALH", "2ARFPLSP75KLA8M8DH1HTEQVJT3SY6"];

/// The numbers of a form that decide about its cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Figures {
    pub places: i32,
    pub spare_seats: i32,
    pub group_size: i32,
    pub batch_size: i32,
    pub reward: Cents,
    pub max_bonus: Cents,
    /// `None`: what the study can cost at most.
    pub budget: Option<Cents>,
    /// Whether only Masters may take part, which costs a further fee.
    pub masters: bool,
}

/// What the figures come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Estimate {
    pub figures: Figures,
    pub cost: Cost,
}

impl Figures {
    /// Reads the few fields of a form that decide, whatever is wrong with the others.
    ///
    /// # Errors
    /// One sentence for each wrong field.
    pub fn read(typed: &Typed) -> Result<Self, Errors> {
        draft::figures(typed)
    }

    /// The figures of a stored study.
    pub fn of(study: &Study) -> Self {
        Self {
            places: study.places,
            spare_seats: study.spare_seats,
            group_size: study.group_size,
            batch_size: study.batch_size,
            reward: study.reward,
            max_bonus: study.max_bonus,
            budget: Some(study.budget),
            masters: wants_masters(&study.qualifications),
        }
    }

    /// The figures of a checked draft.
    pub fn of_draft(draft: &Draft) -> Self {
        Self {
            places: draft.places,
            spare_seats: draft.spare_seats,
            group_size: draft.group_size,
            batch_size: draft.batch_size,
            reward: draft.reward,
            max_bonus: draft.max_bonus,
            budget: draft.budget,
            masters: wants_masters(&draft.qualifications),
        }
    }

    /// What they come to, if every place is filled and every bonus is the largest.
    pub fn estimate(self) -> Estimate {
        let cost = fees::cost(&Purchase {
            places: self.places.into(),
            batch_size: self.batch_size.into(),
            reward: self.reward,
            max_bonus: self.max_bonus,
            masters: self.masters,
        });
        Estimate { figures: self, cost }
    }
}

impl Estimate {
    /// The sizes of the batches.
    pub fn batches(&self) -> Vec<i32> {
        plan::batches(self.figures.places, self.figures.batch_size)
    }

    /// How many seats the oTree session gets.
    pub fn seats(&self) -> i32 {
        plan::seats(self.figures.places, self.figures.spare_seats, self.figures.group_size)
    }

    /// What small batches save against one unit of all places.
    pub fn saved(&self) -> Cents {
        self.cost.unbatched_total - self.cost.total
    }

    /// Whether the batches are so large that the recruiter charges more.
    pub fn surcharged(&self) -> bool {
        self.batches().into_iter().any(|places| places > LARGEST_BATCH)
    }

    /// What the same study would cost in batches of nine, when these are larger.
    pub fn with_small_batches(&self) -> Cents {
        Figures { batch_size: LARGEST_BATCH, ..self.figures }.estimate().cost.total
    }

    /// The study's limit: what was typed, else the total.
    pub fn budget(&self) -> Cents {
        self.figures.budget.unwrap_or(self.cost.total)
    }

    /// Rewards and their fees, which the recruiter sets aside when the batches are published.
    pub fn held(&self) -> Cents {
        self.cost.rewards + self.cost.fees
    }
}

/// Whether these requirements admit only MTurk's Masters.
pub fn wants_masters(qualifications: &Value) -> bool {
    let id = |requirement: &Value| requirement["QualificationTypeId"].as_str().map(str::to_owned);
    qualifications.as_array().into_iter().flatten().filter_map(id).any(|id| MASTERS.contains(&id.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(fields: [&str; 4]) -> Typed {
        let [places, batch_size, reward, max_bonus] = fields.map(str::to_owned);
        Typed { places, batch_size, reward, max_bonus, ..Typed::default() }
    }

    #[test]
    fn a_form_that_is_otherwise_empty_has_a_cost() {
        let estimate = Figures::read(&typed(["90", "", "1", "0"])).unwrap().estimate();
        assert_eq!((estimate.cost.total, estimate.saved()), (Cents(10800), Cents(1800)));
        assert_eq!((estimate.batches().len(), estimate.seats()), (10, 113));
        assert!(!estimate.surcharged());
        assert_eq!((estimate.budget(), estimate.held()), (Cents(10800), Cents(10800)));
    }

    #[test]
    fn only_the_figures_can_be_wrong() {
        let errors = Figures::read(&typed(["0", "9", "1.234", "2"])).unwrap_err();
        assert_eq!(errors.keys().copied().collect::<Vec<_>>(), ["places", "reward"]);
    }

    #[test]
    fn large_batches_are_noticed_and_compared_with_small_ones() {
        let estimate = Figures::read(&typed(["20", "10", "1", ""])).unwrap().estimate();
        assert!(estimate.surcharged());
        assert_eq!((estimate.cost.total, estimate.with_small_batches()), (Cents(2800), Cents(2400)));
        // One batch of nine is small, whatever the largest size.
        assert!(!Figures::read(&typed(["9", "20", "1", ""])).unwrap().estimate().surcharged());
    }

    #[test]
    fn masters_cost_more() {
        let masters = serde_json::json!([{ "QualificationTypeId": MASTERS[0], "Comparator": "Exists" }]);
        let typed = Typed { qualifications: masters.to_string(), ..typed(["4", "4", "1", ""]) };
        assert_eq!(Figures::read(&typed).unwrap().estimate().cost.fees, Cents(100));
        assert!(!wants_masters(&serde_json::json!([{ "QualificationTypeId": "000" }, 3])));
    }
}
