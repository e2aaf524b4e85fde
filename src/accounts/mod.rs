//! accounts

kernel::typed_id!(
    /// Names one account.
    AccountId
);
