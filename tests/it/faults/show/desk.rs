//! The researcher of a show: logs in, ticks people, opens tabs, presses buttons, settles what is held.

use futures_util::future::join_all;
use otree_hr::accounts::{ACCOUNT_KEY, Sessions};
use otree_hr::payments::amnesia;
use otree_hr::payments::compensation::{self, Candidate, Compensation};
use scraper::{Html, Selector};
use tower_sessions::session::{Id, Record};
use tower_sessions::session_store::SessionStore;

use super::{Reply, Show, Tab, words};

impl Show {
    /// The study's compensations.
    pub async fn compensations(&self) -> Vec<Compensation> {
        let mut conn = self.pool().acquire().await.unwrap();
        compensation::store::of_study(&mut conn, self.study).await.unwrap()
    }

    /// Who worked or came for nothing and was offered nothing yet.
    pub async fn owed(&self) -> Vec<Candidate> {
        let mut conn = self.pool().acquire().await.unwrap();
        let all = compensation::store::candidates(&mut conn, self.study, self.rig.now()).await.unwrap();
        all.into_iter().filter(|one| one.order.is_none()).collect()
    }

    /// A person says of every bonus that is held that the recruiter's list has this very one.
    pub async fn is_the_same(&mut self) {
        let mut conn = self.pool().acquire().await.unwrap();
        for held in amnesia::held(&mut conn, self.lab.id).await.unwrap() {
            let path = format!("/labs/{}/money/held/{}", self.lab.id, held.id);
            self.press(&Tab { path, fields: vec![("answer".into(), "same".into())] }, &[0]).await;
        }
    }

    /// The recruiter's figures are compared with ours now.
    pub async fn compare(&mut self) {
        self.compares = true;
        sqlx::query("UPDATE comparison SET next_at = $2 WHERE study_id = $1")
            .bind(self.study.0)
            .bind(self.rig.now())
            .execute(self.pool())
            .await
            .unwrap();
    }

    /// The form that compensates somebody, filled in.
    pub fn compensation_tab(&self, whom: &Candidate, amount: &str) -> Tab {
        let fields = [
            ("worker", whom.worker_id.to_string()),
            ("amount", amount.to_owned()),
            ("message", "Thank you for your time".to_owned()),
        ];
        let fields = fields.map(|(name, value)| (name.to_owned(), value)).into();
        Tab { path: format!("{}/compensate", self.path()), fields }
    }

    /// A cookie of the owner's. `None` when the database takes none.
    pub async fn log_in(&self) -> Option<String> {
        let now = self.rig.now();
        let mut session = Record {
            id: Id::default(),
            data: [(ACCOUNT_KEY.to_owned(), serde_json::json!(self.lab.owner))].into(),
            expiry_date: time::OffsetDateTime::from_unix_timestamp(now.timestamp()).unwrap()
                + Sessions::COOKIE_AGE,
        };
        let sessions = Sessions::new(self.pool().clone(), self.rig.app.clock.clone());
        sessions.create(&mut session).await.ok()?;
        Some(format!("session={}", session.id))
    }

    /// The path of the study's pages.
    pub fn path(&self) -> String {
        format!("/labs/{}/studies/{}", self.lab.id, self.study)
    }

    /// The ids of the participations that a researcher might tick.
    pub async fn rows(&self) -> Vec<String> {
        sqlx::query_scalar("SELECT id::text FROM participation WHERE study_id = $1 ORDER BY admitted_at, id")
            .bind(self.study.0)
            .fetch_all(self.pool())
            .await
            .unwrap()
    }

    /// Those of them who count as rejected.
    pub async fn rejected(&self) -> Vec<String> {
        sqlx::query_scalar(
            "SELECT id::text FROM participation WHERE study_id = $1 AND stage = 'rejected' ORDER BY id",
        )
        .bind(self.study.0)
        .fetch_all(self.pool())
        .await
        .unwrap()
    }

    /// Ticks people and asks for the confirmation page of a decision.
    pub async fn ask(
        &mut self,
        replica: usize,
        decision: &str,
        rows: &[String],
        more: &[(&str, &str)],
    ) -> Option<Reply> {
        let mut fields = vec![("decision".to_owned(), decision.to_owned())];
        fields.extend(rows.iter().map(|id| ("id".to_owned(), id.clone())));
        fields.extend(more.iter().map(|(name, value)| (name.to_string(), value.to_string())));
        let cookie = self.log_in().await?;
        let reply = self.post(replica, &format!("{}/review", self.path()), &cookie, &fields).await;
        self.note(format!("asks {replica} to {decision} {}: {}", rows.len(), words(&reply)));
        reply
    }

    /// The same as a tab, if there is one.
    pub async fn open_tab(
        &mut self,
        replica: usize,
        decision: &str,
        rows: &[String],
        more: &[(&str, &str)],
    ) -> Option<Tab> {
        let reply = self.ask(replica, decision, rows, more).await;
        let mut tab = tab(&reply?.body)?;
        for (name, value) in more {
            tab.fields.retain(|(known, _)| known != name);
            tab.fields.push((name.to_string(), value.to_string()));
        }
        Some(tab)
    }

    /// Presses the button of a tab, at each of these processes at once.
    pub async fn press(&mut self, tab: &Tab, replicas: &[usize]) -> Vec<Option<Reply>> {
        let Some(cookie) = self.log_in().await else { return Vec::new() };
        let replies = self.press_as(&cookie, tab, replicas).await;
        let said: Vec<String> = replies.iter().map(words).collect();
        self.note(format!("presses at {replicas:?}: {}", said.join(" ")));
        replies
    }

    /// The same by somebody who logged in before.
    pub async fn press_as(&self, cookie: &str, tab: &Tab, replicas: &[usize]) -> Vec<Option<Reply>> {
        join_all(replicas.iter().map(|replica| self.post(*replica, &tab.path, cookie, &tab.fields))).await
    }

    /// Presses the buttons of several tabs at the same moment, each so often, by turns at both processes.
    pub async fn press_all(&self, tabs: &[&Tab], times: usize) -> Vec<Reply> {
        let cookie = self.log_in().await.unwrap();
        let clicks = (0..tabs.len() * times).map(|n| (n % 2, tabs[n % tabs.len()]));
        let replies = clicks.map(|(replica, tab)| self.post(replica, &tab.path, &cookie, &tab.fields));
        join_all(replies).await.into_iter().map(Option::unwrap).collect()
    }

    /// Decides about all in one go: confirmation page and button.
    pub async fn decide(
        &mut self,
        decision: &str,
        rows: &[String],
        more: &[(&str, &str)],
    ) -> Vec<Option<Reply>> {
        match self.open_tab(0, decision, rows, more).await {
            Some(tab) => self.press(&tab, &[0]).await,
            None => Vec::new(),
        }
    }
}

/// The confirmation form, filled in as it is shown.
fn tab(page: &str) -> Option<Tab> {
    let page = Html::parse_document(page);
    let form = page.select(&Selector::parse("form[action$='/review/decide']").unwrap()).next()?;
    let named = Selector::parse("input[name], textarea[name]").unwrap();
    let fields = form.select(&named).map(|field| {
        let text = || field.text().collect::<String>();
        let value = field.attr("value").map_or_else(text, str::to_owned);
        (field.attr("name").unwrap_or_default().to_owned(), value)
    });
    Some(Tab { path: form.attr("action")?.to_owned(), fields: fields.collect() })
}
