//! Who may do what, as extractors: a handler that asks for an [`Editor`] runs for editors only.
//!
//! A guard reads the lab from the path and gives it back loaded; [`Row`] does the same for a row of that
//! lab. Whoever is not in the lab gets the same answer as for a lab that does not exist.
//!
//! ```ignore
//! async fn close(State(app): State<App>, Row(editor, study): Row<Editor, Study>) -> WebResult { … }
//! ```

use std::ops::Deref;
use std::sync::Arc;

use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::Method;
use axum::http::request::Parts;
use sqlx::PgConnection;
use tower_sessions::Session;
use uuid::Uuid;

use super::error::{self, Error, WebResult};
use super::visit::Visit;
use crate::accounts::Account;
use crate::app::App;
use crate::labs::{Lab, LabId, Membership, Role};

/// Whoever is logged in.
#[derive(Debug, Clone)]
pub struct CurrentAccount {
    /// The person.
    pub account: Account,
    /// The person's labs, by name.
    pub memberships: Arc<[Membership]>,
    /// The browser session.
    pub session: Session,
}

/// Whoever runs this server.
#[derive(Debug, Clone)]
pub struct Operator(pub CurrentAccount);

/// A person in the lab that the path names.
#[derive(Debug, Clone)]
pub struct Member {
    /// The person.
    pub account: Account,
    /// The lab of the path, which every query below is bound to.
    pub lab: Lab,
    /// The person's role there.
    pub role: Role,
    /// The person's labs, by name.
    pub memberships: Arc<[Membership]>,
    /// The browser session.
    pub session: Session,
}

impl Member {
    /// Whether this person may change things in the lab.
    pub fn may_edit(&self) -> bool {
        self.role >= Role::Editor
    }

    /// Whether this person decides about members and credentials.
    pub fn is_owner(&self) -> bool {
        self.role == Role::Owner
    }
}

/// A guard on `/labs/{lab}/…`.
pub trait Guard: Deref<Target = Member> + FromRequestParts<App, Rejection = Error> + Send {
    /// The least role that passes.
    const LEAST: Role;
}

macro_rules! guard {
    ($(#[$doc:meta])* $name:ident, $least:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone)]
        pub struct $name(pub Member);

        impl Deref for $name {
            type Target = Member;
            fn deref(&self) -> &Member {
                &self.0
            }
        }

        impl Guard for $name {
            const LEAST: Role = $least;
        }

        impl FromRequestParts<App> for $name {
            type Rejection = Error;
            async fn from_request_parts(parts: &mut Parts, app: &App) -> WebResult<Self> {
                member(parts, app, Self::LEAST).await.map(Self)
            }
        }
    };
}

guard!(
    /// Any member of the lab.
    Viewer,
    Role::Viewer
);
guard!(
    /// A member who may change things.
    Editor,
    Role::Editor
);
guard!(
    /// A member who decides about people and credentials.
    Owner,
    Role::Owner
);

/// A kind of row that belongs to a lab and is named in paths below it.
pub trait Owned: Sized + Send {
    /// The name of its path segment: `study` for `/labs/{lab}/studies/{study}`.
    const PARAM: &'static str;

    /// The row with this id if this lab owns it.
    fn load(
        conn: &mut PgConnection,
        lab: LabId,
        id: Uuid,
    ) -> impl Future<Output = sqlx::Result<Option<Self>>> + Send;
}

/// A guard that was passed, and the row of the path, which belongs to the guard's lab.
#[derive(Debug, Clone)]
pub struct Row<G, T>(pub G, pub T);

impl<G: Guard, T: Owned> FromRequestParts<App> for Row<G, T> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> WebResult<Self> {
        let guard = G::from_request_parts(parts, app).await?;
        let id = parameter(parts, app, T::PARAM).await?;
        let mut conn = app.pool.acquire().await?;
        let row = T::load(&mut conn, guard.lab.id, id).await?.ok_or(Error::NotFound)?;
        Ok(Self(guard, row))
    }
}

impl FromRequestParts<App> for CurrentAccount {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> WebResult<Self> {
        let Visit { session, account, memberships } = Visit::from_request_parts(parts, app).await?;
        let account = account.ok_or_else(|| Error::LogIn(way_back(parts)))?;
        Ok(Self { account, memberships, session })
    }
}

impl FromRequestParts<App> for Operator {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> WebResult<Self> {
        let current = CurrentAccount::from_request_parts(parts, app).await?;
        if current.account.operator { Ok(Self(current)) } else { Err(Error::NotFound) }
    }
}

async fn member(parts: &mut Parts, app: &App, least: Role) -> WebResult<Member> {
    let CurrentAccount { account, memberships, session } =
        CurrentAccount::from_request_parts(parts, app).await?;
    let id = LabId(parameter(parts, app, "lab").await?);
    let Membership { lab, role } =
        memberships.iter().find(|membership| membership.lab.id == id).cloned().ok_or(Error::NotFound)?;
    if role < least {
        return Err(Error::Forbidden(match least {
            Role::Owner => {
                "Only owners of this lab can do this. Ask one of them; they are listed under Members."
            }
            _ => "Viewers can look but not change anything. Ask an owner of this lab for the role of editor.",
        }));
    }
    Ok(Member { account, lab, role, memberships, session })
}

/// The id in a segment of the path; what is no id names nothing.
async fn parameter(parts: &mut Parts, app: &App, name: &str) -> WebResult<Uuid> {
    let params = RawPathParams::from_request_parts(parts, app).await.map_err(|_| Error::NotFound)?;
    params
        .iter()
        .find_map(|(key, value)| (key == name).then(|| value.parse().ok()).flatten())
        .ok_or(Error::NotFound)
}

/// Where to go after logging in: the page that was asked for. What a form would have done is not repeated.
fn way_back(parts: &Parts) -> String {
    if error::asked_by_htmx(&parts.headers) {
        let page = parts.headers.get("hx-current-url").and_then(|value| value.to_str().ok());
        return page
            .and_then(|text| url::Url::parse(text).ok())
            .map_or_else(|| "/".to_owned(), |url| url.path().to_owned());
    }
    match parts.method {
        Method::GET => parts.uri.path_and_query().map_or("/", |path| path.as_str()).to_owned(),
        _ => "/".to_owned(),
    }
}

/// `next` if it is a path of ours, else the front page: nobody is sent to another site after logging in.
pub fn safe_next(next: &str) -> &str {
    let ours = next.starts_with('/')
        && !next.starts_with("//")
        && !next.contains('\\')
        && !next.chars().any(|c| c.is_control() || c.is_whitespace());
    if ours { next } else { "/" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_logging_in_nobody_is_sent_to_another_site() {
        for next in ["/labs", "/labs/1/studies?page=2", "/"] {
            assert_eq!(safe_next(next), next);
        }
        for next in [
            "",
            "//evil.org",
            "https://evil.org",
            "/\\evil.org",
            "\\\\evil",
            "/a\r\nb: c",
            "evil",
            "/\t/evil",
        ] {
            assert_eq!(safe_next(next), "/", "{next:?}");
        }
    }
}
