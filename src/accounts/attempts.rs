//! Limits on guessing, counted in the database so that they hold across processes.
//!
//! Each try is counted before it is looked at, so that tries side by side cannot slip through. Nobody is
//! locked out for good: a window passes, and a stranger's tries from elsewhere hardly touch the owner,
//! because the tight limit is on the pair of account and network.

use chrono::{DateTime, Duration, Utc};
use sqlx::PgConnection;

/// So many in so long.
#[derive(Debug, Clone, Copy)]
pub struct Limit {
    /// Part of the row's key.
    pub name: &'static str,
    /// How many are allowed in one window.
    pub most: i32,
    /// How long a window lasts, from its first try.
    pub window: Duration,
}

/// Log-ins to one account from one network.
pub const PAIR: Limit = Limit { name: "login-pair", most: 8, window: Duration::minutes(15) };
/// Log-ins to one account from anywhere.
pub const ACCOUNT: Limit = Limit { name: "login-account", most: 100, window: Duration::minutes(60) };
/// Log-ins from one network to any account; a campus may share one address.
pub const NETWORK: Limit = Limit { name: "login-network", most: 100, window: Duration::minutes(15) };
/// Accounts made from one network.
pub const SIGN_UP: Limit = Limit { name: "sign-up", most: 30, window: Duration::minutes(60) };
/// Passwords asked again of somebody who is logged in.
pub const AGAIN: Limit = Limit { name: "again", most: 8, window: Duration::minutes(15) };

/// Counts one try and says whether it is still within the limit.
///
/// # Errors
/// When the database does not answer.
pub async fn allowed(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    limit: Limit,
    subject: &str,
) -> sqlx::Result<bool> {
    let hits = sqlx::query_scalar!(
        "INSERT INTO attempt AS a (key, window_start, hits) VALUES ($1, $2, 1)
         ON CONFLICT (key) DO UPDATE SET
             hits = CASE WHEN a.window_start <= $3 THEN 1 ELSE a.hits + 1 END,
             window_start = CASE WHEN a.window_start <= $3 THEN $2 ELSE a.window_start END
         RETURNING hits",
        key(limit, subject),
        now,
        now - limit.window,
    )
    .fetch_one(conn)
    .await?;
    Ok(hits <= limit.most)
}

/// Forgets the tries of one subject: it has shown who it is.
///
/// # Errors
/// When the database does not answer.
pub async fn forgive(conn: &mut PgConnection, limit: Limit, subject: &str) -> sqlx::Result<()> {
    sqlx::query!("DELETE FROM attempt WHERE key = $1", key(limit, subject)).execute(conn).await?;
    Ok(())
}

/// A hash, so that the table lists nobody's address.
fn key(limit: Limit, subject: &str) -> String {
    use base64::Engine;
    let hash = kernel::secret::token_hash(subject);
    format!("{}:{}", limit.name, base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(hash))
}

#[cfg(test)]
mod tests {
    use kernel::clock::{Clock, TestClock};

    use super::*;

    const THREE: Limit = Limit { name: "test", most: 3, window: Duration::minutes(15) };

    #[tokio::test]
    async fn the_fourth_try_waits_until_the_window_has_passed() {
        let pool = kernel::testing::database(&[&crate::MIGRATOR]).await;
        let mut conn = pool.acquire().await.unwrap();
        let clock = TestClock::starting_now();
        for expected in [true, true, true, false, false] {
            assert_eq!(allowed(&mut conn, clock.now(), THREE, "ada").await.unwrap(), expected);
        }
        assert!(allowed(&mut conn, clock.now(), THREE, "bob").await.unwrap());
        clock.advance(Duration::minutes(15));
        assert!(allowed(&mut conn, clock.now(), THREE, "ada").await.unwrap());
    }

    #[tokio::test]
    async fn tries_side_by_side_are_all_counted() {
        let pool = kernel::testing::database(&[&crate::MIGRATOR]).await;
        let now = TestClock::starting_now().now();
        let tries = (0..20).map(|_| {
            let pool = pool.clone();
            tokio::spawn(async move {
                let mut conn = pool.acquire().await.unwrap();
                allowed(&mut conn, now, THREE, "ada").await.unwrap()
            })
        });
        let mut passed = 0;
        for one in tries.collect::<Vec<_>>() {
            passed += usize::from(one.await.unwrap());
        }
        assert_eq!(passed, 3);
    }

    #[tokio::test]
    async fn who_proved_themselves_starts_anew() {
        let pool = kernel::testing::database(&[&crate::MIGRATOR]).await;
        let mut conn = pool.acquire().await.unwrap();
        let now = TestClock::starting_now().now();
        for _ in 0..4 {
            allowed(&mut conn, now, THREE, "ada").await.unwrap();
        }
        forgive(&mut conn, THREE, "ada").await.unwrap();
        assert!(allowed(&mut conn, now, THREE, "ada").await.unwrap());
    }
}
