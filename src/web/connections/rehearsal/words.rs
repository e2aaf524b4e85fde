//! What the marketplace says, in words. Templates hand over references.

use kernel::money::Cents;

use crate::recruiters::mturk::rehearsal::{Behaviour, Entry, Fault, FaultKind, Turn, Unit};

/// How the clock runs, after "the clock".
pub(super) fn pace(rate: &f64) -> String {
    if *rate == 0.0 {
        "stands still".to_owned()
    } else if *rate == 1.0 {
        "runs like any other".to_owned()
    } else {
        format!("runs {rate} times as fast as any other")
    }
}

/// What was done to the clock.
pub(super) fn turn(turn: Turn) -> String {
    match turn {
        Turn::Freeze => "frozen".to_owned(),
        Turn::Run(rate) => format!("running {rate} times as fast"),
        Turn::Step(seconds) => format!("forward by {}", length(seconds)),
        Turn::To(at) => format!("put to {} UTC", at.format("%-d %b %Y, %H:%M")),
    }
}

fn length(seconds: i64) -> String {
    let (count, unit) = match seconds {
        s if s % 86_400 == 0 => (s / 86_400, "day"),
        s if s % 3_600 == 0 => (s / 3_600, "hour"),
        s => (s / 60, "minute"),
    };
    format!("{count} {unit}{}", if count == 1 { "" } else { "s" })
}

/// What a kind of trouble is to whoever calls.
pub(super) fn kind(kind: FaultKind) -> &'static str {
    match kind {
        FaultKind::FailBefore => "error 500, nothing done",
        FaultKind::FailAfter => "error 500, although it was done",
        FaultKind::DropBefore => "connection lost, nothing done",
        FaultKind::DropAfter => "connection lost, although it was done",
        FaultKind::ResetBefore => "connection reset, nothing done",
        FaultKind::ResetAfter => "connection reset, although it was done",
        FaultKind::HtmlBefore => "error 503 with a web page, nothing done",
        FaultKind::HtmlAfter => "error 503 with a web page, although it was done",
        FaultKind::Deny => "access denied, as for keys that may not do it",
        FaultKind::Unlink => "not linked, as for an account that is no requester",
        FaultKind::Throttle => "throttled, nothing done",
        FaultKind::ThrottleTo => "throttled beyond so many calls a second",
        FaultKind::DelayBefore => "slow: waits, then does it",
        FaultKind::DelayAfter => "slow: does it, then waits",
        FaultKind::Hide => "what is new does not show for some time",
    }
}

/// The same, as it begins a line.
pub(super) fn capital(words: &str) -> String {
    let (head, rest) = words.split_at(words.chars().next().map_or(0, char::len_utf8));
    format!("{}{rest}", head.to_uppercase())
}

/// A fault with its number.
pub(super) fn fault(fault: &Fault) -> String {
    let Some(known) = FaultKind::named(&fault.kind) else { return fault.kind.replace('_', " ") };
    match (known.unit(), fault.number()) {
        (Some(Unit::PerSecond), Some(number)) => format!("throttled beyond {number} calls a second"),
        (Some(Unit::Milliseconds), Some(number)) => format!("{} ({number} ms)", kind(known)),
        (Some(Unit::Seconds), Some(number)) => format!("what is new does not show for {number} s"),
        _ => kind(known).to_owned(),
    }
}

/// What a fault strikes.
pub(super) fn target(operation: Option<&str>) -> String {
    operation.map_or_else(|| "in every call".to_owned(), |name| format!("in {name}"))
}

/// Faults, counted.
pub(super) fn faults(count: usize) -> String {
    format!("{count} fault{}", if count == 1 { "" } else { "s" })
}

/// Simulated workers, counted.
pub(super) fn people(count: &u32) -> String {
    format!("{count} simulated worker{}", if *count == 1 { "" } else { "s" })
}

/// Numbers in a row.
pub(super) fn numbers(numbers: &[i32]) -> String {
    numbers.iter().map(i32::to_string).collect::<Vec<_>>().join(", ")
}

