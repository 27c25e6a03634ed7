//! Follows jobs to their ends, shows what they write, and says how they ended.

use crate::api::Api;
use crate::error::Error;
use crate::exit;
use crate::follower::Follower;
use crate::happening::{Ending, Happening};
use crate::screen::{Piece, Screen};
use crate::voice::Voice;

/// A job that is followed.
pub(crate) struct Watched {
    /// Its name.
    pub(crate) job: String,
    /// What stands before remarks about it.
    pub(crate) label: String,
    /// How it is heard.
    pub(crate) voice: Voice,
    /// Whether it is one of several, so that its exit status has to be said.
    pub(crate) is_one_of_several: bool,
}

/// How a job ended.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// It finished; its first command that failed ended with this code, or all with 0.
    Finished(u8),
    /// Somebody cancelled it.
    Canceled,
    /// It failed, or was refused.
    Failed,
    /// Nobody knows: the daemon is gone.
    Unknown,
}

impl Watched {
    /// Follows it to its end.
    pub(crate) async fn watch(mut self, api: Api, screen: Screen) -> End {
        let mut follower = Follower::new(api, self.job.clone());
        let mut code = exit::SUCCESS;
        let end = loop {
            let told = match follower.next().await {
                Ok(Some(told)) => told,
                Ok(None) => break End::Unknown,
                Err(error) => break self.lost(&error, &screen).await,
            };
            self.voice.say(&told, &screen).await;
            match told.happening {
                Happening::Ran(status) => {
                    if self.is_one_of_several && status != exit::SUCCESS {
                        self.remark(&format!("the command ended with {status}"), &screen).await;
                    }
                    code = if code == exit::SUCCESS { status } else { code };
                }
                Happening::Again => {
                    code = exit::SUCCESS;
                    self.remark("the daemon was restarted, and the job begins anew", &screen).await;
                }
                Happening::Remark(remark) => self.remark(&remark, &screen).await,
                Happening::Ended(Ending { state, error }) => {
                    if let Some(error) = error {
                        self.remark(&format!("{state}: {error}"), &screen).await;
                    }
                    break match state.as_str() {
                        "finished" => End::Finished(code),
                        "canceled" => End::Canceled,
                        _ => End::Failed,
                    };
                }
                Happening::Wrote { .. } | Happening::Other => {}
            }
        };
        screen.show(Piece::Ended).await;
        end
    }

    async fn lost(&self, error: &Error, screen: &Screen) -> End {
        self.remark(&error.to_string(), screen).await;
        match error {
            Error::Unreachable { .. } | Error::Key { .. } => End::Unknown,
            _ => End::Failed,
        }
    }

    /// Documents say everything themselves.
    async fn remark(&self, remark: &str, screen: &Screen) {
        if !self.voice.is_documents() {
            screen.remark(format!("{}: {remark}", self.label)).await;
        }
    }
}

/// The code for all of them. `stopped` says that Ctrl-C was pressed.
pub(crate) fn code(ends: &[End], stopped: bool) -> u8 {
    let has = |end| ends.contains(&end);
    let failed = |end: &End| !matches!(end, End::Finished(exit::SUCCESS));
    match ends {
        _ if has(End::Unknown) => exit::UNREACHABLE,
        _ if has(End::Canceled) && stopped => exit::INTERRUPTED,
        _ if has(End::Failed) || has(End::Canceled) => exit::FAILED,
        [End::Finished(code)] => *code,
        _ if ends.iter().any(failed) => exit::COMMAND_FAILED,
        _ => exit::SUCCESS,
    }
}
