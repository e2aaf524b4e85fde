//! One answer, as it came over the wire and as the client understood it.

use serde::Deserialize;

#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct Heard {
    pub(super) status: u16,
    /// The body as it came.
    pub(super) body: String,
    pub(super) content_type: Option<String>,
    pub(super) request_id: Option<String>,
    /// Whether the input had to be sent past the client's own checks.
    pub(super) past_checks: bool,
    /// What came and is not in what the client made of it.
    pub(super) lost: Vec<String>,
    /// The error as the client tells it.
    pub(super) error: Option<Told>,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Told {
    pub(super) kind: String,
    pub(super) message: String,
    /// TurkErrorCode.
    pub(super) code: Option<String>,
    /// The client's own type for it.
    pub(super) modelled: String,
}
