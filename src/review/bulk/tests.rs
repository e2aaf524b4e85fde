use std::collections::HashMap;

use chrono::{DateTime, Duration};
use kernel::money::Cents;

use super::people::People;
use super::{file, list};
use crate::labs::LabId;
use crate::participation::{Participation, ParticipationId, Stage, WorkerId};
use crate::studies::{BatchId, StudyId};

/// Somebody who submitted, under the pseudonym `p<n>` and the assignment `ASSIGN<n>`.
pub fn person(n: usize) -> Participation {
    let start = DateTime::UNIX_EPOCH + Duration::hours(1);
    Participation {
        id: ParticipationId::new(),
        lab_id: LabId::new(),
        study_id: StudyId::new(),
        batch_id: BatchId::new(),
        worker_id: WorkerId::new(),
        seat_number: Some(1),
        code: format!("CODE{n}"),
        assignment_id: format!("ASSIGN{n}"),
        submit_to: None,
        admitted_at: start,
        opened_at: Some(start),
        page: None,
        page_index: None,
        finished_at: Some(start + Duration::minutes(20)),
        finished_by: None,
        payoff: Some(Cents(70)),
        payoff_problem: None,
        submitted_at: Some(start + Duration::minutes(21)),
        auto_approve_at: None,
        answers: None,
        returned_at: None,
        approved_at: None,
        rejected_at: None,
        feedback: None,
        bonus: None,
        bonus_paid_at: None,
        compensated: false,
        uninvited: false,
        otree_vars: None,
        otree_read_at: None,
        stage: Stage::Submitted,
        pseudonym: format!("p{n}"),
        batch_position: 1,
        participant_code: None,
    }
}

fn three() -> (Vec<Participation>, HashMap<ParticipationId, String>) {
    let rows: Vec<_> = (1..=3).map(person).collect();
    let workers = rows.iter().zip(1..).map(|(row, n)| (row.id, format!("AWORKER{n}"))).collect();
    (rows, workers)
}

#[test]
fn a_list_names_people_by_worker_assignment_or_pseudonym() {
    let (rows, workers) = three();
    let people = People::of(&rows, &workers);
    let text = " aworker1 , Both checks were wrong, sadly\n\nASSIGN2\np3\t \n";
    let listed = list::read(text, &people).unwrap();
    let ids: Vec<_> = listed.iter().map(|listed| listed.person.id).collect();
    assert_eq!(ids, rows.iter().map(|row| row.id).collect::<Vec<_>>());
    let words: Vec<_> = listed.iter().map(|listed| listed.words.as_deref()).collect();
    assert_eq!(words, [Some("Both checks were wrong, sadly"), None, None]);
}

#[test]
fn every_line_of_a_list_that_means_nobody_or_somebody_again_is_named() {
    let (rows, workers) = three();
    let people = People::of(&rows, &workers);
    let errors = list::read("AWORKER1\nASTRANGER\nASSIGN1\nAWORKER2, {reson}\n", &people).unwrap_err();
    assert_eq!(errors.iter().map(|error| error.line).collect::<Vec<_>>(), [2, 3, 4]);
    assert!(errors[0].words.contains("ASTRANGER"));
    assert!(errors[1].words.contains("line 1"));
    assert!(errors[2].words.contains("reson"), "words of one's own are checked, too");
}

#[test]
fn a_file_pays_several_bonuses_each_with_its_words() {
    let (rows, workers) = three();
    let people = People::of(&rows, &workers);
    let text = "\u{feff}WorkerId,Bonus Amount,Reason\nAWORKER1,$0.50,\"Best guess, round 2\"\nAWORKER1,1,Lottery\nAWORKER2,.25,Lottery\n";
    let entries = file::read(text, &people).unwrap();
    let told: Vec<_> =
        entries.iter().map(|e| (e.person.pseudonym.as_str(), e.amount.0, e.words.as_str())).collect();
    assert_eq!(told, [("p1", 50, "Best guess, round 2"), ("p1", 100, "Lottery"), ("p2", 25, "Lottery")]);
    let semicolons = file::read("assignment;amount;reason\nASSIGN3;0.10;Thanks\n", &people).unwrap();
    assert_eq!(semicolons[0].person.pseudonym, "p3");
}

#[test]
fn a_file_with_any_mistake_is_refused_with_every_line() {
    let (rows, workers) = three();
    let people = People::of(&rows, &workers);
    let text = "worker,amount,reason\nAWORKER1,0.50,Thanks\nANOBODY,1,Thanks\nAWORKER2,1.005,Thanks\nAWORKER2,-1,Thanks\n\
                AWORKER2,0,Thanks\nAWORKER2,1,\nAWORKER2,1,{nonsense}\nAWORKER1,0.5,Thanks\nAWORKER2\n";
    let errors = file::read(text, &people).unwrap_err();
    assert_eq!(errors.iter().map(|error| error.line).collect::<Vec<_>>(), [3, 4, 5, 6, 7, 8, 9, 10]);
    for (error, words) in errors.iter().zip([
        "ANOBODY",
        "two decimals",
        "like 1.50",
        "more than nothing",
        "reason is missing",
        "{nonsense}",
        "line 2",
        "like 1.50",
    ]) {
        assert!(error.words.contains(words), "{error:?}");
    }
}

#[test]
fn headings_are_needed_and_an_empty_file_is_a_mistake() {
    let (rows, workers) = three();
    let people = People::of(&rows, &workers);
    for text in ["", "AWORKER1,0.50,Thanks\n", "worker,reason\nAWORKER1,x\n"] {
        let errors = file::read(text, &people).unwrap_err();
        assert_eq!((errors.len(), errors[0].line), (1, 1), "{text}");
        assert!(errors[0].words.contains("columns"), "{text}");
    }
    let empty = file::read("worker,amount,reason\n", &people).unwrap_err();
    assert!(empty[0].words.contains("no lines"));
    let many = "AWORKER1,1,x\n".repeat(file::LONGEST + 1);
    let errors = file::read(&format!("worker,amount,reason\n{many}"), &people).unwrap_err();
    assert!(errors.iter().any(|error| error.words.contains("at most 10000")));
}

#[test]
fn the_same_amount_and_words_are_the_same_bonus_and_others_are_not() {
    let one = file::source(Cents(50), "Thanks");
    assert_eq!(one, file::source("0.5".parse().unwrap(), "Thanks"));
    assert_ne!(one, file::source(Cents(51), "Thanks"));
    assert_ne!(one, file::source(Cents(50), "Thanks!"));
    assert_ne!(file::source(Cents(5), "0"), file::source(Cents(50), ""));
}
