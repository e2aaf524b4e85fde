//! Members of a JSON input as the types that the SDK's builders take.

use aws_sdk_mturk::primitives::DateTime;
use aws_sdk_mturk::types::{
    AssignmentStatus, Comparator, EventType, HitAccessActions, Locale, NotificationSpecification,
    NotificationTransport, QualificationRequirement, QualificationStatus, QualificationTypeStatus,
    ReviewPolicy, ReviewPolicyLevel, ReviewableHitStatus,
};
use serde_json::Value;

pub(super) struct Input(Value);

/// A value that a builder takes; `None` when the JSON cannot be one.
pub(super) trait Member: Sized {
    fn read(value: &Value) -> Option<Self>;
}

impl Input {
    pub(super) fn new(input: Value) -> Self {
        Self(input)
    }

    pub(super) fn get<T: Member>(&self, name: &str) -> Option<T> {
        T::read(self.0.get(name)?)
    }
}

impl Member for String {
    fn read(value: &Value) -> Option<Self> {
        value.as_str().map(str::to_owned)
    }
}

impl Member for i32 {
    fn read(value: &Value) -> Option<Self> {
        value.as_i64()?.try_into().ok()
    }
}

impl Member for i64 {
    fn read(value: &Value) -> Option<Self> {
        value.as_i64()
    }
}

impl Member for bool {
    fn read(value: &Value) -> Option<Self> {
        value.as_bool()
    }
}

impl Member for DateTime {
    fn read(value: &Value) -> Option<Self> {
        value.as_f64().map(DateTime::from_secs_f64)
    }
}

impl<T: Member> Member for Vec<T> {
    fn read(value: &Value) -> Option<Self> {
        value.as_array()?.iter().map(T::read).collect()
    }
}

/// Enumerations take any word; one they do not know goes out as it is.
macro_rules! words {
    ($($name:ty),*) => {$(
        impl Member for $name {
            fn read(value: &Value) -> Option<Self> {
                value.as_str().map(Self::from)
            }
        }
    )*};
}
words!(
    AssignmentStatus,
    Comparator,
    EventType,
    HitAccessActions,
    NotificationTransport,
    QualificationStatus,
    QualificationTypeStatus,
    ReviewPolicyLevel,
    ReviewableHitStatus
);

fn part<T: Member>(value: &Value, name: &str) -> Option<T> {
    T::read(value.get(name)?)
}

impl Member for Locale {
    fn read(value: &Value) -> Option<Self> {
        let built = Self::builder().set_country(part(value, "Country"));
        built.set_subdivision(part(value, "Subdivision")).build().ok()
    }
}

impl Member for QualificationRequirement {
    #[expect(deprecated, reason = "old scripts still say RequiredToPreview")]
    fn read(value: &Value) -> Option<Self> {
        let built = Self::builder()
            .set_qualification_type_id(part(value, "QualificationTypeId"))
            .set_comparator(part(value, "Comparator"))
            .set_integer_values(part(value, "IntegerValues"))
            .set_locale_values(part(value, "LocaleValues"))
            .set_required_to_preview(part(value, "RequiredToPreview"))
            .set_actions_guarded(part(value, "ActionsGuarded"));
        built.build().ok()
    }
}

impl Member for NotificationSpecification {
    fn read(value: &Value) -> Option<Self> {
        let built = Self::builder()
            .set_destination(part(value, "Destination"))
            .set_transport(part(value, "Transport"))
            .set_version(part(value, "Version"))
            .set_event_types(part(value, "EventTypes"));
        built.build().ok()
    }
}

impl Member for ReviewPolicy {
    fn read(value: &Value) -> Option<Self> {
        Self::builder().set_policy_name(part(value, "PolicyName")).build().ok()
    }
}
