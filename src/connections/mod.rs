//! connections

kernel::typed_id!(
    /// Names one connection.
    ConnectionId
);
pub async fn recruiter(
    _app: &crate::app::App,
    _connection: ConnectionId,
) -> anyhow::Result<std::sync::Arc<dyn crate::recruiters::Recruiter>> {
    anyhow::bail!("not landed")
}

pub struct Place {
    pub submit_sites: Vec<String>,
    pub frame_ancestors: Vec<String>,
}
pub async fn place(_app: &crate::app::App, _id: ConnectionId) -> anyhow::Result<Place> {
    anyhow::bail!("not landed")
}
