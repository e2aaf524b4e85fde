//! s
pub const NAME: &str = "settler";
