//! What a case finds: a requester of its own at a marketplace, and the people and things it needs there.

use std::sync::atomic::{AtomicUsize, Ordering};

use market::engine::assignments::{self, Wanted};
use market::engine::qualifications::form::QuestionForm;
use market::engine::qualifications::given::Given;
use serde_json::{Value, json};

use super::cases::FORM;
use crate::harness::{Place, QUESTION};

/// A requester with 1000 dollars whom no other case knows.
pub(super) struct World(pub(super) Place);

/// Work that was handed in.
pub(super) struct Work {
    pub(super) hit_id: String,
    pub(super) worker_id: String,
    pub(super) assignment_id: String,
}

impl std::ops::Deref for World {
    type Target = Place;
    fn deref(&self) -> &Place {
        &self.0
    }
}

/// The members of `changes` put over those of `base`; null takes one away.
pub(super) fn with(mut base: Value, changes: Value) -> Value {
    let members = base.as_object_mut().unwrap();
    for (name, value) in changes.as_object().unwrap() {
        if value.is_null() {
            members.remove(name);
        } else {
            members.insert(name.clone(), value.clone());
        }
    }
    base
}

/// A HIT type's members.
pub(super) fn kind_of_hit(changes: Value) -> Value {
    let base = json!({
        "Title": "A decision task", "Description": "Play a short game", "Keywords": "game, study",
        "Reward": "1.00", "AssignmentDurationInSeconds": 600, "AutoApprovalDelayInSeconds": 86400,
    });
    with(base, changes)
}

/// The members of a HIT beside its type.
pub(super) fn place_of_hit(changes: Value) -> Value {
    let base = json!({ "LifetimeInSeconds": 3600, "MaxAssignments": 1, "Question": QUESTION });
    with(base, changes)
}

pub(super) fn new_hit(changes: Value) -> Value {
    with(with(kind_of_hit(json!({})), place_of_hit(json!({}))), changes)
}

impl World {
    pub(super) async fn anybody(&self) -> String {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        self.worker(&format!("person {}", NUMBER.fetch_add(1, Ordering::Relaxed))).await
    }

    pub(super) async fn hit_type(&self) -> String {
        self.hit_type_paying("1.00").await
    }

    pub(super) async fn hit_type_paying(&self, reward: &str) -> String {
        let call = self.client.create_hit_type().title("Another task").description("Play a longer game");
        let made = call.reward(reward).assignment_duration_in_seconds(600).send().await.unwrap();
        made.hit_type_id.unwrap()
    }

    /// Somebody at work on a new HIT.
    pub(super) async fn taken(&self) -> Work {
        let (hit_id, worker_id) = (self.hit(1).await, self.anybody().await);
        let taken = self.accept(&worker_id, Wanted::Hit(&hit_id)).await.unwrap();
        Work { hit_id, worker_id, assignment_id: taken.assignment_id }
    }

    /// … who has handed in.
    pub(super) async fn handed_in(&self) -> Work {
        let work = self.taken().await;
        self.submit(&work.assignment_id).await.unwrap();
        work
    }

    /// … the shortest form there is.
    pub(super) async fn answered(&self) -> Work {
        let made = self.publish(1).question(FORM).send().await.unwrap();
        let (hit_id, worker_id) = (made.hit.unwrap().hit_id.unwrap(), self.anybody().await);
        let assignment_id = self.accept(&worker_id, Wanted::Hit(&hit_id)).await.unwrap().assignment_id;
        let given = [Given { id: "q".into(), selections: Vec::new(), text: Some("a < b".into()) }];
        let form = QuestionForm::parse(FORM).unwrap();
        let (mut tx, now) = self.market.begin().await.unwrap();
        assignments::answer(&mut tx, now, &assignment_id, &worker_id, &form, &given).await.unwrap();
        tx.commit().await.unwrap();
        Work { hit_id, worker_id, assignment_id }
    }

    pub(super) async fn approved(&self) -> Work {
        let work = self.handed_in().await;
        self.client.approve_assignment().assignment_id(&work.assignment_id).send().await.unwrap();
        work
    }

    pub(super) async fn rejected(&self) -> Work {
        let work = self.handed_in().await;
        let call = self.client.reject_assignment().assignment_id(&work.assignment_id);
        call.requester_feedback("no").send().await.unwrap();
        work
    }

    /// A HIT that was over, reviewed and deleted.
    pub(super) async fn deleted(&self) -> Work {
        let work = self.approved().await;
        self.client.delete_hit().hit_id(&work.hit_id).send().await.unwrap();
        work
    }

    /// Somebody else's work.
    pub(super) async fn elsewhere(&self) -> Work {
        Self(self.0.beside().await).handed_in().await
    }

    pub(super) async fn kind(&self) -> String {
        self.qualification("Plays well").await
    }

    /// Somebody else's kind of qualification.
    pub(super) async fn foreign_kind(&self) -> String {
        Self(self.0.beside().await).kind().await
    }

    /// Somebody else's kind of HIT.
    pub(super) async fn elsewhere_kind_of_hit(&self) -> String {
        let other = self.0.beside().await;
        let hit_id = other.hit(1).await;
        other.look(&hit_id).await.hit_type_id.unwrap()
    }

    /// A request for somebody else's kind of qualification.
    pub(super) async fn foreign_request(&self) -> String {
        let other = Self(self.0.beside().await);
        other.asked(&other.kind().await).await
    }

    /// A worker who has the kind.
    pub(super) async fn holder(&self, kind: &str) -> String {
        let worker_id = self.anybody().await;
        self.grant(kind, &worker_id, 7).await;
        worker_id
    }

    /// Somebody asks for the kind; the request's id.
    pub(super) async fn asked(&self, kind: &str) -> String {
        use market::engine::qualifications::requests;
        let worker_id = self.anybody().await;
        let (mut tx, now) = self.market.begin().await.unwrap();
        requests::ask(&mut tx, now, &worker_id, kind).await.unwrap();
        tx.commit().await.unwrap();
        let list = self.client.list_qualification_requests().qualification_type_id(kind);
        let list = list.send().await.unwrap().qualification_requests.unwrap();
        list[0].qualification_request_id.clone().unwrap()
    }

    /// The input of the page after this one.
    pub(super) async fn next_page(&self, operation: &str, input: Value) -> Value {
        let page = super::client::send(&self.client, operation, &input, true).await;
        let page: Value = serde_json::from_str(&page.body).unwrap();
        with(input, json!({ "NextToken": page["NextToken"] }))
    }

    /// Spends all but a dollar.
    pub(super) async fn ruin(&self) {
        self.publish(1).reward("832.50").send().await.unwrap();
    }
}
