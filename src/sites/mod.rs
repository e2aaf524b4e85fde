//! sites

kernel::typed_id!(
    /// Names one registered oTree site.
    SiteId
);
pub async fn client(_app: &crate::app::App, _site: SiteId) -> anyhow::Result<crate::otree::Client> {
    anyhow::bail!("not landed")
}
