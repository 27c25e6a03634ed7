//! What is said before a wrapped command begins: sudo asks for a password, then the wrapper tells its
//! process group. All of it is between the server and us; none of it is output.

use crate::Exec;
use crate::line::Marks;
use hostler_model::{ErrorKind, Failure, Phase, Secret};

/// Of what sudo says besides, this much is kept to explain a refusal.
const KEPT: usize = 4 << 10;

/// The talk with one wrapper.
pub(crate) struct Dialogue {
    pub(crate) marks: Marks,
    password: Option<Secret>,
    user: Option<String>,
    answered: bool,
    heard: Vec<u8>,
}

/// What to do about what was heard.
pub(crate) enum Step {
    /// Listen on.
    Listen,
    /// Send this, with a newline.
    Answer(Secret),
    /// Give up: the password is wrong.
    Refused,
    /// The command runs, as this process group if it could tell; what follows is its output.
    Begun { group: Option<u32>, output: Vec<u8> },
}

/// Why the command did not begin.
pub(crate) enum Refusal {
    /// sudo wants to be asked from a terminal (`requiretty` of sudoers).
    NeedsTerminal,
    /// This.
    Failure(Failure),
}

impl Dialogue {
    pub(crate) fn new(exec: &Exec) -> Self {
        let (user, password) = exec.elevation.clone().map(|elevation| (elevation.user, elevation.password)).unzip();
        Self { marks: Marks::random(), password: password.flatten(), user, answered: false, heard: Vec::new() }
    }

    /// Takes what the server says. It may come in pieces of any size.
    pub(crate) fn hear(&mut self, bytes: &[u8]) -> Step {
        self.heard.extend_from_slice(bytes);
        if let Some((group, begin)) = self.group() {
            return Step::Begun { group, output: self.heard.split_off(begin) };
        }
        if let Some(at) = find(&self.heard, self.marks.prompt.as_bytes()) {
            self.heard.drain(..at + self.marks.prompt.len());
            return match self.password.clone() {
                Some(password) if !std::mem::replace(&mut self.answered, true) => Step::Answer(password),
                _ => Step::Refused,
            };
        }
        let excess = self.heard.len().saturating_sub(KEPT);
        self.heard.drain(..excess);
        Step::Listen
    }

    /// The process group, and where output begins. Without `/proc` there is no number; what else may stand there
    /// is our own line, which sudo shows when it refuses to run it.
    fn group(&self) -> Option<(Option<u32>, usize)> {
        let begin = find(&self.heard, self.marks.group.as_bytes())? + self.marks.group.len();
        let length = self.heard[begin..].iter().position(|&byte| byte == b'\n')?;
        let number = std::str::from_utf8(&self.heard[begin..begin + length]).ok()?.trim();
        let group = if number.is_empty() { None } else { Some(number.parse().ok()?) };
        Some((group, begin + length + 1))
    }

    /// Why the command did not begin, when the channel is at its end.
    pub(crate) fn refusal(&self) -> Refusal {
        let said = String::from_utf8_lossy(&self.heard);
        let has = |words: &[&str]| words.iter().any(|words| said.contains(words));
        let Some(user) = &self.user else {
            let message = "The server's shell ended before the command began: check the account's shell.";
            let failure = Failure::new(ErrorKind::ExecRefused, Phase::Exec, message);
            return Refusal::Failure(failure.with_detail(said));
        };
        if has(&["must have a tty", "no tty present"]) {
            return Refusal::NeedsTerminal;
        }
        let message = if has(&["a password is required"]) && self.password.is_none() {
            "sudo asks for a password: give `sudo_password`.".to_owned()
        } else if self.answered && has(&["incorrect password", "try again", "a password is required"]) {
            return Refusal::Failure(wrong_password());
        } else if has(&["not allowed to execute"]) {
            format!(
                "The account may not run /bin/sh as `{user}` by sudo, and a line is elevated as a whole: allow it in \
                 the server's sudoers, or use `command` with sudo written into it."
            )
        } else if has(&["not in the sudoers", "may not run"]) {
            format!(
                "The account may not run that as `{user}`: an administrator of the server must allow it in sudoers."
            )
        } else if has(&["unknown user"]) {
            format!("There is no user `{user}` on the server: check `sudo_user`.")
        } else if has(&["not found", "No such file"]) {
            "The server has no sudo: install it there, or log in as the user that is needed.".to_owned()
        } else {
            let last = said.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("nothing").trim();
            format!("sudo did not run the command, it said `{last}`: check the server's sudoers.")
        };
        Refusal::Failure(elevation_failed(message).with_detail(said))
    }
}

/// sudo asked again.
pub(crate) fn wrong_password() -> Failure {
    elevation_failed("sudo does not accept the password: check `sudo_password`.".into())
}

