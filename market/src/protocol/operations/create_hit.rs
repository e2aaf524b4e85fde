//! Publishing HITs, with a type of their own or one that is registered.

use chrono::Duration;
use serde_json::{Value, json};

use super::hit_types::{YEAR, properties};
use super::{Call, Operation};
use crate::engine::Refusal;
use crate::engine::hit_types::{self, Properties};
use crate::engine::lifetimes::{self, NewHit};
use crate::engine::question::{Question, QuestionError};
use crate::protocol::failure::Failure;
use crate::protocol::fields::Fields;
use crate::protocol::shapes;

const MOST_PLACES: i64 = 1_000_000_000;

pub(crate) struct CreateHit {
    properties: Properties,
    new: NewHit,
}

impl Operation for CreateHit {
    const NAME: &'static str = "CreateHIT";

    fn read(fields: &mut Fields) -> Self {
        Self { properties: properties(fields), new: new_hit(fields) }
    }

    async fn run(self, call: &mut Call<'_>) -> Result<Value, Failure> {
        if let Some(made) = call.take_token(self.new.token.as_deref()).await? {
            return Err(Refusal::HitExists(made).into());
        }
        let hit_type_id =
            hit_types::register(call.conn, call.now, call.requester_id, &self.properties).await?;
        publish(call, &hit_type_id, &self.new).await
    }
}

pub(crate) struct CreateHitWithHitType {
    hit_type_id: String,
    new: NewHit,
}

impl Operation for CreateHitWithHitType {
    const NAME: &'static str = "CreateHITWithHITType";

    fn read(fields: &mut Fields) -> Self {
        Self { hit_type_id: fields.required_id("HITTypeId"), new: new_hit(fields) }
    }

    async fn run(self, call: &mut Call<'_>) -> Result<Value, Failure> {
        if let Some(made) = call.take_token(self.new.token.as_deref()).await? {
            return Err(Refusal::HitExists(made).into());
        }
        publish(call, &self.hit_type_id, &self.new).await
    }
}

async fn publish(call: &mut Call<'_>, hit_type_id: &str, new: &NewHit) -> Result<Value, Failure> {
    let settings = call.market.settings();
    Question::parse(&new.question, settings.allow_http_questions)?;
    let fees = &settings.fees;
    let hit = lifetimes::create(call.conn, call.now, call.requester_id, fees, hit_type_id, new).await?;
    call.settle_token(new.token.as_deref(), &hit.hit_id).await?;
    Ok(json!({ "HIT": shapes::hit(&hit, call.now) }))
}

/// The members of a HIT beside its type.
fn new_hit(fields: &mut Fields) -> NewHit {
    for policy in ["AssignmentReviewPolicy", "HITReviewPolicy"] {
        if fields.value(policy).is_some() {
            let message = format!("{policy} is not offered by this marketplace.");
            fields.wrong(Failure::parameter("AWS.MechanicalTurk.InvalidParameterValue", message));
        }
    }
    NewHit {
        places: fields.bounded_integer("MaxAssignments", 1..=MOST_PLACES).unwrap_or(1),
        lifetime: Duration::seconds(
            fields.required_bounded_integer("LifetimeInSeconds", 30..=YEAR).clamp(0, YEAR),
        ),
        question: question(fields),
        requester_annotation: fields.bounded_text("RequesterAnnotation", 255),
        token: fields.token(),
    }
}

fn question(fields: &mut Fields) -> String {
    let (question, layout) = (fields.text("Question"), fields.id("HITLayoutId"));
    match (&question, layout) {
        (Some(_), Some(_)) => {
            let message = "Question and HITLayoutId cannot be used together.";
            fields.wrong(Failure::client("InvalidParameterCombinationError", message));
        }
        (None, Some(layout)) => fields.wrong(Failure::invalid("HITLayoutId", &layout)),
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
            QuestionError::Malformed(_) => "AWS.MechanicalTurk.XMLParseError",
            QuestionError::TooLong => "AWS.ParameterOutOfRange",
            QuestionError::Address => "AWS.MechanicalTurk.InvalidParameterValue",
        };
        Self::parameter(code, error.to_string())
    }
}
