//! sites

kernel::typed_id!(
    /// Names one registered oTree site.
    SiteId
);
