//! One thing that is wrong with a request.

use serde::Serialize;
use utoipa::ToSchema;

/// One thing that is wrong with a request: where, what sort, and a sentence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Problem {
    /// Field names and array indices from the top of the request.
    pub path: Vec<String>,
    /// A stable word for the sort of problem. Words of pydantic (`missing`, `int_parsing`,
    /// `literal_error`, `extra_forbidden`) are used where they fit, because clients know them.
    pub code: String,
    /// One sentence that tells the person what to do. Never holds a secret.
    pub message: String,
}

impl Problem {
    /// A problem at a place.
    pub fn new<P: Into<String>>(
        path: impl IntoIterator<Item = P>,
        code: impl Into<String>,
        message: impl Into<String>,
    ) -> Self {
        Self { path: path.into_iter().map(Into::into).collect(), code: code.into(), message: message.into() }
    }
}
