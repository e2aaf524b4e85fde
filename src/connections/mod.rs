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
