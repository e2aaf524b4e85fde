//! Everything once: the cases, the inputs made from the model, and the troubles, for each operation and client.

use std::collections::BTreeMap;

use chrono::Duration;
use futures_util::future::join_all;
use kernel::clock::TestClock;
use market::faults::Target;
use secrecy::ExposeSecret;
use serde_json::Value;

use super::access::{self, How, Trouble};
use super::boto::{Access, Boto, Breach};
use super::case::{Case, Expected, Refusal};
use super::world::World;
use super::{cases, client, verdict};
use crate::harness::{self, Place};

pub(super) const CLIENTS: [&str; 2] = ["aws-sdk-mturk", "boto3"];
/// Operations are dealt out to so many marketplaces, each with a driver of its own.
const LANES: usize = 2;

/// One line of the table, and what went wrong with each client.
pub(super) struct Row {
    pub(super) operation: &'static str,
    pub(super) situation: String,
    pub(super) answer: String,
    pub(super) problems: [Vec<String>; 2],
}

impl Row {
    pub(super) fn failures(&self) -> Vec<String> {
        let of = |(client, problems): (&str, &Vec<String>)| -> Vec<String> {
            let line = |problem| format!("{} / {} / {client}: {problem}", self.operation, self.situation);
            problems.iter().map(line).collect()
        };
        CLIENTS.into_iter().zip(&self.problems).flat_map(of).collect()
    }
}

struct Lane {
    place: Place,
    /// A server whose clock is ahead, and one whose clock is behind.
    ahead: Place,
    behind: Place,
    boto: Boto,
}

pub(super) async fn everything() -> Vec<Row> {
    let mut operations: Vec<_> = market::protocol::operations().collect();
    operations.sort_unstable();
    let mut cases: BTreeMap<&str, Vec<Case>> = BTreeMap::new();
    for case in cases::all() {
        cases.entry(case.operation).or_default().push(case);
    }
    let (operations, cases) = (&operations, &cases);
    let lanes = (0..LANES).map(async |lane| {
        let mut rows = Vec::new();
        let mut lane_ = Lane::open().await;
        for operation in operations.iter().skip(lane).step_by(LANES) {
            rows.extend(lane_.operation(operation, &cases[operation]).await);
        }
        rows
    });
    let mut rows: Vec<_> = join_all(lanes).await.into_iter().flatten().collect();
    rows.sort_by_key(|row| row.operation);
    rows
}

impl Lane {
    async fn open() -> Self {
        let skewed = async |hours| {
            let clock = TestClock::starting_now();
            clock.advance(Duration::hours(hours));
            Place::at(clock, |_| {}).await
        };
        let (place, ahead, behind) = (Place::open().await, skewed(1).await, skewed(-1).await);
        Self { place, ahead, behind, boto: Boto::start() }
    }

    /// Everything about one operation.
    async fn operation(&mut self, operation: &'static str, cases: &[Case]) -> Vec<Row> {
        assert!(
            self.boto.operations().await.iter().any(|name| name == operation),
            "the model knows {operation}"
        );
        let mut rows = Vec::new();
        for case in cases {
            rows.push(self.case(case).await);
        }
        let world = World(self.place.beside().await);
        let good = cases[0].prepare.input(&world).await;
        rows.extend(self.breaches(operation, &world, &good).await);
        for trouble in access::ALL {
            rows.push(self.trouble(operation, &trouble, &good).await);
        }
        rows
    }

    async fn case(&mut self, case: &Case) -> Row {
        let mut problems = [Vec::new(), Vec::new()];
        for (number, found) in problems.iter_mut().enumerate() {
            let world = World(match case.settings {
                Some(change) => Place::with(change).await,
                None => self.place.beside().await,
            });
            let input = case.prepare.input(&world).await;
            *found = self.ask(number, &world.0, case.operation, &input, &case.expected, Some(false)).await;
        }
        let answer = case.refusal().map_or("success".into(), told);
        Row { operation: case.operation, situation: case.situation.into(), answer, problems }
    }

    /// Breaches of one rule make one row.
    async fn breaches(&mut self, operation: &'static str, world: &World, good: &Value) -> Vec<Row> {
        let mut rules: Vec<(String, Vec<Breach>)> = Vec::new();
        for breach in self.boto.breaches(operation, good).await {
            match rules.iter_mut().find(|(rule, _)| *rule == breach.rule) {
                Some((_, breaches)) => breaches.push(breach),
                None => rules.push((breach.rule.clone(), vec![breach])),
            }
        }
        let mut rows = Vec::new();
        for (rule, breaches) in rules {
            rows.push(self.rule(operation, world, &rule, &breaches).await);
        }
        rows
    }

