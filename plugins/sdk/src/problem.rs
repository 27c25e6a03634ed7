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

    /// A value that cannot be used, at the place itself: [`read_each`](Self::read_each) says where that is.
    pub fn value(message: impl Into<String>) -> Self {
        Self::new([""; 0], "value_error", message)
    }

    /// Reads each item of a list by itself. What is wrong with one is added to `problems`, with the list's
    /// name and the item's index before its path.
    pub fn read_each<V, T>(
        list: &str,
        items: impl IntoIterator<Item = V>,
        problems: &mut Vec<Self>,
        read: impl Fn(V) -> Result<T, Self>,
    ) -> Vec<T> {
        let mut read_items = Vec::new();
        for (index, item) in items.into_iter().enumerate() {
            match read(item) {
                Ok(item) => read_items.push(item),
                Err(mut problem) => {
                    problem.path.splice(0..0, [list.to_owned(), index.to_string()]);
                    problems.push(problem);
                }
            }
        }
        read_items
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
