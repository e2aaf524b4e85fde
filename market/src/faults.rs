//! Trouble on demand: the next calls of a requester, an operation or everybody fail as real services do.
//!
//! The telling ones strike *after* the effect: the money has moved, and the caller does not learn of it.

use sqlx::PgConnection;

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum FaultKind {
    /// ServiceFault with status 500, and nothing was done.
    FailBefore,
    /// ServiceFault with status 500, and it was done.
    FailAfter,
    /// The connection closes without an answer, and nothing was done.
    DropBefore,
    /// The connection closes without an answer, and it was done.
    DropAfter,
    /// ThrottlingException, and nothing was done.
    Throttle,
}

/// Which calls are struck; `None` does not restrict.
#[derive(Debug, Clone, Default)]
pub struct Target {
    /// Calls of this requester.
    pub requester_id: Option<String>,
    /// Calls of this operation.
    pub operation: Option<String>,
}

/// Orders the fault for the next `times` calls that match.
///
/// # Errors
/// When Postgres fails.
pub async fn order(
    conn: &mut PgConnection,
    kind: FaultKind,
    target: &Target,
    times: u32,
) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into market.fault (requester_id, operation, kind, remaining) values ($1, $2, $3, $4)",
        target.requester_id,
        target.operation,
        kind as FaultKind,
        i64::from(times),
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Uses up the oldest fault that strikes this call, if there is one.
///
/// # Errors
/// When Postgres fails.
pub async fn strike(
    conn: &mut PgConnection,
    requester_id: &str,
    operation: &str,
) -> sqlx::Result<Option<FaultKind>> {
    sqlx::query_scalar!(
        r#"update market.fault set remaining = remaining - 1
            where seq = (select seq from market.fault
                          where remaining > 0 and (requester_id is null or requester_id = $1)
                            and (operation is null or operation = $2)
                          order by seq limit 1 for update)
        returning kind as "kind: FaultKind""#,
        requester_id,
        operation,
    )
    .fetch_optional(conn)
    .await
}
