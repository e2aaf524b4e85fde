//! labs

kernel::typed_id!(
    /// Names one lab.
    LabId
);
