//! Tables of what differs and what is only on its way.

use super::*;
use crate::connections::ConnectionId;
use crate::labs::LabId;
use crate::payments::OrderId;
use crate::studies::StudyId;

const TERMS: Terms = Terms { reward: Cents(100), masters: false, closed: false };

fn asked_at() -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + Duration::days(1)
}

fn long_ago() -> Option<DateTime<Utc>> {
    Some(DateTime::UNIX_EPOCH)
}

fn batch() -> Batch {
    Batch {
        id: BatchId::new(),
        study_id: StudyId::new(),
        position: 1,
        places: 9,
        state: "open".into(),
        request_token: "token".into(),
        first_sent_at: None,
        hit_id: Some("3HIT".into()),
        hit_group_id: None,
        expires_at: None,
        problem: None,
        expired_at: None,
        gone_at: None,
        cut_short_at: None,
        quiet_polls: 0,
    }
}

/// A batch with one person, who submitted long ago; the recruiter says the same.
fn agreed() -> (Ours, Told) {
    let batch = batch();
    let person = Person {
        id: ParticipationId::new(),
        batch_id: batch.id,
        assignment_id: "3A".into(),
        worker: "AWORKER".into(),
        uninvited: false,
        submitted_at: long_ago(),
        approved_at: None,
        rejected_at: None,
    };
    let submission = Submission {
        assignment_id: "3A".into(),
        unit_id: "3HIT".into(),
        worker_id: "AWORKER".into(),
        status: SubmissionStatus::Submitted,
        submitted_at: long_ago(),
        auto_approve_at: None,
        approved_at: None,
        rejected_at: None,
        answers: Vec::new(),
    };
    let ours = Ours { people: vec![person], orders: Vec::new(), batches: 1 };
    (ours, Told { batch, shown: true, submissions: vec![submission], bonuses: Vec::new() })
}

fn bonus(ours: &Ours, state: OrderState) -> Booked {
    let order = Order {
        id: OrderId::new(),
        lab_id: LabId::new(),
        study_id: StudyId::new(),
        participation_id: ours.people[0].id,
        connection_id: ConnectionId::new(),
        kind: Kind::Bonus,
        source: "payoff".into(),
        amount: Cents(70),
        fee: Cents(14),
        words: "Bonus".into(),
        state,
        attempt: 1,
        first_sent_at: long_ago(),
        sent_at: long_ago(),
        problem: None,
        token: "token".into(),
        assignment_id: "3A".into(),
        worker: "AWORKER".into(),
    };
    Booked { order, settled_at: long_ago() }
}

fn paid(reason: &str, cents: i64) -> BonusPaid {
    let (assignment_id, worker_id) = ("3A".into(), "AWORKER".into());
    BonusPaid { assignment_id, worker_id, amount: Cents(cents), reason: reason.into() }
}

fn kinds(ours: &Ours, told: &Told) -> Vec<DifferenceKind> {
    let found = differences(TERMS, ours, std::slice::from_ref(told), asked_at());
    found.into_iter().map(|one| one.kind).collect()
}

#[test]
fn sides_that_agree_have_no_difference() {
    let (mut ours, mut told) = agreed();
    assert_eq!(kinds(&ours, &told), []);
    let done = bonus(&ours, OrderState::Done);
    told.bonuses.push(paid(&done.order.mark(), 70));
    ours.orders.push(done);
    assert_eq!(kinds(&ours, &told), []);
}

#[test]
fn another_decision_is_a_difference_unless_one_is_on_its_way() {
    for (approved, rejected, theirs) in [
        (long_ago(), None, SubmissionStatus::Submitted),
        (long_ago(), None, SubmissionStatus::Rejected),
        (None, long_ago(), SubmissionStatus::Submitted),
        (None, None, SubmissionStatus::Approved),
    ] {
        let (mut ours, mut told) = agreed();
        (ours.people[0].approved_at, ours.people[0].rejected_at) = (approved, rejected);
        told.submissions[0].status = theirs;
        assert_eq!(kinds(&ours, &told), [DifferenceKind::Decision], "{theirs:?}");
        let sending = bonus(&ours, OrderState::Sending);
        ours.orders.push(Booked { order: Order { kind: Kind::Approve, ..sending.order }, settled_at: None });
        assert_eq!(kinds(&ours, &told), [], "{theirs:?} while an order is sent");
    }
}

#[test]
fn what_we_learnt_a_moment_ago_may_not_be_listed_as_yet() {
    let (mut ours, mut told) = agreed();
    told.submissions.clear();
    assert_eq!(kinds(&ours, &told), [DifferenceKind::SubmissionMissing]);
    ours.people[0].submitted_at = Some(asked_at() - Duration::minutes(9));
    assert_eq!(kinds(&ours, &told), []);
}

