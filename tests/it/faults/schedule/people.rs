//! What workers do, and people who are none.

use kernel::money::Cents;
use rand::RngExt;
use rand::seq::IndexedRandom;
use serde_json::{Value, json};

use super::super::families::Family;
use super::super::show::{At, Person};
use super::Schedule;

impl Schedule {
    /// Some have come and worked before there is any trouble.
    pub(super) async fn early_birds(&mut self) {
        for _ in 0..self.rng.random_range(0..4) {
            let Some(who) = self.show.accept().await else { return };
            self.show.knock(who, who % 2).await;
            let payoff = self.payoff();
            if self.show.people[who].at == At::Page
                && self.show.play(who, who % 2, payoff).await
                && self.rng.random_bool(0.7)
            {
                self.show.submit(who).await;
            }
        }
    }

    pub(super) async fn arrive(&mut self) {
        let replica = self.replica();
        if let Some(who) = self.show.accept().await {
            let reply = self.show.knock(who, replica).await;
            self.judge(reply.map(|reply| reply.status.as_u16()));
        }
    }

    /// Reloads and second tabs, at both processes.
    pub(super) async fn arrive_again(&mut self) {
        let Some(who) = self.somebody(&[At::Page, At::End, At::Door]) else { return };
        let door = self.show.door(&self.show.people[who]);
        self.show.note(format!("person {who} knocks twice"));
        tokio::join!(self.show.get(0, &door), self.show.get(1, &door));
    }

    /// The same worker takes a place of another batch.
    pub(super) async fn second_place(&mut self) {
        let Some(who) = self.somebody(&[At::Page, At::End, At::Submitted]) else { return };
        let worker = self.show.people[who].worker.clone();
        if let Some(second) = self.show.accept_as(&worker).await {
            let (replica, rest) = (self.replica(), self.show.people.len());
            self.show.knock(second, replica).await;
            assert_eq!(rest, self.show.people.len());
            let page = self.show.people[second].page.clone();
            if page.is_some() && page != self.show.people[who].page {
                self.wrong.push(format!("P5: person {who} was let in twice"));
            }
            self.show.give_back(second).await;
            self.show.people[second].page = None;
        }
    }

    /// Somebody opens a link with another's assignment under their own name.
    pub(super) async fn stranger(&mut self) {
        let Some(who) = self.somebody(&[At::Page, At::End]) else { return };
        let replica = self.replica();
        let worker = self.show.new_worker().await;
        let person = Person { worker, ..self.show.people[who].clone() };
        self.show.note(format!("a stranger shows person {who}'s assignment"));
        self.show.get(replica, &self.show.door(&person)).await;
    }

    /// Previews and link checkers take no seat.
    pub(super) async fn link_checker(&mut self) {
        let replica = self.replica();
        let before = self.show.rows().await.len();
        let code = self.show.code.clone();
        let preview = format!("/go/{code}?assignmentId=ASSIGNMENT_ID_NOT_AVAILABLE&hitId=H&workerId=AX");
        self.show.get(replica, &preview).await;
        self.show.get(replica, &format!("/go/{code}")).await;
        if self.show.rows().await.len() != before {
            self.wrong.push("P5: a preview took a seat".into());
        }
    }

    fn somebody(&mut self, at: &[At]) -> Option<usize> {
        let able: Vec<usize> =
            (0..self.show.people.len()).filter(|who| at.contains(&self.show.people[*who].at)).collect();
        able.choose(&mut self.rng).copied()
    }

    /// Somebody does what comes next for them, or gives up.
    pub(super) async fn play_on(&mut self) {
        self.go_on(&[At::Door, At::Page, At::End]).await;
    }

    /// The same of those who are there.
    pub(super) async fn go_on(&mut self, at: &[At]) {
        let Some(who) = self.somebody(at) else { return };
        let replica = self.replica();
        if self.rng.random_bool(0.08) {
            return self.show.give_back(who).await;
        }
        match self.show.people[who].at {
            At::Door => {
                self.show.knock(who, replica).await;
            }
            At::Page => {
                let payoff = self.payoff();
                self.show.play(who, replica, payoff).await;
            }
            _ => {
                self.show.submit(who).await;
            }
        }
    }

    /// What oTree says somebody earned; sometimes what nobody can be paid.
    fn payoff(&mut self) -> Value {
        match self.rng.random_range(0..12) {
            0 if self.family == Family::Otree => json!("NaN"),
            1 if self.family == Family::Otree => json!("1000000000"),
            2 if self.family == Family::Otree => Value::Null,
            _ => json!(Cents(self.rng.random_range(-50..600)).to_string()),
        }
    }
}
