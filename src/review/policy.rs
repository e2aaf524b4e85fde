//! What may be decided, what a payoff is worth, and what a study's rules say. Pure.
//!
//! | part | one idea |
//! | --- | --- |
//! | [`judge`] | what the rules say of one person |
//! | [`agreement`] | whether the workers of one item agree |
//! | [`values`] | comparing what oTree told with what was typed |

pub mod agreement;
pub mod judge;
pub mod values;

use kernel::money::Cents;

use crate::participation::Stage;

/// Whether anything more may be ordered while a decision is `under_way`: the first one stands.
///
/// # Errors
/// Why not, in a sentence.
pub fn may_order(stage: Stage, under_way: bool) -> Result<(), String> {
    match stage {
        Stage::Submitted | Stage::SubmittedUnfinished if under_way => {
            Err("Was decided already; the recruiter is being told.".into())
        }
        _ => Ok(()),
    }
}

/// Whether somebody at this stage can be approved or rejected.
///
/// # Errors
/// Why not, in a sentence.
pub fn may_decide(stage: Stage) -> Result<(), String> {
    match stage {
        Stage::Submitted | Stage::SubmittedUnfinished => Ok(()),
        Stage::Approved | Stage::Paid => Err("Is approved already.".into()),
        Stage::Rejected => Err("Is rejected already.".into()),
        Stage::Finished | Stage::FinishedUnsubmitted => {
            Err("Has not submitted at the recruiter, which knows nothing to approve.".into())
        }
        Stage::Admitted | Stage::Working | Stage::Returned | Stage::WorkedThenReturned => {
            Err("Has not submitted anything.".into())
        }
    }
}

/// Whether a bonus can be paid to somebody at this stage.
///
/// # Errors
/// Why not, in a sentence.
pub fn may_pay_bonus(stage: Stage, decided: Option<Cents>) -> Result<(), String> {
    match (stage, decided) {
        (Stage::Approved, None) => Ok(()),
        (Stage::Approved | Stage::Paid, Some(_)) => Err("The bonus was decided already.".into()),
        _ => Err("Is not approved yet: approve and pay the bonus together.".into()),
    }
}

/// Whether a bonus beside the payoff's can be paid; `ordered`: the very same was ordered before.
///
/// # Errors
/// Why not, in a sentence.
pub fn may_pay_extra(stage: Stage, ordered: bool) -> Result<(), String> {
    match stage {
        _ if ordered => Err("This very bonus was ordered before.".into()),
        Stage::Approved | Stage::Paid => Ok(()),
        Stage::Submitted | Stage::SubmittedUnfinished => Err("Is not approved yet: approve first.".into()),
        Stage::Rejected => Err("Is rejected: override the rejection first.".into()),
        _ => Err("Has not submitted at the recruiter, which pays bonuses for submitted work only.".into()),
    }
}

/// The bonus that a payoff means: a negative payoff is no bonus, one above the study's maximum is
/// refused, never cut in silence.
///
/// # Errors
/// Why there is none, in a sentence.
pub fn bonus(payoff: Option<Cents>, problem: Option<&str>, maximum: Cents) -> Result<Cents, String> {
    if let Some(problem) = problem {
        return Err(problem.to_owned());
    }
    match payoff {
        None => Err("oTree has not told a payoff yet.".into()),
        Some(amount) if amount > maximum => {
            Err(format!("A bonus of {amount} is above the study's maximum of {maximum}."))
        }
        Some(amount) => Ok(amount.max(Cents::ZERO)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_submitted_work_can_be_decided() {
        let able: Vec<Stage> = Stage::ALL.into_iter().filter(|stage| may_decide(*stage).is_ok()).collect();
        assert_eq!(able, [Stage::SubmittedUnfinished, Stage::Submitted]);
    }

    #[test]
    fn while_a_decision_is_under_way_there_is_no_other() {
        assert!(may_order(Stage::Submitted, true).is_err());
        assert!(may_order(Stage::Submitted, false).is_ok());
        assert!(may_order(Stage::Approved, true).is_ok(), "a bonus for approved work");
    }

    #[test]
    fn a_bonus_is_decided_once_and_after_approval() {
        assert!(may_pay_bonus(Stage::Approved, None).is_ok());
        assert!(may_pay_bonus(Stage::Approved, Some(Cents(10))).is_err());
        assert!(may_pay_bonus(Stage::Paid, Some(Cents::ZERO)).is_err());
        assert!(may_pay_bonus(Stage::Submitted, None).is_err());
    }

    #[test]
    fn an_extra_bonus_needs_approved_work_and_is_paid_once() {
        let able: Vec<Stage> =
            Stage::ALL.into_iter().filter(|stage| may_pay_extra(*stage, false).is_ok()).collect();
        assert_eq!(able, [Stage::Approved, Stage::Paid]);
        for stage in Stage::ALL {
            assert!(may_pay_extra(stage, true).unwrap_err().contains("before"));
        }
        assert!(may_pay_extra(Stage::Submitted, false).unwrap_err().contains("approve first"));
        assert!(may_pay_extra(Stage::SubmittedUnfinished, false).unwrap_err().contains("approve first"));
        assert!(may_pay_extra(Stage::Rejected, false).unwrap_err().contains("override"));
    }

    #[test]
    fn a_payoff_becomes_a_bonus_within_limits() {
        let most = Cents(500);
        assert_eq!(bonus(Some(Cents(70)), None, most), Ok(Cents(70)));
        assert_eq!(bonus(Some(most), None, most), Ok(most));
        assert_eq!(bonus(Some(Cents(-30)), None, most), Ok(Cents::ZERO));
        assert!(bonus(Some(Cents(501)), None, most).unwrap_err().contains("5.01"));
        assert!(bonus(None, None, most).is_err());
        assert_eq!(bonus(Some(Cents(70)), Some("It is in EUR."), most), Err("It is in EUR.".into()));
    }
}
