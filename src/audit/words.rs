//! Events in words.

use super::Event;

/// The event as a sentence without its subject: "renamed the lab". Actions that have no words of their
/// own are shown as they are.
pub fn describe(event: &Event) -> String {
    let detail = |key: &str| match &event.detail[key] {
        serde_json::Value::String(text) => text.clone(),
        serde_json::Value::Null => "?".to_owned(),
        other => other.to_string(),
    };
    match event.action.as_str() {
        "lab.found" => format!("founded the lab “{}”", detail("name")),
        "lab.rename" => format!("renamed the lab to “{}”", detail("name")),
        "member.invite" => format!("made an invitation link for one {}", detail("role")),
        "member.revoke" => format!("revoked an invitation for one {}", detail("role")),
        "member.join" => format!("joined as {}", detail("role")),
        "member.role" => format!("made {} {}", detail("name"), detail("role")),
        "member.remove" => format!("removed {}", detail("name")),
        "site.register" => format!("registered the site “{}”", detail("name")),
        "site.edit" => format!("changed the site “{}”", detail("name")),
        "site.delete" => format!("deleted the site “{}”", detail("name")),
        "member.leave" => format!("left the lab ({})", detail("name")),
        "connection.make" => format!("made the connection “{}”", detail("name")),
        "connection.rename" => format!("renamed a connection to “{}”", detail("name")),
        "connection.rekey" => format!("replaced the keys of the connection “{}”", detail("name")),
        "connection.remove" => format!("removed the connection “{}”", detail("name")),
        "rehearsal.clock" => {
            format!("turned the clock of the rehearsal “{}”: {}", detail("name"), detail("what"))
        }
        "rehearsal.fault" => {
            format!("ordered a fault in the rehearsal “{}”: {}", detail("name"), detail("what"))
        }
        "rehearsal.lift" => format!("lifted {} in the rehearsal “{}”", detail("what"), detail("name")),
        "rehearsal.deposit" => {
            format!("put ${} of play money into the rehearsal “{}”", detail("amount"), detail("name"))
        }
        "rehearsal.send" => format!("sent {} into the rehearsal “{}”", detail("what"), detail("name")),
        "rehearsal.stop" => format!("stopped the simulated workers in the rehearsal “{}”", detail("name")),
        "study.create" => format!("drafted the study “{}”", detail("name")),
        "study.edit" => format!("changed the draft “{}”", detail("name")),
        "study.publish" => format!("published “{}” for at most ${}", detail("name"), detail("total")),
        "study.close" => format!("closed the study “{}”", detail("name")),
        "study.delete" => format!("deleted the draft “{}”", detail("name")),
        "study.budget" => format!("set the budget of “{}” to ${}", detail("name"), detail("to")),
        "money.pause" => "paused all payments of the lab".to_owned(),
        "money.resume" => "let payments go on".to_owned(),
        "money.settings" => "set the lab’s limits on money".to_owned(),
        "money.confirm" => format!("confirmed payments of “{}” for ${}", detail("name"), detail("total")),
        "money.decline" => format!("declined payments of “{}” for ${}", detail("name"), detail("total")),
        "money.held" => format!("decided about a held bonus of ${} ({})", detail("amount"), detail("answer")),
        "money.strays" => format!("looked at {} unknown HITs", detail("count")),
        "review.approve" => decided("approved", &detail),
        "review.approve_with_bonus" => decided("approved and paid the bonus of", &detail),
        "review.approve_many" => decided("approved everybody who waited,", &detail),
        "review.bonus_file" => decided("paid the bonuses of a file to", &detail),
        "review.override_many" => decided("overrode the rejections of", &detail),
        "review.equal_bonus" => decided("paid the same bonus to", &detail),
        "review.top_up" => decided("topped up to an hourly wage", &detail),
        "review.reject_many" => format!("rejected a list of {} of “{}”", detail("people"), detail("name")),
        "review.bonus" => decided("paid a bonus to", &detail),
        "compensation.order" => {
            format!("offered {} ${} for “{}”", detail("person"), detail("amount"), detail("name"))
        }
        "compensation.withdraw" => format!("withdrew a compensation of “{}”", detail("name")),
        "order.settle" => {
            format!("settled a {} of ${} by hand: {}", detail("kind"), detail("amount"), detail("choice"))
        }
        "difference.acknowledge" => format!("acknowledged a difference: {}", detail("note")),
        "review.override" => decided("approved after a rejection", &detail),
        "review.reject" => format!("rejected {} of “{}”", detail("people"), detail("name")),
        "review.by_rule" => format!("approved {} of “{}” by its rules", detail("people"), detail("name")),
        "scores.set" => "set how the lab’s quality scores are made".to_owned(),
        "scores.off" => "switched the lab’s quality scores off".to_owned(),
        "review.rules" => format!("changed the review rules of “{}”", detail("name")),
        "review.rules_off" => format!("switched the review rules of “{}” off", detail("name")),
        "review.stop" => format!("stopped {} approvals by rule of “{}”", detail("people"), detail("name")),
        other => {
            let name = event.detail["name"].as_str().map(|name| format!(" “{name}”")).unwrap_or_default();
            format!("{}{name}", other.replace(['.', '_'], " "))
        }
    }
}

/// A decision about people of a study, with its sum.
fn decided(what: &str, detail: &impl Fn(&str) -> String) -> String {
    format!("{what} {} of “{}” for ${} with fees", detail("people"), detail("name"), detail("total"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn event(action: &str, detail: serde_json::Value) -> Event {
        Event { id: 1, at: chrono::DateTime::UNIX_EPOCH, who: None, action: action.to_owned(), detail }
    }

    #[test]
    fn an_event_reads_as_a_sentence() {
        let said = describe(&event("member.role", json!({ "name": "Ada", "role": "editor" })));
        assert_eq!(said, "made Ada editor");
    }

    #[test]
    fn an_action_without_words_is_shown_with_its_name() {
        assert_eq!(
            describe(&event("robot.wake", json!({ "name": "Lab server" }))),
            "robot wake “Lab server”"
        );
        assert_eq!(describe(&event("study.pause", json!({}))), "study pause");
    }
}
