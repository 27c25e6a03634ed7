//! Answers that are noticed when they have been sent.

use crate::connections::UnderWay;
use axum::body::{Body, Bytes, HttpBody};
use axum::response::Response;
use hyper::body::{Frame, SizeHint};
use std::pin::Pin;
use std::task::{Context, Poll};

/// The body of an answer. As long as it is there, its request is under way.
struct Whole {
    body: Body,
    #[expect(dead_code, reason = "it is held for its drop")]
    request: UnderWay,
}

/// Has the request under way until the answer is sent.
pub(crate) fn until_sent(answer: Response, request: UnderWay) -> Response {
    answer.map(|body| Body::new(Whole { body, request }))
}

impl HttpBody for Whole {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