#[test]
fn bonuses_are_told_apart_by_their_mark() {
    let (ours, told) = agreed();
    for (state, lists, expected) in [
        (OrderState::Done, vec![], vec![DifferenceKind::BonusMissing]),
        (OrderState::Sending, vec![], vec![]),
        (OrderState::Unknown, vec![70], vec![]),
        (OrderState::Refused, vec![70], vec![DifferenceKind::BonusUnexpected]),
        (OrderState::Done, vec![60], vec![DifferenceKind::BonusOther]),
        (OrderState::Done, vec![70, 70], vec![DifferenceKind::BonusTwice]),
    ] {
        let order = bonus(&ours, state);
        let lists = lists.into_iter().map(|cents| paid(&format!("Bonus {}", order.order.mark()), cents));
        let told = Told { bonuses: lists.collect(), ..told.clone() };
        let ours = Ours { orders: vec![order], ..ours.clone() };
        assert_eq!(kinds(&ours, &told), expected, "{state:?}");
    }
    let told = Told { bonuses: vec![paid("By hand", 20), paid("By hand", 30)], ..told };
    let found = differences(TERMS, &ours, &[told], asked_at());
    let subjects: Vec<_> = found.iter().map(|one| (one.subject.as_str(), one.cents)).collect();
    assert_eq!(subjects, [("3A#1", Some(Cents(20))), ("3A#2", Some(Cents(30)))]);
}

#[test]
fn a_bonus_that_a_person_took_for_ours_is_not_missing_money() {
    let (ours, told) = agreed();
    for (state, cents, expected) in [
        (OrderState::Done, 70, None),
        (OrderState::Done, 60, Some(Cents(60))),
        (OrderState::Unknown, 70, Some(Cents(70))),
    ] {
        let ours = Ours { orders: vec![bonus(&ours, state)], ..ours.clone() };
        let told = Told { bonuses: vec![paid("Bonus (ref of a lost order)", cents)], ..told.clone() };
        let found = differences(TERMS, &ours, &[told], asked_at());
        let elsewhere = found.iter().find(|one| one.kind == DifferenceKind::BonusElsewhere).unwrap();
        assert_eq!(elsewhere.cents, expected, "{state:?} {cents}");
    }
}

#[test]
fn a_bonus_settled_a_moment_ago_may_not_be_listed_as_yet() {
    let (mut ours, told) = agreed();
    let settled_at = Some(asked_at() - Duration::minutes(9));
    ours.orders.push(Booked { settled_at, ..bonus(&ours, OrderState::Done) });
    assert_eq!(kinds(&ours, &told), []);
}

#[test]
fn somebody_from_another_batch_submitted_twice() {
    let (mut ours, mut told) = agreed();
    ours.people[0].batch_id = BatchId::new();
    assert_eq!(kinds(&ours, &told), [DifferenceKind::SecondSubmission]);
    assert_eq!(second_submissions(&ours, std::slice::from_ref(&told)), [], "not paid as yet");
    told.submissions[0].status = SubmissionStatus::Approved;
    let found = differences(TERMS, &ours, std::slice::from_ref(&told), asked_at());
    assert_eq!(found[0].cents, Some(Cents(120)));
    assert_eq!(second_submissions(&ours, &[told])[0].assignment_id, "3A");
}

#[test]
fn a_stranger_and_another_owner_are_named() {
    let (mut ours, told) = agreed();
    ours.people[0].uninvited = true;
    ours.people[0].assignment_id = "3OTHER".into();
    assert_eq!(kinds(&ours, &told), [DifferenceKind::Stranger, DifferenceKind::Owner]);
    ours.people[0].rejected_at = long_ago();
    let said = kinds(&ours, &told);
    assert!(!said.contains(&DifferenceKind::Stranger), "decided: {said:?}");
}

#[test]
fn a_hit_that_went_away_is_told_and_its_silence_is_not() {
    let (ours, mut told) = agreed();
    told.shown = false;
    told.submissions.clear();
    assert_eq!(kinds(&ours, &told), [], "it may only flicker");
    told.batch.gone_at = long_ago();
    assert_eq!(kinds(&ours, &told), [DifferenceKind::HitGone]);
    told.batch.gone_at = None;
    told.batch.cut_short_at = long_ago();
    assert_eq!(kinds(&ours, &told), [DifferenceKind::HitExpired]);
    let closed = Terms { closed: true, ..TERMS };
    assert_eq!(differences(closed, &ours, &[told], asked_at()), []);
}

