//! What a requester wants to be told, per HIT type.

use sqlx::PgConnection;

use super::{Transport, queues};
use crate::engine::{Outcome, Refusal, hit_types};

/// What to tell, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Specification {
    /// An http(s) address for SNS, the URL of a queue here for SQS.
    pub destination: String,
    /// How it travels.
    pub transport: Transport,
    /// The version of the documents, `EventDocVersion`.
    pub version: String,
    /// Which events.
    pub event_types: Vec<String>,
}

/// Sets what is told of the requester's own HIT type in place of what was set before, or switches it on or off, or
/// both. What is new is on unless said otherwise.
///
/// # Errors
/// [`Refusal::NoSuchHitType`], [`Refusal::InvalidTransportEndpoint`], or [`Refusal::NoNotification`] when there is
/// nothing to switch.
pub async fn update(
    conn: &mut PgConnection,
    requester_id: &str,
    hit_type_id: &str,
    specification: Option<&Specification>,
    active: Option<bool>,
) -> Outcome<()> {
    hit_types::owned(conn, requester_id, hit_type_id).await?;
    if let Some(specification) = specification {
        reachable(conn, requester_id, specification).await?;
        return put(conn, hit_type_id, specification, active).await;
    }
    let switched = sqlx::query!(
        "update market.notification set active = coalesce($2, active) where hit_type_id = $1",
        hit_type_id,
        active,
    )
    .execute(conn)
    .await?;
    if switched.rows_affected() == 1 { Ok(()) } else { Err(Refusal::NoNotification(hit_type_id.into())) }
}

async fn put(
    conn: &mut PgConnection,
    hit_type_id: &str,
    specification: &Specification,
    active: Option<bool>,
) -> Outcome<()> {
    sqlx::query!(
        "insert into market.notification as n (hit_type_id, transport, destination, version, event_types, active)
         values ($1, $2, $3, $4, $5, coalesce($6, true))
         on conflict (hit_type_id) do update
            set transport = excluded.transport, destination = excluded.destination, version = excluded.version,
                event_types = excluded.event_types, active = coalesce($6, n.active)",
        hit_type_id,
        specification.transport as Transport,
        specification.destination,
        specification.version,
        &specification.event_types,
        active,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Whether notifications can be sent there at all: a web address, or a queue that the requester has.
///
/// # Errors
/// [`Refusal::InvalidTransportEndpoint`].
pub async fn reachable(
    conn: &mut PgConnection,
    requester_id: &str,
    specification: &Specification,
) -> Outcome<()> {
    let destination = &specification.destination;
    let reachable = match specification.transport {
        Transport::Sns => url::Url::parse(destination)
            .is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host()),
        Transport::Sqs => queues::by_url(conn, requester_id, destination).await?.is_some(),
    };
    if reachable { Ok(()) } else { Err(Refusal::InvalidTransportEndpoint(destination.clone())) }
}
