//! What is around every page: title, navigation, the message left by the page before.

use askama::Template;
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse};
use tower_sessions::Session;

use super::error::WebResult;
use super::guard::{CurrentAccount, Member};
use super::session::{self, Flash};
use super::visit::Visit;
use crate::accounts::Account;
use crate::labs::{Lab, Membership};

/// The entry of the navigation that is marked as current.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Nav {
    /// None of them.
    Nothing,
    /// The lab's studies, which is its front page.
    Studies,
    /// oTree servers.
    Sites,
    /// Credentials at recruiters.
    Connections,
    /// What is set aside, owed and paid.
    Money,
    /// Who was paid what.
    Payments,
    /// People of the lab.
    Members,
    /// What happened in the lab.
    Activity,
}

/// The frame of a page; every template has one in its field `layout`.
#[derive(Debug, Clone)]
pub struct Layout {
    /// In the browser's tab, before the product's name.
    pub title: String,
    /// Who is logged in, if anybody.
    pub account: Option<Account>,
    /// The lab that the page belongs to.
    pub lab: Option<Lab>,
    /// All labs of the person, to switch between them.
    pub memberships: Vec<Membership>,
    /// The current entry of the navigation.
    pub nav: Nav,
    /// A message left by the page before.
    pub flash: Option<Flash>,
    /// Colours the page's edge: `production`, `sandbox`, `rehearsal` or `custom`.
    pub environment: Option<String>,
}

impl Layout {
    /// A page of a lab.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn in_lab(member: &Member, nav: Nav, title: impl Into<String>) -> WebResult<Self> {
        let mut layout = Self::bare(&member.session, title).await?;
        layout.account = Some(member.account.clone());
        layout.lab = Some(member.lab.clone());
        layout.memberships = member.memberships.to_vec();
        layout.nav = nav;
        Ok(layout)
    }

    /// A page of a person, outside of any lab.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn of(person: &CurrentAccount, title: impl Into<String>) -> WebResult<Self> {
        let mut layout = Self::bare(&person.session, title).await?;
        layout.account = Some(person.account.clone());
        layout.memberships = person.memberships.to_vec();
        Ok(layout)
    }

    /// A page for anybody.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn public(visit: &Visit, title: impl Into<String>) -> WebResult<Self> {
        let mut layout = Self::bare(&visit.session, title).await?;
        layout.account = visit.account.clone();
        layout.memberships = visit.memberships.to_vec();
        Ok(layout)
    }

    /// The same, marked as belonging to an environment.
    #[must_use]
    pub fn environment(mut self, environment: impl Into<String>) -> Self {
        self.environment = Some(environment.into());
        self
    }

    async fn bare(session: &Session, title: impl Into<String>) -> WebResult<Self> {
        Ok(Self {
            title: title.into(),
            account: None,
            lab: None,
            memberships: Vec::new(),
            nav: Nav::Nothing,
            flash: session::take_flash(session).await?,
            environment: None,
        })
    }

    /// For templates: whether `nav` is the current entry.
    pub fn at(&self, nav: Nav) -> bool {
        self.nav == nav
    }
}

/// Shows a page.
///
/// # Errors
/// When the template fails, which is ours to mend.
pub fn show(template: &impl Template) -> WebResult {
    Ok(Html(template.render()?).into_response())
}

/// Shows a page with another status than 200.
///
/// # Errors
/// When the template fails, which is ours to mend.
pub fn show_as(status: StatusCode, template: &impl Template) -> WebResult {
    Ok((status, Html(template.render()?)).into_response())
}

/// Shows a form again, with what is wrong in it (422).
///
/// # Errors
/// When the template fails, which is ours to mend.
pub fn show_invalid(template: &impl Template) -> WebResult {
    show_as(StatusCode::UNPROCESSABLE_ENTITY, template)
}