    async fn rule(&mut self, operation: &'static str, world: &World, rule: &str, breaches: &[Breach]) -> Row {
        let mut problems = [Vec::new(), Vec::new()];
        for breach in breaches {
            let says: &'static str = format!("*{}*", breach.says).leak();
            let kind: &'static str = breach.kind.clone().leak();
            let expected = Expected::Refusal(Refusal { kind, code: "", says });
            for (number, found) in problems.iter_mut().enumerate() {
                let wrong = self.ask(number, &world.0, operation, &breach.input, &expected, None).await;
                found.extend(wrong.into_iter().map(|problem| format!("{}: {problem}", breach.member)));
            }
        }
        let members: Vec<_> = breaches.iter().map(|breach| breach.member.as_str()).collect();
        let answer = format!("`{}`", breaches[0].kind);
        Row { operation, situation: format!("{rule}: {}", members.join(", ")), answer, problems }
    }

    async fn trouble(&mut self, operation: &'static str, trouble: &Trouble, good: &Value) -> Row {
        let expected = Expected::Refusal(trouble.refusal);
        let mut problems = [Vec::new(), Vec::new()];
        for (number, found) in problems.iter_mut().enumerate() {
            let place = match trouble.how {
                How::Late => &self.ahead,
                How::Early => &self.behind,
                _ => &self.place,
            };
            if let How::Fault(kind) = trouble.how {
                place.market.order_fault(kind, &Target::default(), 1).await.unwrap();
            }
            let access = access_of(place, Some(trouble.how));
            *found = self.ask_as(number, &access, operation, good, &expected, Some(false)).await;
        }
        Row { operation, situation: trouble.situation.into(), answer: told(trouble.refusal), problems }
    }

    async fn ask(
        &mut self,
        client: usize,
        place: &Place,
        operation: &str,
        input: &Value,
        expected: &Expected,
        past_checks: Option<bool>,
    ) -> Vec<String> {
        self.ask_as(client, &access_of(place, None), operation, input, expected, past_checks).await
    }

    /// Calls, and holds the answer against the model and what is expected. `past_checks` says whether the client's
    /// own checks must have been passed by; `None` leaves that open.
    async fn ask_as(
        &mut self,
        client: usize,
        access: &Access,
        operation: &str,
        input: &Value,
        expected: &Expected,
        past_checks: Option<bool>,
    ) -> Vec<String> {
        let heard = match CLIENTS[client] {
            "boto3" => self.boto.send(access, operation, input).await,
            _ => client::send(&sdk(access), operation, input, access.signed).await,
        };
        let mut problems = self.boto.departures(operation, &heard).await;
        problems.extend(verdict::problems(&heard, expected));
        if past_checks.is_some_and(|expected| expected != heard.past_checks) {
            problems.push(format!("sent past the client's own checks: {}", heard.past_checks));
        }
        problems
    }
}

fn told(refusal: Refusal) -> String {
    super::documented::name(refusal).split(' ').map(|word| format!("`{word}`")).collect::<Vec<_>>().join(" ")
}

fn sdk(access: &Access) -> aws_sdk_mturk::Client {
    let client = harness::client(&access.endpoint, &access.key, &access.secret, 1);
    let region = aws_sdk_mturk::config::Region::new(access.region);
    aws_sdk_mturk::Client::from_conf(client.config().to_builder().region(region).build())
}

fn access_of(place: &Place, how: Option<How>) -> Access {
    let right = Access {
        endpoint: place.url.clone(),
        key: place.keys.access_key_id.clone(),
        secret: place.keys.secret_access_key.expose_secret().to_owned(),
        region: "us-east-1",
        signed: true,
    };
    match how {
        Some(How::UnknownKey) => Access { key: "AKIAUNKNOWN".into(), ..right },
        Some(How::WrongSecret) => Access { secret: "wrong".into(), ..right },
        Some(How::OtherRegion) => Access { region: "eu-central-1", ..right },
        Some(How::Unsigned) => Access { signed: false, ..right },
        _ => right,
    }
}