#[test]
fn what_was_learnt_so_long_ago_that_it_must_be_listed_is_missed() {
    let (mut ours, mut told) = agreed();
    let settled_at = Some(asked_at() - SETTLING);
    ours.orders.push(Booked { settled_at, ..bonus(&ours, OrderState::Done) });
    assert_eq!(kinds(&ours, &told), [DifferenceKind::BonusMissing]);
    told.submissions.clear();
    ours.people[0].submitted_at = settled_at;
    assert_eq!(kinds(&ours, &told), [DifferenceKind::SubmissionMissing]);
}

#[test]
fn only_a_decision_about_this_person_explains_another_status() {
    let (mut ours, mut told) = agreed();
    told.submissions[0].status = SubmissionStatus::Approved;
    let sending = bonus(&ours, OrderState::Sending);
    ours.orders = vec![sending.clone()];
    assert_eq!(kinds(&ours, &told), [DifferenceKind::Decision], "a bonus on its way");
    let of_another = Order { kind: Kind::Approve, participation_id: ParticipationId::new(), ..sending.order };
    ours.orders = vec![Booked { order: of_another, settled_at: None }];
    assert_eq!(kinds(&ours, &told), [DifferenceKind::Decision], "somebody else's approval");
}

#[test]
fn a_difference_says_both_sides_and_what_it_costs() {
    let (mut ours, mut told) = agreed();
    ours.people[0].submitted_at = None;
    told.submissions[0].status = SubmissionStatus::Approved;
    let found = differences(TERMS, &ours, std::slice::from_ref(&told), asked_at());
    assert_eq!((found[0].ours.as_str(), found[0].theirs.as_str()), ("Not submitted.", "It is approved."));
    assert_eq!(found[0].cents, Some(Cents(120)));
    ours.people[0].submitted_at = long_ago();
    ours.people[0].approved_at = long_ago();
    told.submissions[0].status = SubmissionStatus::Rejected;
    let found = differences(TERMS, &ours, std::slice::from_ref(&told), asked_at());
    assert_eq!((found[0].ours.as_str(), found[0].theirs.as_str()), ("It is approved.", "It is rejected."));
    assert_eq!(found[0].cents, None);
}

#[test]
fn a_bonus_that_differs_says_by_how_much_and_for_what() {
    let (ours, told) = agreed();
    for (state, cents, assignment, theirs, more) in [
        (OrderState::Refused, 70, "3A", "$0.70: paid.", 70),
        (OrderState::Done, 90, "3A", "$0.90: paid.", 20),
        (OrderState::Done, 70, "3ELSE", "$0.70 for other work: paid.", 0),
    ] {
        let booked = bonus(&ours, state);
        let reason = format!("Bonus {}", booked.order.mark());
        let paid = BonusPaid { assignment_id: assignment.into(), ..paid(&reason, cents) };
        let (ours, told) =
            (Ours { orders: vec![booked], ..ours.clone() }, Told { bonuses: vec![paid], ..told.clone() });
        let found = differences(TERMS, &ours, &[told], asked_at());
        assert_eq!((found[0].theirs.as_str(), found[0].cents), (theirs, Some(Cents(more))), "{state:?}");
    }
    let booked = bonus(&ours, OrderState::Done);
    let twice = paid(&booked.order.mark(), 70);
    let (ours, told) =
        (Ours { orders: vec![booked], ..ours }, Told { bonuses: vec![twice.clone(), twice], ..told });
    assert_eq!(differences(TERMS, &ours, &[told], asked_at())[0].cents, Some(Cents(70)));
}

#[test]
fn who_takes_part_in_no_batch_is_taken_in_elsewhere() {
    let (mut ours, told) = agreed();
    ours.people.clear();
    assert_eq!(kinds(&ours, &told), []);
    assert_eq!(second_submissions(&ours, &[told]), []);
}

#[test]
fn only_who_submitted_before_submits_a_second_time() {
    let (mut ours, mut told) = agreed();
    (ours.people[0].batch_id, ours.people[0].submitted_at) = (BatchId::new(), None);
    told.submissions[0].status = SubmissionStatus::Approved;
    assert_eq!(second_submissions(&ours, &[told]), [], "it becomes theirs once they count as gone");
}

#[test]
fn only_a_moment_that_passed_stays_until_somebody_looks() {
    assert!(DifferenceKind::Balance.stays());
    for kind in [DifferenceKind::Stranger, DifferenceKind::HitTwice, DifferenceKind::BonusMissing] {
        assert!(!kind.stays(), "{kind:?}");
        assert_ne!(kind.label(), DifferenceKind::Balance.label());
    }
}
