//! Kinds of qualifications, and the HITs that require them.

use serde_json::{Value, json};

use super::{Call, Operation};
use crate::engine::qualifications::types::{self, Changes, NewType, QualificationType, Search, Test};
use crate::engine::{Refusal, earlier, hits};
use crate::protocol::failure::Failure;
use crate::protocol::fields::Fields;
use crate::protocol::paging::PageRequest;
use crate::protocol::shapes::{self, object, time};

const STATUSES: [&str; 2] = ["Active", "Inactive"];
const NOT_NEGATIVE: std::ops::RangeInclusive<i64> = 0..=i64::MAX;
/// The reference gives no bounds; a year is what other durations have.
const SECONDS: std::ops::RangeInclusive<i64> = 1..=31_536_000;
/// Seconds.
const HOUR: i64 = 3600;
/// Bytes of a test or a key.
const LONGEST: usize = 65_535;
const NO_DURATION: &str = "A Test needs TestDurationInSeconds.";
/// Values travel as 32-bit integers.
pub(super) const VALUES: std::ops::RangeInclusive<i64> = i32::MIN as i64..=i32::MAX as i64;

pub(crate) struct CreateQualificationType(NewType);

impl Operation for CreateQualificationType {
    const NAME: &'static str = "CreateQualificationType";

    fn read(fields: &mut Fields) -> Self {
        let test = test(fields);
        let name = fields.required_bounded_text("Name", 200);
        if name.trim().is_empty() && fields.value("Name").is_some() {
            fields.wrong(Failure::invalid("Name", &name));
        }
        Self(NewType {
            name,
            description: fields.required_bounded_text("Description", 2000),
            keywords: fields.bounded_text("Keywords", 1000).filter(|keywords| !keywords.is_empty()),
            active: fields.required_choice("QualificationTypeStatus", &STATUSES) == "Active",
            retry_delay: fields.bounded_integer("RetryDelayInSeconds", NOT_NEGATIVE),
            auto_granted: fields.flag("AutoGranted"),
            auto_granted_value: fields.bounded_integer("AutoGrantedValue", VALUES).unwrap_or(1),
            test,
        })
    }

    async fn run(self, call: &mut Call<'_>) -> Result<Value, Failure> {
        let since = earlier(call.now, i64::from(call.quirks.name_kept_hours) * HOUR);
        types::name_is_free(call.conn, call.requester_id, &self.0.name, since).await?;
        let made = types::create(call.conn, call.now, call.requester_id, &self.0).await?;
        Ok(json!({ "QualificationType": shape(&made, call.requester_id) }))
    }
}

pub(crate) struct UpdateQualificationType {
    id: String,
    changes: Changes,
}

impl Operation for UpdateQualificationType {
    const NAME: &'static str = "UpdateQualificationType";

    fn read(fields: &mut Fields) -> Self {
        let form = document(fields, "Test");
        let test_duration = fields.bounded_integer("TestDurationInSeconds", SECONDS);
        if form.is_some() && test_duration.is_none() {
            fields.wrong(Failure::parameter("AWS.MechanicalTurk.InvalidParameterValue", NO_DURATION));
        }
        let status = fields.choice("QualificationTypeStatus", &STATUSES);
        let changes = Changes {
            description: fields.bounded_text("Description", 2000),
            active: status.map(|status| status == "Active"),
            retry_delay: fields.bounded_integer("RetryDelayInSeconds", NOT_NEGATIVE),
            auto_granted: fields.optional_flag("AutoGranted"),
            auto_granted_value: fields.bounded_integer("AutoGrantedValue", VALUES),
            form,
            key: document(fields, "AnswerKey"),
            test_duration,
        };
        Self { id: fields.required_id("QualificationTypeId"), changes }
    }

    async fn run(self, call: &mut Call<'_>) -> Result<Value, Failure> {
        let changed = types::update(call.conn, call.now, call.requester_id, &self.id, &self.changes).await?;
        Ok(json!({ "QualificationType": shape(&changed, call.requester_id) }))
    }
}

/// The test of a new type: a form with a duration, perhaps with a key.
fn test(fields: &mut Fields) -> Option<Test> {
    let (form, key) = (document(fields, "Test"), document(fields, "AnswerKey"));
    let duration = fields.bounded_integer("TestDurationInSeconds", SECONDS);
    let wrong = match (&form, &key, duration) {
        (None, None, None) | (Some(_), _, Some(_)) => None,
        (Some(_), _, None) => Some(NO_DURATION),
        (None, ..) => Some("AnswerKey and TestDurationInSeconds need a Test."),
    };
    if let Some(why) = wrong {
        fields.wrong(Failure::parameter("AWS.MechanicalTurk.InvalidParameterValue", why));
    }
    Some(Test { form: form?, key, duration: duration? })
}

/// A document of at most 65,535 bytes; what is in it is checked together with what it belongs to.
fn document(fields: &mut Fields, name: &str) -> Option<String> {
    let document = fields.text(name)?;
    if document.len() > LONGEST {
        let message = format!("{name} must be at most {LONGEST} bytes long.");
        fields.wrong(Failure::parameter("AWS.ParameterOutOfRange", message));
    }
    Some(document)
}

