//! Who is asked before each step of a transfer.

use futures::FutureExt;
use futures::future::BoxFuture;
use hostler_model::{ErrorKind, Failure, Phase};
use hostler_remote::{FileChange, Overseer, Progress, Step};
use std::sync::{Arc, Mutex};

/// Writes down what it is asked and told, and allows it unless it was told otherwise.
#[derive(Default)]
pub(crate) struct Watch {
    /// What is in a step that is denied, and the kind that the denial has.
    denied: Option<(&'static str, ErrorKind)>,
    pub(crate) steps: Mutex<Vec<String>>,
    pub(crate) progress: Mutex<Vec<Progress>>,
}

impl Watch {
    pub(crate) fn denying(what: &'static str, kind: ErrorKind) -> Arc<Self> {
        Arc::new(Self { denied: Some((what, kind)), ..Self::default() })
    }

    /// How many steps began with this word.
    pub(crate) fn count(&self, word: &str) -> usize {
        self.steps.lock().expect("no panic").iter().filter(|step| step.starts_with(word)).count()
    }
}

impl Overseer for Watch {
    fn admit<'a>(&'a self, step: Step<'a>) -> BoxFuture<'a, Result<(), Failure>> {
        let step = match step {
            Step::List(path) => format!("list {path}"),
            Step::Read { remote, local, size } => format!("read {remote} to {local}, {size:?}"),
            Step::Write { remote, local, size } => format!("write {remote} from {local}, {size}"),
            Step::Change(FileChange::MakeFolder { path }) => format!("make folder {path}"),
            Step::Change(change) => format!("{change:?}"),
            Step::Exec(exec) => format!("exec {}", exec.command),
        };
        let answer = match &self.denied {
            Some((what, kind)) if step.contains(*what) => {
                Err(Failure::new(kind.clone(), Phase::Policy, format!("No {step}.")))
            }
            _ => Ok(()),
        };
        self.steps.lock().expect("no panic").push(step);
        async { answer }.boxed()
    }

    fn progress(&self, progress: &Progress) {
        self.progress.lock().expect("no panic").push(progress.clone());
    }
}
