//! What the researcher does, in one tab or several.

use chrono::Duration;
use kernel::money::Cents;
use rand::RngExt;
use rand::seq::{IndexedRandom, SliceRandom};

use super::super::show::Tab;
use super::{STEPS, Schedule};

impl Schedule {
    /// Somebody looks at some of the people and decides; so many clicks at once.
    pub(super) async fn decide(&mut self, clicks: usize) {
        let Some(tab) = self.open_tab().await else { return };
        if self.rng.random_bool(0.3) {
            self.tabs.push(tab.clone());
        }
        let replicas: Vec<usize> = (0..clicks).map(|_| self.replica()).collect();
        for reply in self.show.press(&tab, &replicas).await {
            self.judge(reply.map(|reply| reply.status.as_u16()));
        }
    }

    async fn open_tab(&mut self) -> Option<Tab> {
        let mut rows = self.show.rows().await;
        rows.shuffle(&mut self.rng);
        rows.truncate(self.rng.random_range(1..=6));
        let amount = Cents(self.rng.random_range(1..300)).to_string();
        let other_amount = self.rng.random_bool(0.3);
        let (decision, more): (&str, Vec<(&str, &str)>) = match self.rng.random_range(0..10) {
            0..2 => ("reject", vec![("words", "Not done")]),
            2 => ("approve", vec![]),
            3..5 if other_amount => ("bonus", vec![("amount", &amount)]),
            3..5 => ("bonus", vec![]),
            _ if other_amount => ("approve_with_bonus", vec![("amount", &amount)]),
            _ => ("approve_with_bonus", vec![]),
        };
        let replica = self.replica();
        self.show.open_tab(replica, decision, &rows, &more).await
    }

    /// An old tab's button is pressed again, beside a new one.
    pub(super) async fn stale_tab(&mut self) {
        let fresh = self.open_tab().await;
        let stale = self.tabs.choose(&mut self.rng).cloned();
        for tab in [stale, fresh.clone()].into_iter().flatten() {
            let replica = self.replica();
            for reply in self.show.press(&tab, &[replica]).await {
                self.judge(reply.map(|reply| reply.status.as_u16()));
            }
        }
        self.tabs.extend(fresh);
    }

    /// A page that fails although nothing behind it does is a mistake of ours.
    pub(super) fn judge(&mut self, status: Option<u16>) {
        if status == Some(500) && !self.family.pages_may_fail() {
            self.wrong.push(format!("a page failed: {status:?}\n{}", self.show.rig.logs()));
        }
    }

    /// Everybody who is rejected is approved after all, perhaps by two clicks.
    pub(super) async fn overturn(&mut self) {
        let rejected = self.show.rejected().await;
        if rejected.is_empty() {
            return;
        }
        let (replica, clicks) = (self.replica(), self.rng.random_range(1..=2));
        let Some(tab) = self.show.open_tab(replica, "override", &rejected, &[]).await else { return };
        let replicas: Vec<usize> = (0..clicks).map(|_| self.replica()).collect();
        for reply in self.show.press(&tab, &replicas).await {
            self.judge(reply.map(|reply| reply.status.as_u16()));
        }
    }

    /// Somebody who worked or came for nothing is offered a compensation, perhaps by two clicks.
    pub(super) async fn compensate(&mut self, step: usize) {
        let mut owed = self.show.owed().await;
        if owed.is_empty() && step > STEPS / 2 && self.rng.random_bool(0.3) {
            // Whoever worked and did not submit in time is owed something.
            self.pass(Duration::hours(22)).await;
            owed = self.show.owed().await;
        }
        let Some(whom) = owed.choose(&mut self.rng) else { return };
        let amount = Cents(self.rng.random_range(1..600)).to_string();
        let tab = self.show.compensation_tab(whom, &amount);
        let clicks = self.rng.random_range(1..=2);
        let replicas: Vec<usize> = (0..clicks).map(|_| self.replica()).collect();
        for reply in self.show.press(&tab, &replicas).await {
            self.judge(reply.map(|reply| reply.status.as_u16()));
        }
    }
}
