//! p
pub const NAME: &str = "payer";
