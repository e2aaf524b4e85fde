//! What a study needs from somebody, the most pressing first. Pure.

use chrono::{DateTime, Utc};

use super::words;
use crate::studies::State;
use crate::studies::batches::Batch;
use crate::studies::overview::Line;
use crate::studies::sessions::Session;

/// One thing that needs somebody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attention {
    /// `bad`, `warn` or `note`.
    pub tone: &'static str,
    /// A sentence.
    pub words: String,
    /// Below the study's path, where it can be dealt with; empty when nowhere.
    pub link: &'static str,
    /// What the link says.
    pub label: &'static str,
}

/// What is known of a study besides its counts.
#[derive(Debug, Clone, Copy)]
pub struct Around<'a> {
    pub batches: &'a [Batch],
    pub session: Option<&'a Session>,
    /// All seats, and those that are taken.
    pub seats: (i64, i64),
    /// The site's problem, if its last check failed.
    pub site_problem: Option<&'a str>,
    /// The connection's problem, if its last test failed.
    pub connection_problem: Option<&'a str>,
    pub turned_away: i64,
    /// Undecided submissions with another completion code than their own, or none.
    pub odd_codes: i64,
    /// Differences from the recruiter's figures that nobody has looked at.
    pub differences: i64,
    pub now: DateTime<Utc>,
}

/// Everything that needs somebody.
pub fn of(line: &Line, around: Around<'_>) -> Vec<Attention> {
    let mut list = Vec::new();
    outside(&mut list, line, around);
    money(&mut list, line);
    review(&mut list, line, around.now);
    differences(&mut list, around.differences);
    codes(&mut list, around.odd_codes);
    seats(&mut list, line, around);
    list
}

fn bad(words: impl Into<String>) -> Attention {
    Attention { tone: "bad", words: words.into(), link: "", label: "" }
}

fn outside(list: &mut Vec<Attention>, line: &Line, around: Around<'_>) {
    let mut told: Vec<&str> = Vec::new();
    let session = around.session.and_then(|session| session.problem.as_deref());
    let batches = around.batches.iter().filter(|batch| batch.state != "done" && batch.state != "refused");
    let batches = batches.filter_map(|batch| batch.problem.as_deref());
    for problem in line.problem.as_deref().into_iter().chain(session).chain(batches) {
        if !told.contains(&problem) {
            told.push(problem);
            list.push(bad(problem));
        }
    }
    if line.state == State::Closed && line.people() == line.paid + line.rejected + line.returned {
        return;
    }
    if let Some(problem) = around.site_problem {
        list.push(bad(format!("The oTree site has a problem: {problem}")));
    }
    if let Some(problem) = around.connection_problem {
        list.push(bad(format!("The connection has a problem: {problem}")));
    }
}

fn money(list: &mut Vec<Attention>, line: &Line) {
    if line.unknown_orders > 0 {
        list.push(Attention {
            tone: "bad",
            words: format!(
                "{}: the answer was lost. oTree HR asks the marketplace until it knows; nothing is sent twice.",
                words::count(line.unknown_orders, "order is unclear", "orders are unclear")
            ),
            link: "/orders",
            label: "See the orders",
        });
    }
    if line.held_orders > 0 {
        list.push(Attention {
            tone: "bad",
            words: format!(
                "{} for something to be mended, and then sent again.",
                words::count(line.held_orders, "order waits", "orders wait")
            ),
            link: "/orders",
            label: "See why",
        });
    }
    if line.refused_orders > 0 {
        list.push(Attention {
            tone: "bad",
            words: format!(
                "{} by the marketplace.",
                words::count(line.refused_orders, "order was refused", "orders were refused")
            ),
            link: "/orders",
            label: "See why",
        });
    }
    if line.odd_payoffs > 0 {
        list.push(Attention {
            tone: "warn",
            words: format!(
                "{} cannot be a bonus as it stands.",
                words::count(line.odd_payoffs, "payoff", "payoffs")
            ),
            link: "/review",
            label: "Review",
        });
    }
}

fn review(list: &mut Vec<Attention>, line: &Line, now: DateTime<Utc>) {
    if line.undecided() > 0 {
        let soon = line.first_auto_approval.map(|at| {
            format!(" Without a decision, the first is approved by itself {}.", words::away(at, now))
        });
        let waiting = words::count(line.undecided(), "submission waits", "submissions wait");
        list.push(Attention {
            tone: "note",
            words: format!("{waiting} for your decision.{}", soon.unwrap_or_default()),
            link: "/review?stage=review",
            label: "Review",
        });
    }
    if line.uncompensated > 0 {
        list.push(Attention {
            tone: "warn",
            words: format!(
                "{} the study but never submitted, so the marketplace has nothing to approve.",
                words::count(line.uncompensated, "person finished", "people finished")
            ),
            link: "/compensations",
            label: "Compensate them",
        });
    }
}

fn differences(list: &mut Vec<Attention>, open: i64) {
    if open > 0 {
        let differ = words::count(open, "figure", "figures");
        list.push(Attention {
            tone: "bad",
            words: format!("{differ} at the marketplace differ from our books."),
            link: "/differences",
            label: "See what differs",
        });
    }
}

