//! Kinds of qualifications.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::form::QuestionForm;
use super::key::AnswerKey;
use super::record;
use crate::engine::{Outcome, Refusal, ids};
use crate::journal::Effect;

/// A kind of qualification.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QualificationType {
    /// Position in the order of creation.
    pub seq: i64,
    /// Its id.
    pub qualification_type_id: String,
    /// Who made it; `None` for the market's own.
    pub requester_id: Option<String>,
    /// One requester has no two of the same name.
    pub name: String,
    /// What it means.
    pub description: String,
    /// Words to search by.
    pub keywords: Option<String>,
    /// Whether it can be asked for at present.
    pub active: bool,
    /// Whether workers may ask for it at all.
    pub requestable: bool,
    /// Seconds between two requests of a worker; `None` allows one request only.
    pub retry_delay: Option<i64>,
    /// Whether a request is granted at once.
    pub auto_granted: bool,
    /// With which value.
    pub auto_granted_value: i64,
    /// The QuestionForm that workers answer to get it.
    pub test: Option<String>,
    /// The AnswerKey by which answers are scored at once.
    pub answer_key: Option<String>,
    /// Seconds for the test.
    pub test_duration: Option<i64>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
}

/// A test and, if answers are scored at once, its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Test {
    /// QuestionForm document.
    pub form: String,
    /// AnswerKey document.
    pub key: Option<String>,
    /// Seconds from opening it to handing it in.
    pub duration: i64,
}

/// What to make.
#[derive(Debug, Clone)]
pub struct NewType {
    /// Name.
    pub name: String,
    /// Description.
    pub description: String,
    /// Keywords.
    pub keywords: Option<String>,
    /// Whether it can be asked for.
    pub active: bool,
    /// Seconds between two requests.
    pub retry_delay: Option<i64>,
    /// Whether a request is granted at once.
    pub auto_granted: bool,
    /// With which value.
    pub auto_granted_value: i64,
    /// What workers answer to get it; excludes granting at once.
    pub test: Option<Test>,
}

/// What to change; `None` leaves it as it is.
#[derive(Debug, Clone, Default)]
pub struct Changes {
    /// Description.
    pub description: Option<String>,
    /// Whether it can be asked for.
    pub active: Option<bool>,
    /// Seconds between two requests.
    pub retry_delay: Option<i64>,
    /// Whether a request is granted at once.
    pub auto_granted: Option<bool>,
    /// With which value.
    pub auto_granted_value: Option<i64>,
    /// The test. A new one comes with its own key or none: answers to it are not what the old key scored.
    pub form: Option<String>,
    /// The key.
    pub key: Option<String>,
    /// Seconds for the test.
    pub test_duration: Option<i64>,
}

/// Which types to list.
#[derive(Debug, Clone, Default)]
pub struct Search<'a> {
    /// Of this requester only.
    pub requester_id: Option<&'a str>,
    /// Only those a worker may ask for now.
    pub requestable: bool,
    /// Only those made by then.
    pub made_until: Option<DateTime<Utc>>,
    /// Only those whose name, description or keywords contain this, in whatever case.
    pub query: Option<&'a str>,
    /// Only those whose name, description or keywords contain each of these, in whatever case.
    pub words: &'a [String],
    /// Only these.
    pub ids: Option<&'a [String]>,
    /// Only those that this worker does not have.
    pub not_held_by: Option<&'a str>,
}

/// The checked query that gives whole types: what comes before the columns, and what after.
macro_rules! types {
    ($head:tt, $tail:tt $(, $argument:expr)* $(,)?) => {
        sqlx::query_as!(
            QualificationType,
            $head
                + " seq, qualification_type_id, requester_id, name, description, keywords, active, requestable,
                    retry_delay, auto_granted, auto_granted_value, test, answer_key, test_duration, created_at "
                + $tail,
            $($argument),*
        )
    };
}

