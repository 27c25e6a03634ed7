//! Why a request has no result, as far as the dialects agree on it.

use super::fault::{Fault, Faults};
use crate::error::Error;
use hostler_jobs::Rejection;
use hostler_model::{Failure, Problem};

/// Why a request has no result. How it is written is each dialect's own affair.
pub(in crate::dialect) enum Cause {
    /// The body or the query does not fit the dialect: 422.
    Misfit(Faults),
    /// The driver found the request wrong: 400.
    Wrong(Vec<Problem>),
    /// Anything else.
    Error(Error),
}

impl From<Faults> for Cause {
    fn from(faults: Faults) -> Self {
        Self::Misfit(faults)
    }
}

impl From<Fault> for Cause {
    fn from(fault: Fault) -> Self {
        Self::Misfit(fault.into())
    }
}

impl From<Error> for Cause {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

impl From<Failure> for Cause {
    fn from(failure: Failure) -> Self {
        Self::Error(failure.into())
    }
}

impl From<Rejection> for Cause {
    fn from(rejection: Rejection) -> Self {
        match rejection {
            Rejection::Invalid(problems) => Self::Wrong(problems),
            Rejection::Failed(failure) => failure.into(),
        }
    }
}

impl Cause {
    /// The same in one sentence, for an answer that tells of several.
    pub(in crate::dialect) fn sentence(&self) -> String {
        match self {
            Self::Misfit(faults) => faults.sentence(),
            Self::Wrong(problems) => {
                let problem = |it: &Problem| format!("{}: {}", it.path.join("."), it.message);
                problems.iter().map(problem).collect::<Vec<_>>().join("; ")
            }
            Self::Error(error) => error.to_string(),
        }
    }
}
