//! Where templates are used: in threads of their own, few at once, because they compute.

use hostler_jobs::Rejection;
use hostler_model::{ErrorKind, Failure, Parsing, Phase, Problem};
use hostler_templates::Parser;
use std::sync::Arc;
use tokio::sync::Semaphore;

/// How many are used at once.
const AT_ONCE: usize = 2;

/// A place for templates. Clones are the same one.
#[derive(Clone)]
pub(crate) struct Templating(Arc<Semaphore>);

impl Default for Templating {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(AT_ONCE)))
    }
}

impl Templating {
    /// Does what computes, once there is room.
    pub(crate) async fn work<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Failure> {
        let room = Arc::clone(&self.0).acquire_owned().await.expect("nobody closes it");
        let work = move || {
            let _room = room;
            work()
        };
        tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| {
            let message = "The daemon failed at a template; its log says where.";
            Err(Failure::new(ErrorKind::Internal, Phase::Validate, message).with_detail(error))
        })
    }

    /// Tries the template of the field `parsing`, in which `named` has the parser's name. Errors: what is wrong with it.
    pub(crate) async fn try_parsing(&self, parsing: Parsing, named: &str) -> Result<(), Rejection> {
        let tried = self.work(move || Parser::new(&parsing)).await;
        tried.map(drop).map_err(|failure| wrong("parsing", named, failure))
    }
}

/// A template that is wrong is a wrong value in a field, in which `named` has the engine's name.
pub(crate) fn wrong(field: &str, named: &str, failure: Failure) -> Rejection {
    let (place, code) = match failure.kind {
        ErrorKind::Internal => return failure.into(),
        ErrorKind::NotFound => (named, "not_found"),
        ErrorKind::Unsupported => ("template", "unsupported"),
        _ => ("template", "template_error"),
    };
    Rejection::Invalid(vec![Problem::new([field, place], code, failure.message)])
}
