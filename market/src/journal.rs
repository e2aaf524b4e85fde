//! What happened, in order, never changed.
//!
//! Every effect of the engine writes one entry in the transaction that makes it, so an entry exists exactly when
//! its effect does. Tests and rehearsals hold the product's own tables against it.

use chrono::{DateTime, Utc};
use kernel::money::Cents;
use serde::{Deserialize, Serialize};
use sqlx::{PgConnection, PgPool};

use crate::notices::outbox;

/// What kind of thing happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, sqlx::Type, Serialize, Deserialize)]
#[sqlx(type_name = "text", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// Money was put into a requester's account.
    Deposited,
    /// A HIT type was registered.
    HitTypeCreated,
    /// A HIT was published; `amount` and `fee` are what it holds.
    HitCreated,
    /// A HIT got more places; `amount` and `fee` are what they hold.
    HitExtended,
    /// A HIT got another type; `amount` and `fee` are what it holds now.
    HitTypeChanged,
    /// A HIT was labelled as under review.
    HitReviewing,
    /// The label was taken off again.
    HitReviewable,
    /// A HIT's expiration was moved.
    HitExpirationSet,
    /// A HIT's lifetime ended.
    HitExpired,
    /// A HIT was deleted.
    HitDisposed,
    /// A worker took a place.
    Accepted,
    /// A worker gave the place back.
    Returned,
    /// The deadline passed.
    Abandoned,
    /// A worker handed in.
    Submitted,
    /// The requester approved.
    Approved,
    /// Nobody reviewed in time, so it was approved.
    AutoApproved,
    /// The requester rejected.
    Rejected,
    /// The requester sent a bonus.
    BonusSent,
    /// A requester made a kind of qualification.
    QualificationTypeCreated,
    /// A requester changed a kind of qualification.
    QualificationTypeChanged,
    /// A requester deleted a kind of qualification.
    QualificationTypeDeleted,
    /// A worker got a qualification, or another value of it.
    QualificationGranted,
    /// A worker lost a qualification.
    QualificationRevoked,
    /// A worker asked for a qualification.
    QualificationRequested,
    /// The requester refused it.
    QualificationRequestRejected,
    /// A requester wrote to a worker.
    WorkerNotified,
    /// A requester blocked a worker.
    WorkerBlocked,
    /// A requester lifted a block.
    WorkerUnblocked,
}

/// One effect and what it concerned. Entries are made with the ids they have and the rest left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JournalEntry {
    /// Position; later entries have higher ones.
    pub seq: i64,
    /// Market time, UTC.
    pub at: DateTime<Utc>,
    /// What happened.
    pub effect: Effect,
    /// Whose HIT or money.
    pub requester_id: String,
    /// The HIT's type.
    pub hit_type_id: Option<String>,
    /// The HIT.
    pub hit_id: Option<String>,
    /// The assignment.
    pub assignment_id: Option<String>,
    /// The worker.
    pub worker_id: Option<String>,
    /// Cents to the worker, held for workers, or deposited.
    pub amount: Option<Cents>,
    /// Cents to the market.
    pub fee: Option<Cents>,
    /// The request token of the call that did it.
    pub token: Option<String>,
    /// The kind of qualification.
    pub qualification_type_id: Option<String>,
}

/// What to write of one effect.
#[derive(Debug, Clone, Default)]
pub struct Note<'a> {
    /// The HIT's type.
    pub hit_type_id: Option<&'a str>,
    /// The HIT.
    pub hit_id: Option<&'a str>,
    /// The assignment.
    pub assignment_id: Option<&'a str>,
    /// The worker.
    pub worker_id: Option<&'a str>,
    /// Cents to the worker, held for workers, or deposited.
    pub amount: Option<Cents>,
    /// Cents to the market.
    pub fee: Option<Cents>,
    /// The request token of the call that did it.
    pub token: Option<&'a str>,
    /// The kind of qualification.
    pub qualification_type_id: Option<&'a str>,
    /// Whether a HIT's new expiration gives workers more time. Not written down; told as HITExtended.
    pub more_time: bool,
}

/// Which entries to read; `None` does not restrict.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Entries of one requester.
    pub requester_id: Option<String>,
    /// Entries about one HIT.
    pub hit_id: Option<String>,
    /// Entries about one assignment.
    pub assignment_id: Option<String>,
    /// Entries about one worker.
    pub worker_id: Option<String>,
    /// One kind of effect.
    pub effect: Option<Effect>,
    /// Entries after this position.
    pub after: i64,
    /// Entries up to this position.
    pub up_to: Option<i64>,
    /// At most so many.
    pub limit: Option<i64>,
}

/// Stands for the journal among the database's advisory locks.
const LOCK: i32 = 0x4a52_4e4c;

