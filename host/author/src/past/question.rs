//! A question of the past, and what was decided then.

use hostler_plugins::{PastAction, PastJob};
use jiff::Timestamp;

/// What is to be judged again.
pub(crate) enum Question {
    /// A whole job.
    Job(PastJob),
    /// Something that it did, or was not let do.
    Action(PastAction),
    /// Something that the record does not hold whole.
    Unclear {
        /// What.
        what: String,
        /// Why it cannot be judged.
        why: &'static str,
    },
}

/// What was decided then, by the policy that is asked now.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Then {
    Allowed,
    Denied,
    /// It went on, because the policy only monitored.
    WouldDeny,
}

impl Question {
    /// In a few words.
    pub(crate) fn what(&self) -> String {
        match self {
            Self::Job(job) => format!("job for {}", job.target),
            Self::Action(PastAction { kind, details, .. }) => {
                let about = ["command", "path", "text"].iter().find_map(|name| details[*name].as_str());
                // A line that was typed has its end.
                about.map_or_else(|| kind.clone(), |about| format!("{kind} `{}`", about.trim()))
            }
            Self::Unclear { what, .. } => what.clone(),
        }
    }

    /// What tells it from the others of its job.
    fn key(&self) -> String {
        match self {
            Self::Action(PastAction { kind, target, details, .. }) => format!("{kind} {target} {details}"),
            Self::Job(_) | Self::Unclear { .. } => self.what(),
        }
    }

    /// When it was asked. A job is older than all that it did.
    pub(super) fn at(&self) -> Option<Timestamp> {
        match self {
            Self::Action(action) => Some(action.at),
            Self::Job(_) | Self::Unclear { .. } => None,
        }
    }
}

impl Then {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Allowed => "allowed",
            Self::Denied | Self::WouldDeny => "denied",
        }
    }
}

/// What would have been denied went on, so that two records tell of it: that is one question.
pub(super) fn merged(questions: Vec<(Question, Option<Then>)>) -> Vec<(Question, Option<Then>)> {
    let mut merged: Vec<(Question, Option<Then>)> = Vec::with_capacity(questions.len());
    // The places of those that have not been seen to go on yet.
    let mut open: Vec<usize> = Vec::new();
    for (question, then) in questions {
        let key = question.key();
        let went_on = |place: &usize| then == Some(Then::Allowed) && merged[*place].0.key() == key;
        if let Some(index) = open.iter().position(went_on) {
            let (known, _) = &mut merged[open.remove(index)];
            if matches!(known, Question::Unclear { .. }) {
                *known = question;
            }
            continue;
        }
        if then == Some(Then::WouldDeny) {
            open.push(merged.len());
        }
        merged.push((question, then));
    }
    merged
}
