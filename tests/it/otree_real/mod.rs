//! What only a real oTree can show. `OTREE6_BIN` and `OTREE5_BIN` name the programs.

mod adapter;
mod behaviours;
mod rules;
mod sites;
mod template;

/// Runs each of these tests against both releases.
macro_rules! on_both_releases {
    ($($test:ident),+ $(,)?) => {
        mod six {
            $(#[tokio::test] async fn $test() { super::$test(crate::support::otree::Release::Six).await })+
        }
        mod five {
            $(#[tokio::test] async fn $test() { super::$test(crate::support::otree::Release::Five).await })+
        }
    };
}
pub(crate) use on_both_releases;