pub(crate) struct DeleteQualificationType(String);

impl Operation for DeleteQualificationType {
    const NAME: &'static str = "DeleteQualificationType";

    fn read(fields: &mut Fields) -> Self {
        Self(fields.required_id("QualificationTypeId"))
    }

    async fn run(self, call: &mut Call<'_>) -> Result<Value, Failure> {
        types::delete(call.conn, call.now, call.requester_id, &self.0).await?;
        Ok(json!({}))
    }
}

pub(crate) struct GetQualificationType(String);

impl Operation for GetQualificationType {
    const NAME: &'static str = "GetQualificationType";

    fn read(fields: &mut Fields) -> Self {
        Self(fields.required_id("QualificationTypeId"))
    }

    async fn run(self, call: &mut Call<'_>) -> Result<Value, Failure> {
        let found = known(call, &self.0).await?;
        Ok(json!({ "QualificationType": shape(&found, call.requester_id) }))
    }
}

/// Anybody's, and the market's own.
async fn known(call: &mut Call<'_>, id: &str) -> Result<QualificationType, Failure> {
    let found = types::find(call.conn, id).await?.filter(|kind| call.seen.shows(kind));
    Ok(found.ok_or_else(|| Refusal::NoSuchQualificationType(id.into()))?)
}

pub(crate) struct ListQualificationTypes {
    requestable: bool,
    owned: bool,
    query: Option<String>,
    page: PageRequest,
}

impl Operation for ListQualificationTypes {
    const NAME: &'static str = "ListQualificationTypes";

    fn read(fields: &mut Fields) -> Self {
        Self {
            requestable: fields.required_flag("MustBeRequestable"),
            owned: fields.flag("MustBeOwnedByCaller"),
            query: fields.text("Query").filter(|query| !query.is_empty()),
            page: PageRequest::read(fields),
        }
    }

    async fn run(self, call: &mut Call<'_>) -> Result<Value, Failure> {
        let query = self.query.as_deref();
        let list = call.list(&format!("{}/{}/{}", self.requestable, self.owned, query.unwrap_or_default()));
        let after = self.page.after_number(&list)?;
        let requester_id = self.owned.then_some(call.requester_id);
        let indexed = earlier(call.now, call.quirks.search_lag.into());
        let requestable = self.requestable;
        let made_until = Some(indexed);
        let search = Search { requester_id, requestable, query, made_until, ..Search::default() };
        let rows = types::page(call.conn, &search, after, self.page.limit()).await?;
        let (asker, key) = (call.requester_id, |row: &QualificationType| row.seq.to_string());
        Ok(self.page.answer(&list, "QualificationTypes", rows, key, |row| shape(row, asker)))
    }
}

pub(crate) struct ListHitsForQualificationType {
    id: String,
    page: PageRequest,
}

impl Operation for ListHitsForQualificationType {
    const NAME: &'static str = "ListHITsForQualificationType";

    fn read(fields: &mut Fields) -> Self {
        Self { id: fields.required_id("QualificationTypeId"), page: PageRequest::read(fields) }
    }

    async fn run(self, call: &mut Call<'_>) -> Result<Value, Failure> {
        known(call, &self.id).await?;
        let (list, now) = (call.list(&self.id), call.now);
        let after = self.page.after_number(&list)?;
        let limit = self.page.limit();
        let rows = hits::page_requiring(call.conn, call.requester_id, &self.id, after, limit).await?;
        let then = call.counters(&rows).await?;
        let key = |hit: &hits::Hit| hit.seq.to_string();
        Ok(self.page.answer(&list, "HITs", rows, key, |hit| shapes::hit(hit, now, &then)))
    }
}

/// The test and its key are for the requester who made them only.
fn shape(kind: &QualificationType, asker: &str) -> Value {
    let own = |text: &Option<String>| {
        text.as_ref().filter(|_| kind.requester_id.as_deref() == Some(asker)).map(|text| json!(text))
    };
    let status = if kind.active { "Active" } else { "Inactive" };
    object([
        ("QualificationTypeId", Some(json!(kind.qualification_type_id))),
        ("CreationTime", Some(time(kind.created_at))),
        ("Name", Some(json!(kind.name))),
        ("Description", Some(json!(kind.description))),
        ("Keywords", kind.keywords.as_ref().map(|keywords| json!(keywords))),
        ("QualificationTypeStatus", Some(json!(status))),
        ("RetryDelayInSeconds", kind.retry_delay.map(|delay| json!(delay))),
        ("Test", own(&kind.test)),
        ("TestDurationInSeconds", kind.test_duration.map(|seconds| json!(seconds))),
        ("AnswerKey", own(&kind.answer_key)),
        ("IsRequestable", Some(json!(kind.requestable))),
        ("AutoGranted", Some(json!(kind.auto_granted))),
        ("AutoGrantedValue", kind.auto_granted.then(|| json!(kind.auto_granted_value))),
    ])
}
