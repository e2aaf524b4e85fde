//! connections

kernel::typed_id!(
    /// Names one connection.
    ConnectionId
);
