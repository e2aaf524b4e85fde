//! How the market behaves towards one requester: the operator's quirks, and over them what the requester set.
//!
//! What a requester set is kept by name, so that a quirk nobody set follows the operator, also after a change of mind.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};
use sqlx::PgConnection;
use sqlx::types::Json;

use crate::Quirks;

/// Names of quirks and their values, known to make [`Quirks`] together with any operator's.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Overrides(Map<String, Value>);

/// Why overrides are none.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct BadOverrides(serde_json::Error);

impl Overrides {
    /// Checks names and values.
    ///
    /// # Errors
    /// [`BadOverrides`], which names what is unknown or of the wrong kind.
    pub fn parse(members: Map<String, Value>) -> Result<Self, BadOverrides> {
        serde_json::from_value::<Quirks>(Value::Object(members.clone())).map_err(BadOverrides)?;
        Ok(Self(members))
    }

    /// The names and values.
    pub fn members(&self) -> &Map<String, Value> {
        &self.0
    }

    /// The operator's quirks with these over them.
    ///
    /// # Errors
    /// When a stored value no longer fits.
    fn over(self, quirks: Quirks) -> serde_json::Result<Quirks> {
        let Value::Object(mut members) = serde_json::to_value(quirks)? else { return Ok(quirks) };
        // A switch that a later version no longer knows is not the requester's problem.
        let known = self.0.into_iter().filter(|(name, _)| members.contains_key(name)).collect::<Vec<_>>();
        members.extend(known);
        serde_json::from_value(Value::Object(members))
    }
}

/// The quirks that hold for this requester.
///
/// # Errors
/// When Postgres fails, or what is stored no longer fits.
pub async fn of(conn: &mut PgConnection, operator: Quirks, requester_id: &str) -> sqlx::Result<Quirks> {
    let own = overrides(conn, requester_id).await?;
    if own.0.is_empty() {
        return Ok(operator);
    }
    own.over(operator).map_err(|error| sqlx::Error::Decode(error.into()))
}

/// What the requester set.
///
/// # Errors
/// When Postgres fails.
pub async fn overrides(conn: &mut PgConnection, requester_id: &str) -> sqlx::Result<Overrides> {
    let stored = sqlx::query_scalar!(
        r#"select overrides as "overrides: Json<Map<String, Value>>" from market.behaviour where requester_id = $1"#,
        requester_id
    );
    Ok(stored.fetch_optional(conn).await?.map(|Json(members)| Overrides(members)).unwrap_or_default())
}

/// Sets what the requester wants differently from the operator; what was set before and is not named follows the
/// operator again.
///
/// # Errors
/// When Postgres fails.
pub async fn set(
    conn: &mut PgConnection,
    real: DateTime<Utc>,
    requester_id: &str,
    overrides: &Overrides,
) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into market.behaviour (requester_id, overrides, changed_at) values ($1, $2, $3)
         on conflict (requester_id) do update set overrides = excluded.overrides, changed_at = excluded.changed_at",
        requester_id,
        Json(&overrides.0) as _,
        real,
    )
    .execute(conn)
    .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parsed(value: Value) -> Result<Overrides, BadOverrides> {
        Overrides::parse(value.as_object().unwrap().clone())
    }

    #[test]
    fn what_is_set_goes_over_the_operators_and_the_rest_follows_it() {
        let operator = Quirks { empty_last_page: true, ..Quirks::default() };
        let own = parsed(json!({ "expiration_makes_a_token": true })).unwrap();
        let quirks = own.over(operator).unwrap();
        assert!(quirks.empty_last_page && quirks.expiration_makes_a_token);
        let off = parsed(json!({ "empty_last_page": false })).unwrap();
        assert_eq!(off.over(operator).unwrap(), Quirks::default());
    }

    #[test]
    fn unknown_names_and_wrong_kinds_are_named() {
        let unknown = parsed(json!({ "empty_lst_page": true })).unwrap_err();
        assert!(unknown.to_string().contains("empty_lst_page"), "{unknown}");
        let wrong = parsed(json!({ "empty_last_page": "yes" })).unwrap_err();
        assert!(wrong.to_string().contains("boolean"), "{wrong}");
    }

    #[test]
    fn a_stored_switch_that_is_no_more_is_left_out() {
        let old = Overrides(json!({ "gone": 1, "empty_last_page": true }).as_object().unwrap().clone());
        assert!(old.over(Quirks::default()).unwrap().empty_last_page);
    }
}
