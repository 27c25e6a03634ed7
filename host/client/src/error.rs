//! Why something was not done, in a sentence for whoever typed it.

use crate::exit;
use serde::Deserialize;
use serde_json::Value;
use std::fmt;
use std::io;
use std::path::Path;
use std::time::Duration;

/// Why something was not done.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// Nobody answers, or not to the end.
    #[error("{url} {what}: start the daemon with `hostler serve`, or give its address by --url")]
    Unreachable {
        /// The daemon.
        url: String,
        /// What happened, as the words after its name.
        what: String,
        /// Whether it had got the request.
        connected: bool,
    },
    /// The daemon does not know the key.
    #[error(
        "{url} does not take the API key from {origin}; give the right one by --key-file FILE, by HOSTLER_API_KEY, or on \
         the daemon's machine by --data-dir DIR, whose api-key is read"
    )]
    Key {
        /// The daemon.
        url: String,
        /// Where the key was found.
        origin: String,
    },
    /// The daemon refused.
    #[error("{0}")]
    Refused(Refusal),
    /// The daemon answered what is no answer.
    #[error("the daemon's answer makes no sense ({0}); is it as new as this program?")]
    Strange(serde_json::Error),
    /// What was typed cannot be used.
    #[error("{0}")]
    Input(String),
    /// Nobody reads the output any more.
    #[error("nobody reads the output any more")]
    Closed,
    /// Ctrl-C was pressed again.
    #[error("left before the jobs had ended")]
    Left,
    /// The output cannot be written, for another reason.
    #[error("the output cannot be written: {0}")]
    Output(io::Error),
}

/// How the daemon refused.
#[derive(Debug)]
pub(crate) struct Refusal {
    /// The status code.
    pub(crate) status: u16,
    /// What it says.
    pub(crate) problem: Problem,
    /// When to ask again.
    pub(crate) retry_after: Option<Duration>,
}

/// A problem document (RFC 9457), as far as it is shown.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Problem {
    #[serde(alias = "message")]
    detail: Option<String>,
    /// What sort of error it is; absent where the request did not get as far as a job.
    pub(crate) kind: Option<String>,
    phase: Option<String>,
    problems: Vec<Field>,
}

/// A field of the request that is wrong.
#[derive(Debug, Deserialize)]
struct Field {
    /// The names and numbers that lead to it.
    path: Vec<Value>,
    message: String,
}

impl Error {
    /// About a file that was named and cannot be read.
    pub(crate) fn unreadable(path: &Path, error: &io::Error) -> Self {
        Self::Input(format!("{} cannot be read: {error}", path.display()))
    }

    /// The code to end with.
    pub(crate) fn code(&self) -> u8 {
        match self {
            Self::Unreachable { .. } | Self::Key { .. } => exit::UNREACHABLE,
            Self::Refused(_) | Self::Strange(_) | Self::Output(_) => exit::FAILED,
            Self::Input(_) => exit::USAGE,
            Self::Closed => exit::CLOSED,
            Self::Left => exit::INTERRUPTED,
        }
    }
}

impl Error {
    /// When to ask again, where `usual` would be the time. The daemon may ask for more of it; it always says one second where it
    /// does not know better, so that less would use all tries up within a few.
    pub(crate) fn pause(&self, usual: Duration) -> Duration {
        match self {
            Self::Refused(refusal) => refusal.retry_after.unwrap_or_default().max(usual),
            _ => usual,
        }
    }
}

impl Refusal {
    /// Whether the same may be granted a little later: the daemon is busy.
    pub(crate) fn passes(&self) -> bool {
        matches!(self.status, 429 | 503)
    }
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe { Self::Closed } else { Self::Output(error) }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.problem.detail {
            Some(_) => self.problem.fmt(f),
            None => write!(f, "the daemon answered with status {} and no word", self.status),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.detail.as_deref().unwrap_or("no reason was given"))?;
        match (&self.kind, &self.phase) {
            (Some(kind), Some(phase)) => write!(f, " ({kind} in phase {phase})")?,
            (Some(kind), None) => write!(f, " ({kind})")?,
            (None, _) => {}
        }
        self.problems.iter().try_for_each(|Field { path, message }| {
            let names = path.iter().map(|name| name.as_str().map_or_else(|| name.to_string(), str::to_owned));
            write!(f, "\n  {}: {message}", names.collect::<Vec<_>>().join("."))
        })
    }
}