/// What a simulated person does.
pub(super) fn behaviour(behaviour: &Behaviour) -> &'static str {
    match behaviour {
        Behaviour::Complete => "Do everything right",
        Behaviour::SlowStarter => "Start late",
        Behaviour::Return => "Give the work back",
        Behaviour::Abandon => "Go away",
        Behaviour::SubmitUnfinished => "Submit without playing",
        Behaviour::NeverSubmit => "Play and never submit",
        Behaviour::DoubleAccept => "Take two places",
        Behaviour::TwoAccounts => "Come with two accounts",
    }
}

/// How far a simulated person came.
pub(super) fn stage(stage: &str) -> &'static str {
    match stage {
        "waiting" => "not there yet",
        "signed_in" => "looking for work",
        "accepted" => "accepted",
        "opened" => "playing",
        "finished" => "played to the end",
        "submitted" => "submitted",
        "returned" => "gave it back",
        "left" => "went away",
        "failed" => "could not go on",
        _ => "somewhere else",
    }
}

/// Everything that can happen, as the journal names it and as a sentence.
pub(super) const EFFECTS: [(&str, &str); 28] = [
    ("deposited", "Play money was put in"),
    ("hit_type_created", "A kind of HIT was registered"),
    ("hit_created", "A HIT was published"),
    ("hit_extended", "A HIT got more places"),
    ("hit_type_changed", "A HIT became one of another kind"),
    ("hit_reviewing", "A HIT was marked as under review"),
    ("hit_reviewable", "A HIT was marked as to be reviewed"),
    ("hit_expiration_set", "A HIT’s end was moved"),
    ("hit_expired", "A HIT went off the list"),
    ("hit_disposed", "A HIT was deleted"),
    ("accepted", "A worker took a place"),
    ("returned", "A worker gave the place back"),
    ("abandoned", "A worker’s time ran out"),
    ("submitted", "A worker submitted"),
    ("approved", "Work was approved and paid"),
    ("auto_approved", "Work was approved by itself and paid"),
    ("rejected", "Work was rejected"),
    ("bonus_sent", "A bonus was paid"),
    ("qualification_type_created", "A qualification was made"),
    ("qualification_type_changed", "A qualification was changed"),
    ("qualification_type_deleted", "A qualification was deleted"),
    ("qualification_granted", "A worker got a qualification"),
    ("qualification_revoked", "A worker lost a qualification"),
    ("qualification_requested", "A worker asked for a qualification"),
    ("qualification_request_rejected", "A wish for a qualification was refused"),
    ("worker_notified", "A message went to a worker"),
    ("worker_blocked", "A worker was blocked"),
    ("worker_unblocked", "A block was lifted"),
];

/// What happened, as a sentence.
pub(super) fn happened(entry: &Entry) -> String {
    let known = EFFECTS.iter().find(|(effect, _)| *effect == entry.effect);
    let what = known.map_or_else(|| entry.effect.replace('_', " "), |(_, words)| (*words).to_owned());
    format!("{what}{}", money(entry))
}

fn money(entry: &Entry) -> String {
    match (entry.amount, entry.fee.filter(|fee| *fee != Cents::ZERO)) {
        (Some(amount), Some(fee)) => format!(": ${amount} and ${fee} in fees"),
        (Some(amount), None) => format!(": ${amount}"),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_fault_and_the_clock_read_as_people_say_them() {
        let made = |json| fault(&serde_json::from_value(json).unwrap());
        let base = json!({ "id": 1, "operation": null, "ordered_at": "2026-11-21T15:00:00Z", "remaining": null, "struck": 0 });
        for (kind, member, words) in [
            ("throttle_to", "per_second", "throttled beyond 5 calls a second"),
            ("delay_after", "milliseconds", "slow: does it, then waits (5 ms)"),
            ("hide", "seconds", "what is new does not show for 5 s"),
            ("fail_after", "none", "error 500, although it was done"),
            ("flood_it", "none", "flood it"),
        ] {
            let mut json = base.clone();
            json["kind"] = kind.into();
            json[member] = 5.into();
            assert_eq!(made(json), words);
        }
        assert_eq!(turn(Turn::Step(7_200)), "forward by 2 hours");
        assert_eq!(turn(Turn::Step(60)), "forward by 1 minute");
        assert_eq!((pace(&0.0).as_str(), pace(&1.0).as_str()), ("stands still", "runs like any other"));
        assert_eq!(pace(&0.5), "runs 0.5 times as fast as any other");
    }
}
