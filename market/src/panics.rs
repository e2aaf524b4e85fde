//! A panic in a handler is ours to mend; whoever asked gets an answer all the same.

use std::any::Any;

use axum::response::Response;
use tower_http::catch_panic::{CatchPanicLayer, ResponseForPanic};

/// Turns a panic of the handlers below into `answer`, which is given the panic's words for the log.
pub(crate) fn caught<F: Fn(&str) -> Response + Clone>(answer: F) -> CatchPanicLayer<Answer<F>> {
    CatchPanicLayer::custom(Answer(answer))
}

/// What is answered instead of a panic.
#[derive(Clone)]
pub(crate) struct Answer<F>(F);

impl<F: Fn(&str) -> Response + Clone> ResponseForPanic for Answer<F> {
    type ResponseBody = axum::body::Body;

    fn response_for_panic(&mut self, panic: Box<dyn Any + Send + 'static>) -> Response {
        let words = panic.downcast_ref::<String>().map(String::as_str);
        let words = words.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no words");
        tracing::error!(panic = words, "A handler of the marketplace panicked");
        (self.0)(words)
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::http::{Request, StatusCode};
    use axum::response::IntoResponse;
    use axum::{Router, routing::get};
    use tower::ServiceExt;

    use super::*;

    #[tokio::test]
    async fn who_asked_is_answered() {
        let overflow = async || -> &'static str { panic!("out of range") };
        let answer = |words: &str| (StatusCode::INTERNAL_SERVER_ERROR, words.to_owned()).into_response();
        let router: Router = Router::new().route("/", get(overflow)).layer(caught(answer));
        let response = router.oneshot(Request::new(Body::empty())).await.unwrap();
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        let body = axum::body::to_bytes(response.into_body(), 100).await.unwrap();
        assert_eq!(body, "out of range");
    }
}
