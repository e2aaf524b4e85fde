//! The worker's door: from the recruiter's link to a seat in oTree and back to the recruiter.
//!
//! These pages stand in somebody else's frame, so they use no cookie; identity is in signed links.
//! Nothing here calls oTree or the recruiter: what a worker needs was prepared when the study was
//! published. Nobody but a person with an accepted assignment takes a seat.
//!
//! | part | one idea |
//! | --- | --- |
//! | [`arrive`] | `/go/<code>`: preview, or a seat |
//! | [`seat`] | `/w/<signed>`: status, the way to oTree, the way to submit |
//! | [`back`] | `/exit/<signed>`, `/back/<code>`: coming back from oTree |
//! | [`owed`] | `/owed/<code>`: the HIT of a compensation |
//! | `visitor` | who asks: a person, or a program that must not take a seat |
//! | `frame` | who may frame these pages, and where their form may go |

pub mod arrive;
pub mod back;
mod frame;
pub mod owed;
pub mod seat;
mod visitor;

use askama::Template;
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};

use super::error::WebResult;

/// A calm page that says what happened and what to do next.
#[derive(Template)]
#[template(path = "worker/notice.html")]
struct Notice<'a> {
    heading: &'a str,
    words: &'a str,
    /// What the worker should do; empty when nothing.
    advice: &'a str,
    /// Something to copy.
    code: &'a str,
    /// Seconds after which the page asks again by itself; 0 is never.
    again_in: u32,
}

impl Notice<'static> {
    const UNKNOWN: Self = Self {
        heading: "This link does not lead to a study",
        words: "The study may have been removed, or the link was cut off.",
        advice: "Please return this HIT. Returning it does you no harm.",
        code: "",
        again_in: 0,
    };
    const NOT_YET: Self = Self {
        heading: "One moment",
        words: "This study is being prepared. The page looks again by itself.",
        advice: "If it still says so after a few minutes, please return this HIT; that does you no harm.",
        code: "",
        again_in: 10,
    };
    const CLOSED: Self = Self {
        heading: "This study has ended",
        words: "It takes no more participants.",
        advice: "Please return this HIT. Returning it does you no harm. Thank you for your interest.",
        code: "",
        again_in: 0,
    };
    const FULL: Self = Self {
        heading: "All places are taken",
        words: "More people came than there are places. That is not your fault.",
        advice: "Please return this HIT. Returning it does you no harm. You may look again later: places are \
                 sometimes given back.",
        code: "",
        again_in: 0,
    };
    const GIVEN_BACK: Self = Self {
        heading: "Your place was given back",
        words: "The time for this HIT was over, or it was returned, before the study was opened.",
        advice: "If you still have the HIT, reload its page to ask for a place again. Otherwise there is nothing \
                 to do; this does you no harm.",
        code: "",
        again_in: 0,
    };
    const OTHER_BATCH: Self = Self {
        heading: "You have a place in this study already",
        words: "Each person can take part once, and this is another HIT of the same study.",
        advice: "Please return this HIT; that does you no harm. If you have not submitted the other one as yet, \
                 go on with it.",
        code: "",
        again_in: 0,
    };
    const COMPENSATED: Self = Self {
        heading: "You are paid for this study another way",
        words: "The researchers pay you for the work you have done with a HIT of its own, which only you can see.",
        advice: "Please return this HIT; that does you no harm. If you have not found the other one, write to the \
                 researchers.",
        code: "",
        again_in: 0,
    };
    const CROWDED: Self = Self {
        heading: "Many people are coming at this moment",
        words: "Your place is not decided yet. The page tries again by itself.",
        advice: "You can also reload it in a minute.",
        code: "",
        again_in: 5,
    };
    const SITE_DOWN: Self = Self {
        heading: "The study's server does not answer right now",
        words: "The researchers have been told. The page tries again by itself.",
        advice: "You can wait here or come back within the time of your HIT. If it takes too long, you may \
                 return the HIT; that does you no harm.",
        code: "",
        again_in: 20,
    };
    const PREPARING: Self = Self {
        heading: "Your place is being prepared",
        words: "This takes a few seconds. The page goes on by itself.",
        advice: "",
        code: "",
        again_in: 2,
    };
    const LOST: Self = Self {
        heading: "This study was interrupted",
        words: "The study's server has lost its data, so it cannot go on. That is not your fault.",
        advice: "If you had already finished, please submit your HIT. Otherwise return it; that does you no \
                 harm. The researchers see that you took part.",
        code: "",
        again_in: 0,
    };
}

impl Notice<'_> {
    fn show(&self, status: StatusCode) -> WebResult<Response> {
        Ok((status, Html(self.render()?)).into_response())
    }
}
