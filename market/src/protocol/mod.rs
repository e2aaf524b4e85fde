//! The requester protocol: signed JSON requests to one address, told apart by a header.
//!
//! | module | one idea |
//! | --- | --- |
//! | `wire` | one request from bytes to bytes: who signed it, which operation, what trouble was ordered |
//! | `sigv4` | whether the signature is right, and what exactly is wrong with it |
//! | `operations` | the registry: each operation reads its input, checks it and calls the engine |
//! | `fields` | reading members of the input, collecting everything that breaks a rule |
//! | `failure` | the shapes of errors |
//! | `foreign` | what is said of somebody else's objects |
//! | `sqs` | queues of notifications, read with the calls of SQS |
//! | `shapes`, `paging`, `requirements` | HITs and assignments as JSON, pages and their tokens, qualification requirements |
//! | `policies` | review policies and layout parameters, checked |

mod failure;
mod fields;
mod foreign;
mod operations;
mod paging;
mod policies;
mod requirements;
mod shapes;
mod sigv4;
mod sqs;
mod wire;

pub(crate) use fields::has_nul;

use axum::Router;
use axum::routing::post;

use crate::{Market, panics};

/// The names of all operations this server knows.
pub fn operations() -> impl Iterator<Item = &'static str> {
    operations::REGISTRY.iter().map(|entry| entry.name)
}

/// POST `/` and POST `/requester`, and a queue's own address.
pub fn router(market: Market) -> Router {
    let asked = market.clone();
    Router::new()
        .route("/", post(wire::handle))
        .route("/requester", post(wire::handle))
        .route("/requester/", post(wire::handle))
        .route("/sqs/{requester_id}/{queue}", post(wire::handle))
        .layer(panics::caught(move |_: &str| wire::broken(&asked)))
        .with_state(market)
}
