//! Policies: whether a job, and each action of it, may happen.

use crate::{Job, Problem, bindings::policy::exports::hostler::plugin::judging::Guest, panic};
use std::fmt::Display;
use std::marker::PhantomData;

#[doc(inline)]
pub use crate::bindings::policy::exports::hostler::plugin::judging::{
    Action, Amendment, Context, Denial, Description, Judgement, Verdict,
};

/// A policy. Name the type in [`policy!`](crate::policy!) to make its crate a plugin.
///
/// The operator's settings are a JSON object, given as text to each function, with the time.
pub trait Policy {
    /// Who the policy is and what its settings are. Called once, when the plugin is loaded.
    fn describe() -> Description;

    /// Checks what the schema of the settings cannot say, once, when the daemon starts.
    ///
    /// # Errors
    ///
    /// All that is wrong with the settings, each with its path.
    fn check_settings(_settings: &str) -> Result<(), Vec<Problem>> {
        Ok(())
    }

    /// Judges a job before it is accepted.
    fn review(context: &Context, job: &Job) -> Judgement;

    /// Judges an action right before it happens. Deny a kind of action that you do not know.
    fn authorize(context: &Context, action: &Action) -> Verdict;
}

impl Verdict {
    /// A denial: a stable word for the rule, and one sentence for the client.
    pub fn denied(code: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::Deny(Denial::new(code, reason))
    }
}

impl Denial {
    /// A stable word for the rule, and one sentence for the client.
    pub fn new(code: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { code: code.into(), reason: reason.into() }
    }

    /// Of what nobody can tell whether it may happen: code `cannot-judge`. `why` is a part of a sentence.
    pub fn cannot_judge(why: impl Display) -> Self {
        Self::new("cannot-judge", format!("This cannot be judged: {why}."))
    }

    /// Of what the policy was told and could not read, settings or details, whatever the error says.
    pub fn unreadable<E>(_error: E) -> Self {
        Self::cannot_judge("what the daemon told the policy is not what it understands")
    }

    /// Of a kind of action that the policy does not know.
    pub fn unknown(kind: &str) -> Self {
        Self::cannot_judge(format_args!("the policy does not know actions of the kind `{kind}`"))
    }
}

impl From<Result<(), Denial>> for Verdict {
    fn from(result: Result<(), Denial>) -> Self {
        result.map_or_else(Self::Deny, |()| Self::Allow)
    }
}

impl From<Result<(), Denial>> for Judgement {
    fn from(result: Result<(), Denial>) -> Self {
        Verdict::from(result).into()
    }
}

/// What is denied as an action is denied as a job.
impl From<Verdict> for Judgement {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Allow => Self::Allow,
            Verdict::Deny(denial) => Self::Deny(denial),
        }
    }
}

/// The generated exports, over an author's type.
#[doc(hidden)]
pub struct Exports<P>(PhantomData<P>);

impl<P: Policy> Guest for Exports<P> {
    fn describe() -> Description {
        panic::report();
        P::describe()
    }

    fn check_settings(settings: String) -> Result<(), Vec<Problem>> {
        panic::report();
        P::check_settings(&settings)
    }

    fn review(context: Context, job: Job) -> Judgement {
        panic::report();
        P::review(&context, &job)
    }

    fn authorize(context: Context, action: Action) -> Verdict {
        panic::report();
        P::authorize(&context, &action)
    }
}

/// Makes the crate a policy plugin: takes the type that implements [`Policy`].
#[macro_export]
macro_rules! policy {
    ($policy:ty) => {
        // Elsewhere than in WebAssembly there is nobody to export to: unit tests link without it.
        #[cfg(target_family = "wasm")]
        #[allow(unsafe_code, reason = "the symbols that a component exports")]
        const _: () = {
            type Plugin = $crate::policy::Exports<$policy>;
    $crate::bindings::policy::__export_policy!(Plugin with_types_in $crate::bindings::policy);
        };
    };
}
