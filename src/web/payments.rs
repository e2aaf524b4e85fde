//! Who was paid what, across the lab's studies: added up, one by one, and as a file.

use askama::Template;
use axum::extract::{Query, State};
use axum::http::header;
use axum::response::IntoResponse;
use chrono::NaiveDate;
use kernel::money::Cents;
use serde::Deserialize;
use uuid::Uuid;

use super::csv::text_cell;
use super::error::WebResult;
use super::guard::Viewer;
use super::page::{Layout, Nav, show};
use crate::app::App;
use crate::labs::LabId;
use crate::payments::report::{self, By, Filter, Payment, Sum};
use crate::studies::StudyId;

/// Payments on one page.
const PAGE: i64 = 200;
/// Payments in one file.
const FILE: i64 = 1_000_000;

#[derive(Template)]
#[template(path = "payments/page.html")]
struct PaymentsPage {
    layout: Layout,
    lab: LabId,
    asked: Asked,
    by: By,
    studies: Vec<(Uuid, String)>,
    sums: Vec<Sum>,
    payments: Vec<Payment>,
    may_edit: bool,
    number: i64,
    more: bool,
}

/// What the address asks for; what cannot be read does not restrict.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Asked {
    by: String,
    study: String,
    worker: String,
    month: String,
    page: String,
}

impl Asked {
    fn filter(&self) -> Filter {
        let worker = self.worker.trim();
        Filter {
            study: self.study.parse().ok().map(StudyId),
            worker: (!worker.is_empty()).then(|| worker.to_owned()),
            month: NaiveDate::parse_from_str(&format!("{}-01", self.month.trim()), "%Y-%m-%d").ok(),
        }
    }

    fn number(&self) -> i64 {
        self.page.parse().unwrap_or(1).clamp(1, 1_000_000)
    }

    /// The address of the same view with something else by it.
    fn query(&self, by: &str, study: &str, worker: &str, month: &str) -> String {
        let pairs = [("by", by), ("study", study), ("worker", worker), ("month", month)];
        let given: Vec<_> = pairs.into_iter().filter(|(_, value)| !value.is_empty()).collect();
        serde_urlencoded::to_string(given).unwrap_or_default()
    }
}

/// `GET /labs/{lab}/payments`
///
/// # Errors
/// When the database does not answer.
pub async fn page(State(app): State<App>, viewer: Viewer, Query(asked): Query<Asked>) -> WebResult {
    let (lab, filter, by, number) = (viewer.lab.id, asked.filter(), By::parse(&asked.by), asked.number());
    let mut conn = app.pool.acquire().await?;
    let mut payments = report::payments(&mut conn, lab, &filter, ((number - 1) * PAGE, PAGE + 1)).await?;
    let more = payments.len() as i64 > PAGE;
    payments.truncate(PAGE as usize);
    show(&PaymentsPage {
        sums: report::sums(&mut conn, lab, &filter, by).await?,
        studies: report::studies(&mut conn, lab).await?,
        layout: Layout::in_lab(&viewer, Nav::Payments, "Payments").await?,
        may_edit: viewer.may_edit(),
        lab,
        asked,
        by,
        payments,
        number,
        more,
    })
}

/// `GET /labs/{lab}/payments.csv`: the payments one by one. Viewers get no ids that name anybody.
///
/// # Errors
/// When the database does not answer.
pub async fn file(State(app): State<App>, viewer: Viewer, Query(asked): Query<Asked>) -> WebResult {
    let mut conn = app.pool.acquire().await?;
    let payments = report::payments(&mut conn, viewer.lab.id, &asked.filter(), (0, FILE)).await?;
    drop(conn);
    let file = write(&payments, viewer.may_edit())?;
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"payments.csv\""),
    ];
    Ok((headers, file).into_response())
}

const COLUMNS: [&str; 12] = [
    "paid_at",
    "study_id",
    "study",
    "environment",
    "pseudonym",
    "worker_id",
    "assignment_id",
    "what",
    "currency",
    "amount",
    "fee",
    "words",
];

fn write(payments: &[Payment], may_see_ids: bool) -> anyhow::Result<Vec<u8>> {
    let mut csv = csv::Writer::from_writer(Vec::new());
    csv.write_record(COLUMNS)?;
    for one in payments {
        let private = |text: &str| if may_see_ids { text_cell(text) } else { String::new() };
        csv.write_record([
            one.at.format("%Y-%m-%dT%H:%M:%SZ").to_string(),
            one.study_id.to_string(),
            text_cell(&one.study),
            one.environment.clone(),
            text_cell(&one.pseudonym),
            private(&one.worker),
            private(&one.assignment_id),
            one.kind.as_str().to_owned(),
            one.currency.clone(),
            one.amount.to_string(),
            one.fee.to_string(),
            text_cell(&one.words),
        ])?;
    }
    Ok(csv.into_inner()?)
}

impl PaymentsPage {
    /// The address with everything as it is.
    fn here(&self) -> String {
        self.with_by(&self.by)
    }

    fn with_by(&self, by: &By) -> String {
        self.asked.query(by.as_str(), &self.asked.study, &self.asked.worker, &self.asked.month)
    }

    /// The address of what a line adds up.
    fn inside(&self, sum: &Sum) -> String {
        let asked = &self.asked;
        match self.by {
            By::Study => asked.query("worker", &sum.key, &asked.worker, &asked.month),
            By::Worker => asked.query("study", &asked.study, &sum.key, &asked.month),
            By::Month => asked.query("study", &asked.study, &asked.worker, &sum.key),
        }
    }

    /// Everything together, one line for each currency; play money apart from money.
    fn totals(&self) -> Vec<(String, Cents)> {
        let mut totals: Vec<(String, Cents)> = Vec::new();
        for sum in &self.sums {
            let name = format!("{} {}", sum.environment, sum.currency);
            match totals.iter_mut().find(|(known, _)| *known == name) {
                Some((_, total)) => *total = *total + sum.total(),
                None => totals.push((name, sum.total())),
            }
        }
        totals
    }

    /// The share of a line in the largest, in percent.
    fn share(&self, sum: &Sum) -> i64 {
        let most = self.sums.iter().map(|sum| sum.total().0).max().unwrap_or(1).max(1);
        sum.total().0 * 100 / most
    }
}
