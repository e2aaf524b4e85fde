//! An account as a whole: HITs with a mark like ours that nobody knows, money that left without us. Pure.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use kernel::money::Cents;
use uuid::Uuid;

use super::compare::{DifferenceKind, Found};
use crate::recruiters::Listed;
use crate::recruiters::mturk::fees;

/// HITs that carry an id as their mark, as ours do, but belong to no batch and no compensation; and a second HIT
/// of one that has another. Everybody else's HITs are nobody's business here.
pub fn orphans(units: &[Listed], known: &HashMap<Uuid, Option<String>>) -> Vec<Found> {
    let mut found = Vec::new();
    for listed in units {
        let Some(mark) = listed.mark.as_deref().and_then(|mark| mark.parse::<Uuid>().ok()) else { continue };
        match known.get(&mark) {
            None => found.push(orphan(DifferenceKind::Orphan, listed, "No study here knows it.")),
            Some(Some(hit)) if *hit != listed.unit_id => {
                let ours = format!("This batch is HIT {hit}.");
                found.push(orphan(DifferenceKind::HitTwice, listed, &ours));
            }
            // Known, or being published at this moment.
            Some(_) => {}
        }
    }
    found
}

fn orphan(kind: DifferenceKind, listed: &Listed, ours: &str) -> Found {
    let list = if listed.live { "workers may hold it" } else { "off the list" };
    let reward = listed.reward.map_or("an unknown reward".to_owned(), |reward| format!("${reward}"));
    Found {
        kind,
        batch: None,
        subject: listed.unit_id.clone(),
        ours: ours.to_owned(),
        theirs: format!("A HIT with {} places at {reward}, {list}.", listed.places),
        cents: listed.reward.and_then(|reward| {
            (reward + fees::fee(reward, listed.places.into(), false)).times(listed.places.into())
        }),
    }
}

/// Money that left the account and that no order or publication of ours explains. Whether a recruiter holds money
/// back when a HIT is published, or takes it at the approval, is not written down anywhere, so `explained` is an
/// upper bound that allows both; deposits hide as much as they bring.
pub fn balance(before: Cents, after: Cents, explained: Cents, since: DateTime<Utc>) -> Option<Found> {
    let left = before - after;
    (left > explained).then(|| Found {
        kind: DifferenceKind::Balance,
        batch: None,
        subject: since.to_rfc3339(),
        ours: format!("At most ${explained} for orders and publications."),
        theirs: format!("${left} less than at {} UTC.", since.format("%-d %b, %H:%M")),
        cents: Some(left - explained),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(hit: &str, mark: Option<String>) -> Listed {
        let (unit_id, title) = (hit.into(), "A study".into());
        let reward = Some(Cents(100));
        Listed { unit_id, offer_id: None, mark, title, places: 9, made_at: None, reward, live: true }
    }

    #[test]
    fn only_marks_like_ours_that_nobody_knows_are_orphans() {
        let [known, sending, lost] = std::array::from_fn(|_| Uuid::now_v7());
        let units = [
            listed("3KNOWN", Some(known.to_string())),
            listed("3SENDING", Some(sending.to_string())),
            listed("3LOST", Some(lost.to_string())),
            listed("3COLLEAGUE", Some("my own study".into())),
            listed("3SITE", None),
        ];
        let book = HashMap::from([(known, Some("3KNOWN".to_owned())), (sending, None)]);
        let found = orphans(&units, &book);
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!((found[0].kind, found[0].subject.as_str()), (DifferenceKind::Orphan, "3LOST"));
        assert_eq!(found[0].cents, Some(Cents(9 * 120)));
    }

    #[test]
    fn a_second_hit_of_one_batch_is_told_apart() {
        let batch = Uuid::now_v7();
        let book = HashMap::from([(batch, Some("3FIRST".to_owned()))]);
        let found = orphans(&[listed("3SECOND", Some(batch.to_string()))], &book);
        assert_eq!(found[0].kind, DifferenceKind::HitTwice);
        assert!(found[0].ours.contains("3FIRST"));
    }

    #[test]
    fn only_more_than_our_orders_explain_is_a_difference() {
        let at = DateTime::UNIX_EPOCH;
        assert_eq!(balance(Cents(1000), Cents(880), Cents(120), at), None);
        assert_eq!(balance(Cents(1000), Cents(2000), Cents(0), at), None, "a deposit");
        let found = balance(Cents(1000), Cents(700), Cents(120), at).unwrap();
        assert_eq!((found.kind, found.cents), (DifferenceKind::Balance, Some(Cents(180))));
    }
}