/// Makes a type.
///
/// # Errors
/// [`Refusal::QualificationTypeExists`] when the requester has one of this name, [`Refusal::Document`] or
/// [`Refusal::TestExcludesGranting`].
pub async fn create(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    requester_id: &str,
    new: &NewType,
) -> Outcome<QualificationType> {
    if let Some(test) = &new.test {
        QuestionForm::parse_new(&test.form)?;
        check(&test.form, test.key.as_deref(), new.auto_granted)?;
    }
    let made = types!(
        "insert into market.qualification_type
            (qualification_type_id, requester_id, name, description, keywords, active, requestable, retry_delay,
             auto_granted, auto_granted_value, created_at, test, answer_key, test_duration)
         values ($1, $2, $3, $4, $5, $6, true, $7, $8, $9, $10, $11, $12, $13)
         on conflict (requester_id, name) where deleted_at is null do nothing returning",
        "",
        ids::object(),
        requester_id,
        new.name,
        new.description,
        new.keywords,
        new.active,
        new.retry_delay,
        new.auto_granted,
        new.auto_granted_value,
        now,
        new.test.as_ref().map(|test| test.form.as_str()),
        new.test.as_ref().and_then(|test| test.key.as_deref()),
        new.test.as_ref().map(|test| test.duration),
    );
    let made = made.fetch_optional(&mut *conn).await?.ok_or(Refusal::QualificationTypeExists)?;
    let effect = Effect::QualificationTypeCreated;
    record(conn, now, effect, requester_id, &made.qualification_type_id, None).await?;
    Ok(made)
}

/// Whether no type of this name was deleted after `since`; one that exists is seen when the new one is made.
///
/// # Errors
/// [`Refusal::QualificationTypeExists`].
pub async fn name_is_free(
    conn: &mut PgConnection,
    requester_id: &str,
    name: &str,
    since: DateTime<Utc>,
) -> Outcome<()> {
    let kept = sqlx::query_scalar!(
        r#"select exists (select from market.qualification_type
                           where requester_id = $1 and name = $2 and deleted_at > $3) as "kept!""#,
        requester_id,
        name,
        since,
    );
    if kept.fetch_one(conn).await? { Err(Refusal::QualificationTypeExists) } else { Ok(()) }
}

/// Whether form and key can be read, the key goes with the form, and nothing is granted without the test.
fn check(form: &str, key: Option<&str>, auto_granted: bool) -> Outcome<()> {
    let form = QuestionForm::parse(form)?;
    if let Some(key) = key {
        AnswerKey::parse(key, &form)?;
    }
    if auto_granted { Err(Refusal::TestExcludesGranting) } else { Ok(()) }
}

/// The same for the type as it will be.
fn check_changes(kind: &QualificationType, changes: &Changes) -> Outcome<()> {
    if let Some(form) = &changes.form {
        QuestionForm::parse_new(form)?;
    }
    let auto_granted = changes.auto_granted.unwrap_or(kind.auto_granted);
    match changes.form.as_ref().or(kind.test.as_ref()) {
        Some(form) => {
            let kept = kind.answer_key.as_ref().filter(|_| changes.form.is_none());
            check(form, changes.key.as_ref().or(kept).map(String::as_str), auto_granted)
        }
        None if changes.key.is_some() || changes.test_duration.is_some() => Err(Refusal::NoTest),
        None => Ok(()),
    }
}

/// Changes the requester's own type. A test stays for good once there is one, and so does a retry delay.
///
/// # Errors
/// [`Refusal::NoSuchQualificationType`], [`Refusal::Document`], [`Refusal::NoTest`] or
/// [`Refusal::TestExcludesGranting`].
pub async fn update(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    requester_id: &str,
    id: &str,
    changes: &Changes,
) -> Outcome<QualificationType> {
    sqlx::query!("select seq from market.qualification_type where qualification_type_id = $1 for update", id)
        .fetch_optional(&mut *conn)
        .await?;
    check_changes(&owned(conn, requester_id, id).await?, changes)?;
    let changed = types!(
        "update market.qualification_type
            set description = coalesce($3, description), active = coalesce($4, active),
                retry_delay = coalesce($5, retry_delay), auto_granted = coalesce($6, auto_granted),
                auto_granted_value = coalesce($7, auto_granted_value), test = coalesce($8, test),
                answer_key = case when $8::text is null then coalesce($9, answer_key) else $9 end,
                test_duration = coalesce($10, test_duration)
          where qualification_type_id = $1 and requester_id = $2 and deleted_at is null returning",
        "",
        id,
        requester_id,
        changes.description,
        changes.active,
        changes.retry_delay,
        changes.auto_granted,
        changes.auto_granted_value,
        changes.form,
        changes.key,
        changes.test_duration,
    );
    let changed = changed.fetch_optional(&mut *conn).await?;
    let changed = changed.ok_or_else(|| Refusal::NoSuchQualificationType(id.into()))?;
    record(conn, now, Effect::QualificationTypeChanged, requester_id, id, None).await?;
    Ok(changed)
}

