//! How problems and errors are made.

use crate::{Error, Problem};

impl Problem {
    /// Something wrong at a place of a request or of settings: the field names and array indices from
    /// the top, a stable word (one of pydantic's where it fits: `missing`, `value_error`), and one
    /// sentence that tells the person what to do.
    pub fn new<P: Into<String>>(
        path: impl IntoIterator<Item = P>,
        code: impl Into<String>,
        message: impl Into<String>,
    ) -> Self {
        Self { path: path.into_iter().map(Into::into).collect(), code: code.into(), message: message.into() }
    }
}

impl Error {
    /// Why something could not be done: a stable word in kebab case, the phase in which it happened
    /// (`validate`, `connect`, `auth`, `exec`, `plugin`, ...), and one sentence that tells the person
    /// what to do.
    pub fn new(kind: impl Into<String>, phase: impl Into<String>, message: impl Into<String>) -> Self {
        Self { kind: kind.into(), phase: phase.into(), message: message.into() }
    }
}
