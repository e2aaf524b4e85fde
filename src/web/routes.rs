//! Every address of the site, in one place, with who may use it.
//!
//! The table builds the router, so nothing can be served that is not listed, and the test of the
//! tenants' walls walks the same list. The guards in [`super::guard`] do what `access` says.

use axum::Router;
use axum::handler::Handler;
use axum::http::Method;
use axum::routing::{MethodRouter, get, post};

use super::{
    account, activity, assets, connections, door, health, home, invitations, lab, log_in, members, money,
    operator, payments, review, scores, sign_up, sites, studies,
};
use crate::app::App;

/// Who may use a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Access {
    /// Anybody, logged in or not.
    Nobody,
    /// Whoever is logged in.
    Account,
    /// Members of the lab in the path.
    Viewer,
    /// Members of the lab who may change things.
    Editor,
    /// Members of the lab who decide about people and money.
    Owner,
    /// Who runs this server.
    Operator,
    /// People at a recruiter: no session, no cookie, posts from other sites are expected.
    Worker,
}

/// One line of the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// GET or POST.
    pub method: Method,
    /// The pattern, such as `/labs/{lab}/members`.
    pub path: &'static str,
    /// Who may use it.
    pub access: Access,
}

/// The table while it is written.
#[derive(Debug, Default)]
pub struct Table {
    /// What is in it, in order.
    pub routes: Vec<Route>,
    /// Pages for people with a browser session.
    pub people: Router<App>,
    /// Pages for workers.
    pub workers: Router<App>,
}

