//! The people of a lab: who they are, what they may do, and links that invite more.

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect};
use serde::Deserialize;
use uuid::Uuid;

use super::error::{Error, WebResult};
use super::forms::Form;
use super::guard::{Member, Owner, Viewer};
use super::page::{Layout, Nav, show, show_invalid};
use super::session::{self, Tone};
use crate::accounts::AccountId;
use crate::app::App;
use crate::labs::invitations::{self, Invitation};
use crate::labs::{self, LabId, MemberError, Person, Role};

/// The roles as a form offers them.
const ROLES: [(&str, &str); 3] = [
    ("viewer", "Viewer: looks, changes nothing"),
    ("editor", "Editor: sites, studies, reviews"),
    ("owner", "Owner: members and money too"),
];

/// An invitation that can still be used, with its link.
struct Pending {
    invitation: Invitation,
    link: String,
}

#[derive(Template)]
#[template(path = "members.html")]
struct MembersPage {
    layout: Layout,
    lab: LabId,
    me: AccountId,
    is_owner: bool,
    people: Vec<Person>,
    pending: Vec<Pending>,
    roles: [(&'static str, &'static str); 3],
    invite: Form,
    name: Form,
}

impl MembersPage {
    async fn new(app: &App, member: &Member) -> WebResult<Self> {
        let lab = member.lab.id;
        let mut conn = app.pool.acquire().await?;
        let people = labs::people(&mut conn, lab).await?;
        let pending = match member.is_owner() {
            true => invitations::pending(&mut conn, app.clock.now(), Some(lab)).await?,
            false => Vec::new(),
        };
        Ok(Self {
            layout: Layout::in_lab(member, Nav::Members, "Members").await?,
            lab,
            me: member.account.id,
            is_owner: member.is_owner(),
            people,
            pending: pending.into_iter().map(|invitation| with_link(app, invitation)).collect(),
            roles: ROLES,
            invite: Form::new().with("role", Role::Editor),
            name: Form::new().with("lab_name", &member.lab.name),
        })
    }
}

fn with_link(app: &App, invitation: Invitation) -> Pending {
    let token = invitations::token(&app.config.keyring, invitation.id);
    Pending { link: app.config.absolute(&format!("/invitations/{token}")), invitation }
}

fn back(lab: LabId) -> WebResult {
    Ok(Redirect::to(&format!("/labs/{lab}/members")).into_response())
}

/// `GET /labs/{lab}/members`
///
/// # Errors
/// When the database does not answer.
pub async fn page(State(app): State<App>, viewer: Viewer) -> WebResult {
    show(&MembersPage::new(&app, &viewer).await?)
}

/// The page again, with what is wrong with the lab's new name.
pub(super) async fn show_again(app: &App, owner: &Owner, name: Form) -> WebResult {
    show_invalid(&MembersPage { name, ..MembersPage::new(app, owner).await? })
}

/// `POST /labs/{lab}/invitations`
///
/// # Errors
/// When the database does not answer.
pub async fn invite(State(app): State<App>, owner: Owner, mut form: Form) -> WebResult {
    let Some(role) = form.parsed::<Role>("role") else {
        return show_invalid(&MembersPage { invite: form, ..MembersPage::new(&app, &owner).await? });
    };
    let mut tx = app.pool.begin().await?;
    let place = Some((owner.lab.id, role));
    invitations::invite(&mut tx, app.clock.now(), &app.config.keyring, owner.account.id, place).await?;
    tx.commit().await?;
    let words =
        format!("Give the link below to one person. It lets them join as {role}, once, within seven days.");
    session::flash(&owner.session, Tone::Good, words).await?;
    back(owner.lab.id)
}

/// The invitation of the path.
#[derive(Debug, Deserialize)]
pub struct InvitationPath {
    invitation: Uuid,
}

/// `POST /labs/{lab}/invitations/{invitation}/revoke`
///
/// # Errors
/// Not found unless it is this lab's and unused.
pub async fn revoke(
    State(app): State<App>,
    owner: Owner,
    axum::extract::Path(path): axum::extract::Path<InvitationPath>,
) -> WebResult {
    let mut tx = app.pool.begin().await?;
    let revoked =
        invitations::revoke(&mut tx, app.clock.now(), owner.lab.id, owner.account.id, path.invitation)
            .await?;
    if !revoked {
        return Err(Error::NotFound);
    }
    tx.commit().await?;
    session::flash(&owner.session, Tone::Note, "The link does not work any more.").await?;
    back(owner.lab.id)
}

/// The member of the path.
#[derive(Debug, Deserialize)]
pub struct MemberPath {
    account: AccountId,
}

/// `POST /labs/{lab}/members/{account}/role`
///
/// # Errors
/// Not found unless the account belongs to this lab.
pub async fn change_role(
    State(app): State<App>,
    owner: Owner,
    axum::extract::Path(path): axum::extract::Path<MemberPath>,
    mut form: Form,
) -> WebResult {
    let role = form.parsed::<Role>("role").ok_or(Error::BadRequest("Choose one of the roles."))?;
    let mut tx = app.pool.begin().await?;
    let (lab, by) = (owner.lab.id, owner.account.id);
    match labs::change_role(&mut tx, app.clock.now(), lab, by, path.account, role).await {
        Ok(()) => tx.commit().await?,
        Err(error) => return refuse(&owner, error).await,
    }
    session::flash(&owner.session, Tone::Good, format!("The role is now {role}.")).await?;
    back(lab)
}

/// `POST /labs/{lab}/members/{account}/remove`
///
/// # Errors
/// Not found unless the account belongs to this lab.
pub async fn remove(
    State(app): State<App>,
    owner: Owner,
    axum::extract::Path(path): axum::extract::Path<MemberPath>,
) -> WebResult {
    let mut tx = app.pool.begin().await?;
    let (lab, by) = (owner.lab.id, owner.account.id);
    match labs::remove(&mut tx, app.clock.now(), lab, by, path.account).await {
        Ok(()) => tx.commit().await?,
        Err(error) => return refuse(&owner, error).await,
    }
    session::flash(&owner.session, Tone::Note, "They do not belong to the lab any more.").await?;
    if by == path.account { Ok(Redirect::to("/").into_response()) } else { back(lab) }
}

async fn refuse(owner: &Owner, error: MemberError) -> WebResult {
    match error {
        MemberError::NoMember => Err(Error::NotFound),
        MemberError::Database(error) => Err(error.into()),
        MemberError::LastOwner => {
            session::flash(&owner.session, Tone::Bad, error.to_string()).await?;
            back(owner.lab.id)
        }
    }
}