fn elevation_failed(message: String) -> Failure {
    Failure::new(ErrorKind::ElevationFailed, Phase::Exec, message)
}

fn find(text: &[u8], word: &[u8]) -> Option<usize> {
    text.windows(word.len()).position(|part| part == word)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Elevation;
    use proptest::prelude::*;

    fn dialogue(password: Option<&str>) -> Dialogue {
        let password = password.map(|password| Secret::new(password.into()));
        let elevation = Some(Elevation { user: "root".into(), password });
        Dialogue::new(&Exec { elevation, ..Exec::default() })
    }

    fn refusal(dialogue: &mut Dialogue, said: &str) -> String {
        assert!(matches!(dialogue.hear(said.as_bytes()), Step::Listen));
        match dialogue.refusal() {
            Refusal::Failure(failure) => failure.message,
            Refusal::NeedsTerminal => "needs a terminal".into(),
        }
    }

    #[test]
    fn the_password_answers_one_prompt_and_no_second() {
        let mut talk = dialogue(Some("secret"));
        let prompt = talk.marks.prompt.clone();
        assert!(matches!(talk.hear(b"We trust you have received the usual lecture.\n"), Step::Listen));
        assert!(matches!(talk.hear(prompt.as_bytes()), Step::Answer(password) if password.expose() == "secret"));
        assert!(matches!(talk.hear(b"\nSorry, try again.\n"), Step::Listen));
        // sudo-rs puts its own words around the prompt.
        assert!(matches!(talk.hear(format!("[sudo: {prompt}] Password: ").as_bytes()), Step::Refused));
    }

    #[test]
    fn no_other_prompt_gets_the_password() {
        let mut talk = dialogue(Some("secret"));
        for prompt in ["[sudo] password for admin: ", "Password:", "hostler-asks-random:"] {
            assert!(matches!(talk.hear(prompt.as_bytes()), Step::Listen), "{prompt}");
        }
    }

    #[test]
    fn without_proc_the_command_runs_all_the_same_but_what_sudo_shows_of_it_does_not() {
        let mut talk = dialogue(None);
        let mark = talk.marks.group.clone();
        let shown = format!("Sorry, bob is not allowed to execute '/bin/sh -c echo {mark}${{s%% *}} >&2' as root.\n");
        assert!(matches!(talk.hear(shown.as_bytes()), Step::Listen));
        let mut talk = dialogue(None);
        let said = format!("sh: 1: cannot open /proc/7/stat: No such file\n{}\noutput", talk.marks.group);
        assert!(matches!(talk.hear(said.as_bytes()), Step::Begun { group: None, output } if output == b"output"));
    }

    #[test]
    fn a_refusal_is_told_by_its_reason() {
        let asked = |said: &str| refusal(&mut dialogue(Some("x")), said);
        assert_eq!(asked("sudo: sorry, you must have a tty to run sudo\n"), "needs a terminal");
        assert!(asked("bob is not in the sudoers file.\n").contains("may not run that as `root`"));
        let restricted = "Sorry, user bob is not allowed to execute '/bin/sh -c ls' as root on db.\n";
        assert!(asked(restricted).contains("may not run /bin/sh as `root`"));
        assert!(asked("sudo: unknown user: root\n").contains("no user `root`"));
        assert!(asked("bash: line 1: exec: sudo: not found\n").contains("has no sudo"));
        assert!(asked("\nsudo: the moon is full\n\n").contains("`sudo: the moon is full`"));
        assert!(refusal(&mut dialogue(None), "sudo: a password is required\n").contains("give `sudo_password`"));
    }

    proptest! {
        #[test]
        fn pieces_of_any_size_say_the_same(cuts in prop::collection::vec(1_usize..20, 1..40), output in "[a-z\n]{0,20}") {
            let mut talk = dialogue(Some("secret"));
            let text = format!("lecture\n{}\n{}4711\r\n{output}", talk.marks.prompt, talk.marks.group);
            let (mut rest, mut answers, mut begun) = (text.as_bytes(), 0, None);
            for cut in cuts.into_iter().chain([usize::MAX]) {
                let (piece, later) = rest.split_at(cut.min(rest.len()));
                rest = later;
                match talk.hear(piece) {
                    Step::Answer(_) => answers += 1,
                    Step::Begun { group, output } => {
                        begun = Some((group, [output.as_slice(), rest].concat()));
                        break;
                    }
                    Step::Listen => {}
                    Step::Refused => panic!("refused"),
                }
            }
            let (group, got) = begun.expect("it begins");
            prop_assert_eq!((group, String::from_utf8_lossy(&got).into_owned()), (Some(4711), output));
            // All at once, nobody waits for the answer any more.
            prop_assert!(answers <= 1);
        }
    }
}