impl Table {
    /// Adds a page.
    pub fn get<H, T>(self, access: Access, path: &'static str, handler: H) -> Self
    where
        H: Handler<T, App>,
        T: 'static,
    {
        self.add(Method::GET, access, path, get(handler))
    }

    /// Adds what a form does.
    pub fn post<H, T>(self, access: Access, path: &'static str, handler: H) -> Self
    where
        H: Handler<T, App>,
        T: 'static,
    {
        self.add(Method::POST, access, path, post(handler))
    }

    fn add(mut self, method: Method, access: Access, path: &'static str, handler: MethodRouter<App>) -> Self {
        self.routes.push(Route { method, path, access });
        match access {
            Access::Worker => self.workers = self.workers.route(path, handler),
            _ => self.people = self.people.route(path, handler),
        }
        self
    }
}

/// The whole site.
pub fn table() -> Table {
    workers(operator(lab_connections(studies(sites(money(lab(person(public(Table::default())))))))))
}

/// The worker's door: see [`door`].
fn workers(table: Table) -> Table {
    use Access::Worker;
    table
        .get(Worker, "/go/{code}", door::arrive::go)
        .get(Worker, "/w/{signed}", door::seat::page)
        .get(Worker, "/w/{signed}/status", door::seat::status)
        .get(Worker, "/w/{signed}/open", door::seat::open)
        .post(Worker, "/w/{signed}/check", door::seat::check)
        .get(Worker, "/owed/{code}", door::owed::page)
        .get(Worker, "/exit/{signed}", door::back::exit)
        .get(Worker, "/back/{code}", door::back::back)
}

/// What strangers see, and how they become known.
fn public(table: Table) -> Table {
    use Access::Nobody;
    table
        .get(Nobody, "/", home::show_front)
        .get(Nobody, "/health", health::show)
        .get(Nobody, "/static/{hash}/{*name}", assets::serve)
        .get(Nobody, "/login", log_in::page)
        .post(Nobody, "/login", log_in::submit)
        .post(Nobody, "/logout", log_in::log_out)
        .get(Nobody, "/signup", sign_up::page)
        .post(Nobody, "/signup", sign_up::submit)
        .get(Nobody, "/invitations/{token}", invitations::page)
}

/// A person, outside of any lab.
fn person(table: Table) -> Table {
    use Access::Account;
    table
        .post(Account, "/invitations/{token}", invitations::join)
        .get(Account, "/account", account::page)
        .post(Account, "/account/name", account::rename)
        .post(Account, "/account/password", account::change_password)
        .post(Account, "/account/delete", account::delete)
        .post(Account, "/labs", account::found_lab)
}

/// A lab and its people.
fn lab(table: Table) -> Table {
    use Access::{Owner, Viewer};
    table
        .get(Viewer, "/labs/{lab}/members", members::page)
        .get(Viewer, "/labs/{lab}/activity", activity::page)
        .post(Viewer, "/labs/{lab}/leave", lab::leave)
        .post(Owner, "/labs/{lab}/name", lab::rename)
        .post(Owner, "/labs/{lab}/invitations", members::invite)
        .post(Owner, "/labs/{lab}/invitations/{invitation}/revoke", members::revoke)
        .post(Owner, "/labs/{lab}/members/{account}/role", members::change_role)
        .post(Owner, "/labs/{lab}/members/{account}/remove", members::remove)
}

/// What is set aside, owed and paid, and what stops it. Editors may pause and let go on, decide about what waits;
/// owners set the limits.
fn money(table: Table) -> Table {
    use Access::{Editor, Owner, Viewer};
    table
        .get(Viewer, "/labs/{lab}/money", money::page)
        .post(Owner, "/labs/{lab}/money/settings", money::settings::save)
        .post(Editor, "/labs/{lab}/money/pause", money::switches::pause)
        .post(Editor, "/labs/{lab}/money/resume", money::switches::resume)
        .post(Editor, "/labs/{lab}/money/waiting/{confirmation}", money::switches::confirm)
        .post(Editor, "/labs/{lab}/money/held/{order}", money::switches::answer)
        .post(Editor, "/labs/{lab}/money/strays", money::switches::strays_seen)
}

/// The lab's oTree servers.
fn sites(table: Table) -> Table {
    use Access::{Editor, Viewer};
    table
        .get(Viewer, "/labs/{lab}/sites", sites::list)
        .get(Editor, "/labs/{lab}/sites/new", sites::new)
        .post(Editor, "/labs/{lab}/sites", sites::register)
        .get(Viewer, "/labs/{lab}/sites/{site}", sites::page)
        .get(Viewer, "/labs/{lab}/sites/{site}/status", sites::status)
        .get(Editor, "/labs/{lab}/sites/{site}/edit", sites::edit_form)
        .post(Editor, "/labs/{lab}/sites/{site}/edit", sites::edit)
        .post(Editor, "/labs/{lab}/sites/{site}/check", sites::check)
        .post(Editor, "/labs/{lab}/sites/{site}/delete", sites::delete)
}

/// Studies and their people. Editors decide about people and money as owners do; viewers only look.
fn studies(table: Table) -> Table {
    use Access::{Editor, Viewer};
    table
        .get(Viewer, "/labs/{lab}", studies::list::page)
        .get(Editor, "/labs/{lab}/studies/new", studies::form::new)
        .post(Editor, "/labs/{lab}/studies", studies::form::create)
        .post(Editor, "/labs/{lab}/studies/cost", studies::cost::panel)
        .get(Editor, "/labs/{lab}/studies/{study}/edit", studies::form::edit)
        .post(Editor, "/labs/{lab}/studies/{study}/edit", studies::form::update)
        .get(Viewer, "/labs/{lab}/studies/{study}", studies::page::page)
        .get(Viewer, "/labs/{lab}/studies/{study}/live", studies::page::live)
        .get(Viewer, "/labs/{lab}/studies/{study}/preview", studies::preview::page)
        .get(Viewer, "/labs/{lab}/studies/{study}/preview/page", studies::preview::own_page)
        .get(Editor, "/labs/{lab}/studies/{study}/publish", studies::publish::confirm)
        .post(Editor, "/labs/{lab}/studies/{study}/publish", studies::publish::publish)
        .post(Editor, "/labs/{lab}/studies/{study}/close", studies::publish::close)
        .post(Editor, "/labs/{lab}/studies/{study}/delete", studies::publish::delete)
        .post(Editor, "/labs/{lab}/studies/{study}/budget", studies::publish::set_budget)
        .get(Viewer, "/labs/{lab}/studies/{study}/review", review::table::page)
        .get(Viewer, "/labs/{lab}/studies/{study}/review/news", review::table::news)
        .post(Editor, "/labs/{lab}/studies/{study}/review", review::decide::confirm)
        .post(Editor, "/labs/{lab}/studies/{study}/review/decide", review::decide::decide)
        .get(Editor, "/labs/{lab}/studies/{study}/bulk", review::bulk::page)
        .post(Editor, "/labs/{lab}/studies/{study}/bulk", review::bulk::confirm)
        .post(Editor, "/labs/{lab}/studies/{study}/bulk/do", review::bulk::carry_out)
        .get(Viewer, "/labs/{lab}/texts", review::texts::page)
        .post(Editor, "/labs/{lab}/texts", review::texts::keep)
        .post(Editor, "/labs/{lab}/texts/{text}/delete", review::texts::delete)
        .get(Viewer, "/labs/{lab}/scores", scores::page)
        .post(Editor, "/labs/{lab}/scores", scores::save)
        .get(Viewer, "/labs/{lab}/payments", payments::page)
        .get(Viewer, "/labs/{lab}/payments.csv", payments::file)
        .get(Viewer, "/labs/{lab}/studies/{study}/statistics", review::statistics::page)
        .get(Viewer, "/labs/{lab}/studies/{study}/rules", review::rules::page)
        .post(Editor, "/labs/{lab}/studies/{study}/rules", review::rules::save)
        .post(Editor, "/labs/{lab}/studies/{study}/rules/stop", review::rules::stop)
        .get(Viewer, "/labs/{lab}/studies/{study}/orders", review::orders::page)
        .get(Viewer, "/labs/{lab}/studies/{study}/differences", review::differences::of_study)
        .get(Viewer, "/labs/{lab}/studies/{study}/compensations", review::compensations::list)
        .post(Editor, "/labs/{lab}/studies/{study}/compensations", review::compensations::withdraw)
        .get(Editor, "/labs/{lab}/studies/{study}/compensate", review::compensations::form)
        .post(Editor, "/labs/{lab}/studies/{study}/compensate", review::compensations::order)
        .get(Viewer, "/labs/{lab}/differences", review::differences::of_lab)
        .post(Editor, "/labs/{lab}/differences/{difference}", review::differences::acknowledge)
        .get(Viewer, "/labs/{lab}/orders/{order}", review::settle::page)
        .post(Editor, "/labs/{lab}/orders/{order}", review::settle::settle)
        .get(Viewer, "/labs/{lab}/studies/{study}/participations.csv", review::file::download)
}

/// A lab's keys at recruiters.
fn lab_connections(table: Table) -> Table {
    use Access::{Editor, Owner, Viewer};
    use connections::rehearsal::controls as rehearsal;
    table
        .get(Viewer, "/labs/{lab}/connections", connections::list)
        .post(Owner, "/labs/{lab}/connections", connections::new::create)
        .get(Editor, "/labs/{lab}/connections/new", connections::new::page)
        .post(Editor, "/labs/{lab}/connections/rehearsal", connections::new::rehearse)
        .get(Viewer, "/labs/{lab}/connections/{connection}", connections::one)
        .post(Editor, "/labs/{lab}/connections/{connection}/test", connections::test)
        .post(Editor, "/labs/{lab}/connections/{connection}/name", connections::rename)
        .get(Viewer, "/labs/{lab}/connections/{connection}/rehearsal", connections::rehearsal::page)
        .get(Viewer, "/labs/{lab}/connections/{connection}/rehearsal/live", connections::rehearsal::live)
        .post(Editor, "/labs/{lab}/connections/{connection}/rehearsal/clock", rehearsal::clock)
        .post(Editor, "/labs/{lab}/connections/{connection}/rehearsal/faults", rehearsal::order)
        .post(Editor, "/labs/{lab}/connections/{connection}/rehearsal/faults/lift", rehearsal::lift)
        .post(Editor, "/labs/{lab}/connections/{connection}/rehearsal/deposit", rehearsal::deposit)
        .post(Editor, "/labs/{lab}/connections/{connection}/rehearsal/workers", rehearsal::send)
        .post(Editor, "/labs/{lab}/connections/{connection}/rehearsal/workers/stop", rehearsal::stop)
        .post(Owner, "/labs/{lab}/connections/{connection}/keys", connections::replace_keys)
        .post(Owner, "/labs/{lab}/connections/{connection}/remove", connections::remove)
}

/// The server itself.
fn operator(table: Table) -> Table {
    use Access::Operator;
    table
        .get(Operator, "/operator", operator::page)
        .post(Operator, "/operator/invitations", operator::invite)
        .post(Operator, "/operator/money", operator::set_money)
        .post(Operator, "/operator/accounts/{account}", operator::set_operator)
}