/// Deletes the requester's own type; requests that wait are rejected, and nobody counts as having it.
///
/// # Errors
/// [`Refusal::NoSuchQualificationType`].
pub async fn delete(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    requester_id: &str,
    id: &str,
) -> Outcome<()> {
    let deleted = sqlx::query!(
        "update market.qualification_type set deleted_at = $3
          where qualification_type_id = $1 and requester_id = $2 and deleted_at is null",
        id,
        requester_id,
        now,
    )
    .execute(&mut *conn)
    .await?;
    if deleted.rows_affected() != 1 {
        return Err(Refusal::NoSuchQualificationType(id.into()));
    }
    sqlx::query!(
        "update market.qualification_request set state = 'rejected', decided_at = $2
          where qualification_type_id = $1 and state = 'pending'",
        id,
        now,
    )
    .execute(&mut *conn)
    .await?;
    Ok(record(conn, now, Effect::QualificationTypeDeleted, requester_id, id, None).await?)
}

/// The first of these that is no type here.
///
/// # Errors
/// When Postgres fails.
pub async fn unknown(conn: &mut PgConnection, ids: &[&str]) -> sqlx::Result<Option<String>> {
    sqlx::query_scalar!(
        r#"select id as "id!" from unnest($1::text[]) with ordinality as asked (id, place)
            where not exists (select from market.qualification_type t
                               where t.qualification_type_id = id and t.deleted_at is null)
            order by place limit 1"#,
        ids as &[&str],
    )
    .fetch_optional(conn)
    .await
}

/// The type, whoever made it, unless it was deleted.
///
/// # Errors
/// When Postgres fails.
pub async fn find(conn: &mut PgConnection, id: &str) -> sqlx::Result<Option<QualificationType>> {
    types!(
        "select",
        "from market.qualification_type where qualification_type_id = $1 and deleted_at is null",
        id
    )
    .fetch_optional(conn)
    .await
}

/// The requester's own type, unless it was deleted.
///
/// # Errors
/// [`Refusal::NoSuchQualificationType`].
pub async fn owned(conn: &mut PgConnection, requester_id: &str, id: &str) -> Outcome<QualificationType> {
    let found = find(conn, id).await?.filter(|found| found.requester_id.as_deref() == Some(requester_id));
    found.ok_or_else(|| Refusal::NoSuchQualificationType(id.into()))
}

/// The types that match, in order of creation, after position `after`.
///
/// # Errors
/// When Postgres fails.
pub async fn page(
    conn: &mut PgConnection,
    search: &Search<'_>,
    after: i64,
    limit: i64,
) -> sqlx::Result<Vec<QualificationType>> {
    types!(
        "select",
        "from market.qualification_type
          where deleted_at is null and seq > $1 and ($2::text is null or requester_id = $2)
            and (not $3 or (requestable and active))
            and ($4::text is null
                 or position(lower($4) in lower(concat_ws(' ', name, description, keywords))) > 0)
            and ($6::timestamptz is null or created_at <= $6)
            and not exists (select from unnest($7::text[]) as word
                             where position(lower(word) in lower(concat_ws(' ', name, description, keywords))) = 0)
            and ($8::text[] is null or qualification_type_id = any($8))
            and not exists (select from market.qualification q
                             where q.qualification_type_id = qualification_type.qualification_type_id
                               and q.worker_id = $9 and q.revoked_at is null)
          order by seq limit $5",
        after,
        search.requester_id,
        search.requestable,
        search.query,
        limit,
        search.made_until,
        search.words,
        search.ids,
        search.not_held_by,
    )
    .fetch_all(conn)
    .await
}
