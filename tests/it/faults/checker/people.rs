//! What happened to people and places: every HIT is known, one seat each, and nobody is lost.

use std::collections::BTreeSet;

use market::journal::Effect;
use otree_hr::participation::Stage;

use super::super::show::{At, Show};
use super::Histories;

/// P4: every HIT is one batch of ours or one compensation, and each of them one HIT.
pub(super) fn orphans(show: &Show, all: &Histories, wrong: &mut Vec<String>) {
    let batches = all.batches.iter().map(|batch| (batch.id.to_string(), batch.hit_id.clone()));
    let owed = all.compensations.iter().map(|it| (it.order_id.to_string(), it.hit_id.clone()));
    let known: Vec<(String, Option<String>)> = batches.chain(owed).collect();
    for (mark, ours) in &known {
        let theirs: Vec<_> = all.hits.iter().filter(|(_, mark_of)| mark_of.as_ref() == Some(mark)).collect();
        if theirs.len() > 1 {
            wrong.push(format!("P4: {mark} was published {} times", theirs.len()));
        }
        if ours.as_ref().is_some_and(|ours| !theirs.iter().any(|(hit, _)| hit == ours)) {
            wrong.push(format!("P4: {mark} names a HIT that is not its own"));
        }
    }
    for (hit, mark) in &all.hits {
        let made = all.effects(Effect::HitCreated).find(|entry| entry.hit_id.as_ref() == Some(hit));
        let lost = made.is_some_and(|made| show.is_lost(made));
        if !lost && !known.iter().any(|(known, _)| Some(known) == mark.as_ref()) {
            wrong.push(format!("P4: nobody knows HIT {hit}"));
        }
    }
}

/// P5: one person, one seat, one entry.
pub(super) fn seats(show: &Show, all: &Histories, wrong: &mut Vec<String>) {
    let mut workers = BTreeSet::new();
    let mut seats = BTreeSet::new();
    for person in &all.people {
        if !workers.insert(&person.worker) {
            wrong.push("P5: somebody takes part twice".into());
        }
        if person.seat_number.is_some_and(|seat| !seats.insert(seat)) {
            wrong.push(format!("P5: seat {:?} is shared", person.seat_number));
        }
    }
    let ours: BTreeSet<&str> = all.people.iter().map(|person| &*person.pseudonym).collect();
    let entries: BTreeSet<(String, String)> =
        show.rig.otree.entries().into_iter().filter(|(_, label)| ours.contains(&**label)).collect();
    let codes: BTreeSet<&String> = entries.iter().map(|(code, _)| code).collect();
    let labels: BTreeSet<&String> = entries.iter().map(|(_, label)| label).collect();
    if codes.len() != entries.len() || labels.len() != entries.len() {
        wrong.push(format!("P5: people and seats in oTree do not match one to one: {entries:?}"));
    }
}

/// P6: who finished in oTree and who submitted at the marketplace is known as such.
pub(super) fn lost_workers(show: &Show, all: &Histories, wrong: &mut Vec<String>) {
    for (number, person) in show.people.iter().enumerate().filter(|(_, person)| person.page.is_some()) {
        let Some(ours) = all.people.iter().find(|ours| ours.worker == person.worker) else {
            wrong.push(format!("P6: person {number} was let in and is not known"));
            continue;
        };
        let decided = matches!(ours.stage, Stage::Approved | Stage::Paid | Stage::Rejected);
        let listed = matches!(ours.stage, Stage::Submitted | Stage::SubmittedUnfinished) || decided;
        if person.at == At::Submitted && !listed {
            wrong.push(format!("P6: person {number} submitted and counts as {}", ours.stage));
        }
        if person.at != At::Submitted && listed && ours.assignment_id == person.assignment {
            wrong.push(format!("P6: person {number} never submitted and counts as {}", ours.stage));
        }
        if all.must_be_finished(show, person) && !ours.finished {
            wrong.push(format!("P6: person {number} finished and counts as {}", ours.stage));
        }
    }
}