fn codes(list: &mut Vec<Attention>, odd: i64) {
    if odd > 0 {
        let submissions = words::count(odd, "submission has", "submissions have");
        list.push(Attention {
            tone: "warn",
            words: format!("{submissions} another completion code than their own, or none."),
            link: "/review?stage=review",
            label: "See who",
        });
    }
}

fn seats(list: &mut Vec<Attention>, line: &Line, around: Around<'_>) {
    let (all, taken) = around.seats;
    let holding = line.people() - line.returned - line.worked_then_returned - line.finished_unsubmitted;
    if line.state == State::Open && all > 0 && taken >= all && holding < i64::from(line.places) {
        list.push(Attention {
            tone: "warn",
            words: "All seats of the oTree session are used, though places are open. Whoever comes now is asked to \
                    return the work. Close this study and make another one for the rest, with more spare seats."
                .into(),
            link: "",
            label: "",
        });
    } else if around.turned_away > 0 && line.state == State::Open {
        list.push(Attention {
            tone: "note",
            words: format!(
                "{} came when no seat was free and were asked to return the work.",
                words::count(around.turned_away, "person", "people")
            ),
            link: "",
            label: "",
        });
    }
}

#[cfg(test)]
mod tests {
    use chrono::Duration;
    use kernel::money::Cents;

    use super::*;
    use crate::studies::StudyId;

    fn line() -> Line {
        Line {
            id: StudyId::new(),
            name: "Pilot".into(),
            state: State::Open,
            environment: "rehearsal".into(),
            places: 12,
            created_at: DateTime::UNIX_EPOCH,
            problem: None,
            admitted: 0,
            working: 3,
            finished: 0,
            finished_unsubmitted: 0,
            uncompensated: 0,
            submitted: 0,
            submitted_unfinished: 0,
            approved: 0,
            paid: 0,
            rejected: 0,
            returned: 0,
            worked_then_returned: 0,
            deciding: 0,
            odd_payoffs: 0,
            first_auto_approval: None,
            held_batches: 0,
            unknown_orders: 0,
            held_orders: 0,
            refused_orders: 0,
            spent: Cents::ZERO,
            budget: Cents(1000),
        }
    }

    fn around() -> Around<'static> {
        Around {
            batches: &[],
            session: None,
            seats: (15, 3),
            site_problem: None,
            connection_problem: None,
            turned_away: 0,
            odd_codes: 0,
            differences: 0,
            now: DateTime::UNIX_EPOCH,
        }
    }

    #[test]
    fn a_study_that_runs_needs_nobody() {
        assert_eq!(of(&line(), around()), []);
    }

    #[test]
    fn a_decision_under_way_is_not_asked_for_again() {
        let soon = Some(DateTime::UNIX_EPOCH + Duration::hours(5));
        let waiting = Line { submitted: 4, deciding: 1, first_auto_approval: soon, ..line() };
        let list = of(&waiting, around());
        assert_eq!((list.len(), list[0].link), (1, "/review?stage=review"));
        assert!(list[0].words.starts_with("3 submissions wait"), "{}", list[0].words);
        assert!(list[0].words.contains("in 5 hours"), "{}", list[0].words);
        assert_eq!(of(&Line { submitted: 1, deciding: 1, ..line() }, around()), []);
    }

    #[test]
    fn trouble_comes_before_work() {
        let busy = Line { submitted: 1, unknown_orders: 2, problem: Some("No money.".into()), ..line() };
        let tones: Vec<_> = of(&busy, around()).iter().map(|one| one.tone).collect();
        assert_eq!(tones, ["bad", "bad", "note"]);
    }

    #[test]
    fn payments_that_wait_for_money_are_not_silent() {
        let list = of(&Line { held_orders: 2, ..line() }, around());
        assert_eq!((list[0].tone, list[0].link), ("bad", "/orders"));
        assert!(list[0].words.starts_with("2 orders wait"), "{}", list[0].words);
    }

    #[test]
    fn a_wrong_completion_code_is_pointed_out() {
        let list = of(&line(), Around { odd_codes: 1, ..around() });
        assert_eq!((list.len(), list[0].tone), (1, "warn"));
        assert!(list[0].words.starts_with("1 submission has another completion code"), "{}", list[0].words);
    }

    #[test]
    fn differences_from_the_marketplace_are_shown() {
        let list = of(&line(), Around { differences: 2, ..around() });
        assert_eq!((list.len(), list[0].link), (1, "/differences"));
        assert!(list[0].words.starts_with("2 figures"), "{}", list[0].words);
    }

    #[test]
    fn used_up_seats_are_noticed_while_places_are_open() {
        let list = of(&line(), Around { seats: (15, 15), ..around() });
        assert!(list[0].words.contains("All seats"), "{list:?}");
        let full = Line { working: 12, ..line() };
        assert_eq!(of(&full, Around { seats: (12, 12), ..around() }), []);
    }
}
