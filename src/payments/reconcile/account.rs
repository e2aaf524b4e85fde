//! An account as a whole: batches that exist twice, money that left without us. Pure.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use kernel::money::Cents;
use uuid::Uuid;

use super::compare::{DifferenceKind, Found};
use crate::recruiters::Listed;
use crate::recruiters::mturk::fees;

/// A second HIT of a batch or a compensation that has another. HITs with a mark that nobody here knows are noted
/// as strays; everybody else's are nobody's business here.
pub fn published_twice(units: &[Listed], known: &HashMap<Uuid, Option<String>>) -> Vec<Found> {
    let second = |listed: &Listed| {
        let mark = listed.mark.as_deref()?.parse::<Uuid>().ok()?;
        // One that has none yet is being published at this moment.
        let first = known.get(&mark)?.as_ref().filter(|hit| **hit != listed.unit_id)?;
        Some(twice(listed, first))
    };
    units.iter().filter_map(second).collect()
}

fn twice(listed: &Listed, first: &str) -> Found {
    let list = if listed.live { "workers may hold it" } else { "off the list" };
    let reward = listed.reward.map_or("an unknown reward".to_owned(), |reward| format!("${reward}"));
    Found {
        kind: DifferenceKind::HitTwice,
        batch: None,
        subject: listed.unit_id.clone(),
        ours: format!("This batch is HIT {first}."),
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
    fn only_a_second_hit_of_one_of_ours_is_told() {
        let [known, sending, stray] = std::array::from_fn(|_| Uuid::now_v7());
        let units = [
            listed("3KNOWN", Some(known.to_string())),
            listed("3SECOND", Some(known.to_string())),
            listed("3SENDING", Some(sending.to_string())),
            listed("3STRAY", Some(stray.to_string())),
            listed("3COLLEAGUE", Some("my own study".into())),
            listed("3SITE", None),
        ];
        let book = HashMap::from([(known, Some("3KNOWN".to_owned())), (sending, None)]);
        let found = published_twice(&units, &book);
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!((found[0].kind, found[0].subject.as_str()), (DifferenceKind::HitTwice, "3SECOND"));
        assert!(found[0].ours.contains("3KNOWN"));
        assert_eq!(found[0].cents, Some(Cents(9 * 120)));
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
