//! Policies: whether a job, and each action of it, may happen.
//!
//! ```
//! use hostler_sdk::policy::{Action, Context, Denial, Description, Judgement, Policy, Verdict};
//! use hostler_sdk::{Job, Problem};
//!
//! /// Lets jobs connect to one port only, and do there what they like.
//! pub struct OnePort(u16);
//!
//! impl OnePort {
//!     fn judge(&self, port: u16) -> Result<(), Denial> {
//!         let denial = || Denial::new("other-port", format!("Only port {} is allowed.", self.0));
//!         if port == self.0 { Ok(()) } else { Err(denial()) }
//!     }
//! }
//!
//! impl Policy for OnePort {
//!     fn describe() -> Description {
//!         Description {
//!             name: "one-port".into(),
//!             version: env!("CARGO_PKG_VERSION").into(),
//!             summary: "Lets jobs connect to one port only.".into(),
//!             settings_schema: r#"{"type": "object"}"#.into(),
//!         }
//!     }
//!
//!     fn new(_settings: &str) -> Result<Self, Vec<Problem>> {
//!         Ok(Self(22))
//!     }
//!
//!     fn review(&self, _context: &Context, job: &Job) -> Judgement {
//!         self.judge(job.target.port).into()
//!     }
//!
//!     fn authorize(&self, _context: &Context, action: &Action) -> Verdict {
//!         self.judge(action.target.port).into()
//!     }
//! }
//!
//! hostler_sdk::policy!(OnePort);
//! # fn main() {}
//! ```
//!
//! A policy that traps or takes too long denies. It reaches nothing: what it needs to know stands in its settings and in
//! what it is asked.

use crate::{Job, Problem, bindings::policy::exports::hostler::plugin::judging::Guest, panic};
use std::any::Any;
use std::cell::RefCell;
use std::fmt::Display;
use std::marker::PhantomData;

#[doc(inline)]
pub use crate::bindings::policy::exports::hostler::plugin::judging::{
    Action, Amendment, Context, Denial, Description, Judgement, Verdict,
};

/// A policy with the operator's settings. Name the type in [`policy!`](crate::policy!) to make its crate a plugin.
///
/// An instance serves one job, and may be dropped and made again between any two questions: keep nothing in it that a
/// judgement depends on.
pub trait Policy: Sized + 'static {
    /// Who the policy is and what its settings are. Called once, when the plugin is loaded.
    fn describe() -> Description;

    /// Reads the operator's settings: a JSON object that fits the schema. Called when the daemon starts, and once in
    /// each instance.
    ///
    /// # Errors
    ///
    /// All that is wrong with the settings, each with its path.
    fn new(settings: &str) -> Result<Self, Vec<Problem>>;

    /// Judges a job before it is accepted.
    fn review(&self, context: &Context, job: &Job) -> Judgement;

    /// Judges an action right before it happens. Deny a kind of action that you do not know.
    fn authorize(&self, context: &Context, action: &Action) -> Verdict;
}

thread_local! {
    /// The policy of this instance, and the settings that it was made from: they are read once.
    static MADE: RefCell<Option<(String, Box<dyn Any>)>> = const { RefCell::new(None) };
}

/// Has the policy with these settings answer. Fails closed.
fn ask<P: Policy, T>(settings: &str, question: impl FnOnce(&P) -> T) -> Result<T, Denial> {
    MADE.with_borrow_mut(|made| {
        if made.as_ref().is_none_or(|(text, _)| text != settings) {
            let policy = P::new(settings).map_err(Denial::unreadable)?;
            *made = Some((settings.to_owned(), Box::new(policy)));
        }
        let policy = made.as_ref().and_then(|(_, policy)| policy.downcast_ref());
        policy.map(question).ok_or_else(|| Denial::unreadable(()))
    })
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
        P::new(&settings).map(drop)
    }

    fn review(context: Context, job: Job) -> Judgement {
        panic::report();
        ask(&context.settings, |policy: &P| policy.review(&context, &job)).unwrap_or_else(Judgement::Deny)
    }

    fn authorize(context: Context, action: Action) -> Verdict {
        panic::report();
        ask(&context.settings, |policy: &P| policy.authorize(&context, &action)).unwrap_or_else(Verdict::Deny)
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
            type HostlerExports = $crate::policy::Exports<$policy>;
    $crate::bindings::policy::__export_policy!(HostlerExports with_types_in $crate::bindings::policy);
        };
    };
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    static READ: AtomicUsize = AtomicUsize::new(0);

    /// Denies with its settings as the reason.
    struct Echo(String);

    impl Policy for Echo {
        fn describe() -> Description {
            Description {
                name: "echo".into(),
                version: "1".into(),
                summary: "Echoes.".into(),
                settings_schema: "{}".into(),
            }
        }

        fn new(settings: &str) -> Result<Self, Vec<Problem>> {
            READ.fetch_add(1, Ordering::Relaxed);
            if settings == "bad" { Err(vec![Problem::value("bad")]) } else { Ok(Self(settings.into())) }
        }

        fn review(&self, _context: &Context, _job: &Job) -> Judgement {
            Judgement::Allow
        }

        fn authorize(&self, _context: &Context, _action: &Action) -> Verdict {
            Verdict::denied("echo", &self.0)
        }
    }

    fn heard(settings: &str) -> String {
        let target = crate::Target { host: "a".into(), port: 22, user: "admin".into(), jumps: vec![] };
        let action =
            Action { job: "1".into(), driver: "paramiko".into(), kind: "exec".into(), target, details: "{}".into() };
        let context = Context { settings: settings.into(), now_ms: 0, may_amend: false };
        match Exports::<Echo>::authorize(context, action) {
            Verdict::Allow => "allow".into(),
            Verdict::Deny(denial) => denial.reason,
        }
    }

    #[test]
    fn settings_are_read_once_and_those_that_cannot_be_read_deny() {
        assert_eq!([heard("a"), heard("a"), heard("a")], ["a", "a", "a"]);
        assert_eq!(READ.load(Ordering::Relaxed), 1);
        assert_eq!(heard("b"), "b");
        assert!(heard("bad").contains("cannot be judged"));
    }
}
