//! One thing to try: an operation, a situation, the input, and what the service must answer.

use futures_util::future::LocalBoxFuture;
use market::Settings;
use serde_json::Value;

use super::world::World;

/// Prepares the situation and gives the input; both clients get a world of their own.
pub(super) trait Prepare {
    fn input<'a>(&'a self, world: &'a World) -> LocalBoxFuture<'a, Value>;
}

impl<F: AsyncFn(&World) -> Value> Prepare for F {
    fn input<'a>(&'a self, world: &'a World) -> LocalBoxFuture<'a, Value> {
        Box::pin(self(world))
    }
}

pub(super) struct Case {
    pub(super) operation: &'static str,
    /// As the table says it.
    pub(super) situation: &'static str,
    pub(super) prepare: Box<dyn Prepare>,
    pub(super) expected: Expected,
    /// A marketplace that behaves otherwise than usual.
    pub(super) settings: Option<fn(&mut Settings)>,
}

pub(super) enum Expected {
    /// The members of the answer that the situation decides, by JSON pointer.
    Success(Vec<(&'static str, Value)>),
    Refusal(Refusal),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Refusal {
    /// `__type`.
    pub(super) kind: &'static str,
    /// TurkErrorCode without `AWS.MechanicalTurk.`; empty when there is none.
    pub(super) code: &'static str,
    /// What the message says; a star stands for anything.
    pub(super) says: &'static str,
}

pub(super) fn works(
    operation: &'static str,
    situation: &'static str,
    prepare: impl AsyncFn(&World) -> Value + 'static,
) -> Case {
    Case::new(operation, situation, Expected::Success(Vec::new()), Box::new(prepare))
}

pub(super) fn fails(
    operation: &'static str,
    situation: &'static str,
    refusal: Refusal,
    prepare: impl AsyncFn(&World) -> Value + 'static,
) -> Case {
    Case::new(operation, situation, Expected::Refusal(refusal), Box::new(prepare))
}

/// The object is missing or its state forbids it.
pub(super) const fn request(code: &'static str, says: &'static str) -> Refusal {
    Refusal { kind: "RequestError", code, says }
}

/// The value is wrong for its domain.
pub(super) const fn parameter(code: &'static str, says: &'static str) -> Refusal {
    Refusal { kind: "ParameterValidationError", code, says }
}

/// A value outside its limits.
pub(super) const fn range(says: &'static str) -> Refusal {
    parameter("AWS.ParameterOutOfRange", says)
}

/// A value that cannot be one.
pub(super) const fn invalid(says: &'static str) -> Refusal {
    parameter("InvalidParameterValue", says)
}

/// Two members that exclude each other.
pub(super) const fn combination(says: &'static str) -> Refusal {
    Refusal { kind: "InvalidParameterCombinationError", code: "", says }
}

impl Case {
    fn new(
        operation: &'static str,
        situation: &'static str,
        expected: Expected,
        prepare: Box<dyn Prepare>,
    ) -> Self {
        Self { operation, situation, prepare, expected, settings: None }
    }

    /// A member that the answer must have.
    pub(super) fn gives(mut self, pointer: &'static str, value: impl Into<Value>) -> Self {
        if let Expected::Success(members) = &mut self.expected {
            members.push((pointer, value.into()));
        }
        self
    }

    pub(super) fn with(mut self, settings: fn(&mut Settings)) -> Self {
        self.settings = Some(settings);
        self
    }

    /// In a marketplace of its own, because it turns the clock.
    pub(super) fn alone(self) -> Self {
        self.with(|_| {})
    }

    pub(super) fn refusal(&self) -> Option<Refusal> {
        match self.expected {
            Expected::Refusal(refusal) => Some(refusal),
            Expected::Success(_) => None,
        }
    }
}
