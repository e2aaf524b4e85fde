//! Publishing HITs, with a type of their own or one that is registered.

use chrono::Duration;
use serde_json::{Value, json};

use super::hit_types::{YEAR, properties};
use super::{Call, Operation};
use crate::engine::Refusal;
use crate::engine::counters::Then;
use crate::engine::hit_types::{self, Properties};
use crate::engine::lifetimes::{self, NewHit};
use crate::engine::question::{Question, QuestionError};
use crate::engine::review_policies::{self, ReviewPolicies};
use crate::protocol::failure::Failure;
use crate::protocol::fields::Fields;
use crate::protocol::{policies, shapes};

const MOST_PLACES: i64 = 1_000_000_000;
/// Seconds of the shortest lifetime.
const SHORTEST: i64 = 30;
const DAY: i64 = 86_400;

/// What comes with a HIT beside its type.
struct Publication {
    new: NewHit,
    policies: ReviewPolicies,
}

pub(crate) struct CreateHit {
    properties: Properties,
    publication: Publication,
}

impl Operation for CreateHit {
    const NAME: &'static str = "CreateHIT";

    fn read(fields: &mut Fields) -> Self {
        Self { properties: properties(fields), publication: publication(fields) }
    }

    async fn run(self, call: &mut Call<'_>) -> Result<Value, Failure> {
        check_lifetime(call, &self.publication.new)?;
        if let Some(made) = call.take_token(self.publication.new.token.as_deref()).await? {
            return Err(call.repeated_hit(made));
        }
        call.check_requirements(&self.properties).await?;
        let hit_type_id =
            hit_types::register(call.conn, call.now, call.requester_id, &self.properties).await?;
        publish(call, &hit_type_id, &self.publication).await
    }
}

pub(crate) struct CreateHitWithHitType {
    hit_type_id: String,
    publication: Publication,
}

impl Operation for CreateHitWithHitType {
    const NAME: &'static str = "CreateHITWithHITType";

    fn read(fields: &mut Fields) -> Self {
        Self { hit_type_id: fields.required_id("HITTypeId"), publication: publication(fields) }
    }

    async fn run(self, call: &mut Call<'_>) -> Result<Value, Failure> {
        check_lifetime(call, &self.publication.new)?;
        if let Some(made) = call.take_token(self.publication.new.token.as_deref()).await? {
            return Err(call.repeated_hit(made));
        }
        publish(call, &self.hit_type_id, &self.publication).await
    }
}

/// Holds the lifetime against the cap that one client met, where it is switched on: then the range ends there.
fn check_lifetime(call: &Call<'_>, new: &NewHit) -> Result<(), Failure> {
    let seconds = new.lifetime.num_seconds();
    let longest = match call.quirks.longest_lifetime_days {
        0 => YEAR,
        days => YEAR.min(i64::from(days) * DAY),
    };
    if seconds > longest {
        return Err(Failure::out_of_range("LifetimeInSeconds", seconds, &(SHORTEST..=longest)));
    }
    Ok(())
}

async fn publish(
    call: &mut Call<'_>,
    hit_type_id: &str,
    Publication { new, policies }: &Publication,
) -> Result<Value, Failure> {
    if !policies.is_empty() && !call.quirks.accept_review_policies {
        let message = "Review policies are not offered by this marketplace.";
        return Err(Failure::parameter("AWS.MechanicalTurk.InvalidParameterValue", message));
    }
    let settings = call.market.settings();
    Question::parse_new(&new.question, settings.allow_http_questions)?;
    let fees = &settings.fees;
    let hit = if call.quirks.no_holds {
        lifetimes::create_unheld(call.conn, call.now, call.requester_id, fees, hit_type_id, new).await?
    } else {
        lifetimes::create(call.conn, call.now, call.requester_id, fees, hit_type_id, new).await?
    };
    if !policies.is_empty() {
        review_policies::keep(call.conn, &hit.hit_id, policies).await?;
    }
    call.settle_token(new.token.as_deref(), &hit.hit_id).await?;
    Ok(json!({ "HIT": shapes::hit(&hit, call.now, &Then::default()) }))
}

fn publication(fields: &mut Fields) -> Publication {
    let policies = policies::read(fields);
    Publication { new: new_hit(fields), policies }
}

/// The members of a HIT beside its type and its policies.
fn new_hit(fields: &mut Fields) -> NewHit {
    NewHit {
        places: fields.bounded_integer("MaxAssignments", 1..=MOST_PLACES).unwrap_or(1),
        lifetime: Duration::seconds(
            fields.required_bounded_integer("LifetimeInSeconds", SHORTEST..=YEAR).clamp(0, YEAR),
        ),
        question: question(fields),
        requester_annotation: annotation(fields),
        token: fields.token(),
    }
}

/// 255 ASCII characters, by the guide.
fn annotation(fields: &mut Fields) -> Option<String> {
    let annotation = fields.bounded_text("RequesterAnnotation", 255)?;
    if !annotation.is_ascii() {
        fields.wrong(Failure::invalid("RequesterAnnotation", &annotation));
    }
    Some(annotation)
}

fn question(fields: &mut Fields) -> String {
    policies::check_layout_parameters(fields);
    let (question, layout) = (fields.text("Question"), fields.id("HITLayoutId"));
    match (&question, layout) {
        (Some(_), Some(_)) => {
            let message = "Question and HITLayoutId cannot be used together.";
            fields.wrong(Failure::client("InvalidParameterCombinationError", message));
        }
        // Layouts were made on the requester site, which is not here, so there is none.
        (None, Some(layout)) => fields.wrong(Failure::request(
            Some("AWS.MechanicalTurk.HITLayoutDoesNotExist"),
            format!("HITLayout {layout} does not exist."),
        )),
        (None, None) => {
            let message = "A HIT needs either a Question or a HITLayoutId.";
            fields.wrong(Failure::parameter("AWS.MechanicalTurk.InvalidParameterValue", message));
        }
        (Some(_), None) => {}
    }
    question.unwrap_or_default()
}

impl From<QuestionError> for Failure {
    fn from(error: QuestionError) -> Self {
        let code = match error {
            QuestionError::Form(error) => return Refusal::Document(error).into(),
            QuestionError::Malformed(_) => "AWS.MechanicalTurk.XMLParseError",
            QuestionError::TooLong => "AWS.ParameterOutOfRange",
            QuestionError::Address => "AWS.MechanicalTurk.InvalidParameterValue",
        };
        Self::parameter(code, error.to_string())
    }
}
