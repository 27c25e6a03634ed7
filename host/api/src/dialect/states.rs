//! The words for the states of jobs.

use super::fault::Fault;
use hostler_jobs::State;

const STATES: [(&str, State); 5] = [
    ("queued", State::Queued),
    ("started", State::Started),
    ("finished", State::Finished),
    ("failed", State::Failed),
    ("canceled", State::Canceled),
];

/// The `type` of a result: 1 finished, 2 failed, 3 canceled.
pub(super) fn result_type(state: State) -> u8 {
    match state {
        State::Finished => 1,
        State::Canceled => 3,
        State::Queued | State::Started | State::Failed => 2,
    }
}

/// The state of this name, from the query parameter `status`.
pub(super) fn read(word: &str) -> Result<State, Fault> {
    let state = STATES.iter().find(|(name, _)| *name == word).map(|(_, state)| *state);
    let words = STATES.map(|(name, _)| name);
    state.ok_or_else(|| Fault::no_such_word(["query", "status"], &words, "enum").showing(word.into()))
}