/// Writes one effect down, and queues what requesters asked to be told of it. Until the transaction ends, [`read_on`]
/// waits for it: numbers are given before they can be seen, and somebody who reads on from the last one they saw must
/// miss none.
///
/// # Errors
/// When Postgres fails.
pub async fn record(
    conn: &mut PgConnection,
    at: DateTime<Utc>,
    effect: Effect,
    requester_id: &str,
    note: Note<'_>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into market.journal
            (at, effect, requester_id, hit_type_id, hit_id, assignment_id, worker_id, amount, fee, token,
             qualification_type_id)
         select $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11
           from (select pg_advisory_xact_lock_shared($12, hashtext($3))) as lock",
        at,
        effect as Effect,
        requester_id,
        note.hit_type_id,
        note.hit_id,
        note.assignment_id,
        note.worker_id,
        note.amount.map(|cents| cents.0),
        note.fee.map(|cents| cents.0),
        note.token,
        note.qualification_type_id,
        LOCK,
    )
    .execute(&mut *conn)
    .await?;
    outbox::queue(conn, at, effect, &note).await
}

/// The entries that match, oldest first.
///
/// # Errors
/// When Postgres fails.
pub async fn entries(conn: &mut PgConnection, filter: &Filter) -> sqlx::Result<Vec<JournalEntry>> {
    sqlx::query_as!(
        JournalEntry,
        r#"select seq, at, effect as "effect: Effect", requester_id, hit_type_id, hit_id, assignment_id, worker_id,
                  amount as "amount: Cents", fee as "fee: Cents", token, qualification_type_id
             from market.journal
            where seq > $1
              and ($2::text is null or requester_id = $2)
              and ($3::text is null or hit_id = $3)
              and ($4::text is null or assignment_id = $4)
              and ($5::text is null or effect = $5)
              and ($6::text is null or worker_id = $6)
              and ($8::bigint is null or seq <= $8)
            order by seq limit $7"#,
        filter.after,
        filter.requester_id,
        filter.hit_id,
        filter.assignment_id,
        filter.effect as Option<Effect>,
        filter.worker_id,
        filter.limit,
        filter.up_to,
    )
    .fetch_all(conn)
    .await
}

/// The requester's entries that match and stand before the position `before` (or anywhere), newest first. What is just
/// being written is not waited for.
///
/// # Errors
/// When Postgres fails.
pub async fn latest(
    conn: &mut PgConnection,
    requester_id: &str,
    before: Option<i64>,
    filter: &Filter,
) -> sqlx::Result<Vec<JournalEntry>> {
    sqlx::query_as!(
        JournalEntry,
        r#"select seq, at, effect as "effect: Effect", requester_id, hit_type_id, hit_id, assignment_id, worker_id,
                  amount as "amount: Cents", fee as "fee: Cents", token, qualification_type_id
             from market.journal
            where requester_id = $1
              and ($2::bigint is null or seq < $2)
              and ($3::text is null or hit_id = $3)
              and ($4::text is null or assignment_id = $4)
              and ($5::text is null or effect = $5)
              and ($6::text is null or worker_id = $6)
            order by seq desc limit $7"#,
        requester_id,
        before,
        filter.hit_id,
        filter.assignment_id,
        filter.effect as Option<Effect>,
        filter.worker_id,
        filter.limit,
    )
    .fetch_all(conn)
    .await
}

/// A part of a requester's journal, and the position after which to go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// The entries that match, oldest first.
    pub entries: Vec<JournalEntry>,
    /// Everything that matches and stands before is in this part or an earlier one.
    pub after: i64,
}

/// The requester's entries that match, once everything that is being written of theirs is written: who goes on after the
/// position they were given misses none. Where nothing more matches that position is the end, so that nobody searches
/// the same entries again. Other writers of theirs wait only while the end is looked up, not while entries are read.
///
/// # Errors
/// When Postgres fails.
pub async fn read_on(pool: &PgPool, requester_id: &str, filter: Filter) -> sqlx::Result<Part> {
    let end = written(pool, requester_id).await?;
    let filter = Filter { requester_id: Some(requester_id.to_owned()), up_to: Some(end), ..filter };
    let entries = entries(&mut *pool.acquire().await?, &filter).await?;
    let full = filter.limit.is_some_and(|limit| entries.len() as i64 >= limit);
    let last = entries.last().filter(|_| full).map(|entry| entry.seq);
    Ok(Part { after: last.unwrap_or(end.max(filter.after)), entries })
}

/// The position up to which all of the requester's entries are written; later ones get higher positions.
async fn written(pool: &PgPool, requester_id: &str) -> sqlx::Result<i64> {
    let mut tx = pool.begin().await?;
    sqlx::query!("select pg_advisory_xact_lock($1, hashtext($2)) as lock", LOCK, requester_id)
        .execute(&mut *tx)
        .await?;
    let end = sqlx::query_scalar!(
        r#"select coalesce(max(seq), 0) as "end!" from market.journal where requester_id = $1"#,
        requester_id,
    );
    let end = end.fetch_one(&mut *tx).await?;
    tx.commit().await?;
    Ok(end)
}
