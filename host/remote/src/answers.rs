//! Replies to what a command asks while it runs.

use bytes::Bytes;

/// A prompt stands in this much of the latest output.
const WINDOW: usize = 4 << 10;

/// A command that asks more often has lost its way.
const MOST: usize = 1000;

/// Prompts, their replies, and what was said since the last one.
pub(crate) struct Answers {
    pairs: Vec<(String, String)>,
    recent: Vec<u8>,
    given: usize,
}

/// What a silent command gets.
pub(crate) enum Reply {
    /// Nothing: it did not ask.
    Nothing,
    /// This text and a newline.
    Text(Bytes),
    /// No more.
    Enough,
}

impl Answers {
    pub(crate) fn new(pairs: Vec<(String, String)>) -> Self {
        Self { pairs, recent: Vec::new(), given: 0 }
    }

    pub(crate) fn hear(&mut self, bytes: &[u8]) {
        if !self.pairs.is_empty() {
            self.recent.extend_from_slice(bytes);
            let excess = self.recent.len().saturating_sub(WINDOW);
            self.recent.drain(..excess);
        }
    }

    /// Whether something was said that may be a prompt.
    pub(crate) fn pending(&self) -> bool {
        !self.recent.is_empty()
    }

    /// To be called when the command has fallen silent: only then is it known that a prompt is whole. The
    /// prompt that stands last counts, and of several at one place the longest.
    pub(crate) fn reply(&mut self) -> Reply {
        let recent = std::mem::take(&mut self.recent);
        let place = |prompt: &str| {
            let before = recent.len().checked_sub(prompt.len()).filter(|_| !prompt.is_empty())?;
            (0..=before).rev().find(|&at| recent[at..].starts_with(prompt.as_bytes()))
        };
        let asked =
            self.pairs.iter().filter_map(|(prompt, reply)| Some((place(prompt)? + prompt.len(), prompt, reply)));
        let Some((_, _, reply)) = asked.max_by_key(|&(end, prompt, _)| (end, prompt.len())) else {
            return Reply::Nothing;
        };
        self.given += 1;
        if self.given > MOST { Reply::Enough } else { Reply::Text(Bytes::from(format!("{reply}\n"))) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(answers: &mut Answers, said: &[&str]) -> String {
        for piece in said {
            answers.hear(piece.as_bytes());
        }
        match answers.reply() {
            Reply::Text(text) => String::from_utf8_lossy(&text).into_owned(),
            Reply::Nothing => "nothing".into(),
            Reply::Enough => "enough".into(),
        }
    }

    fn answers(pairs: &[(&str, &str)]) -> Answers {
        Answers::new(pairs.iter().map(|&(prompt, reply)| (prompt.into(), reply.into())).collect())
    }

    #[test]
    fn a_prompt_is_answered_each_time_it_is_asked() {
        let mut answers = answers(&[("Continue?", "yes")]);
        assert_eq!(reply(&mut answers, &["Conti", "nue? [y/n] "]), "yes\n");
        assert_eq!(reply(&mut answers, &["working\n"]), "nothing");
        assert!(!answers.pending());
        assert_eq!(reply(&mut answers, &["Continue?"]), "yes\n");
    }

    #[test]
    fn the_last_and_longest_prompt_counts() {
        let mut answers = answers(&[("passphrase", "a"), ("same passphrase", "b"), ("name", "c")]);
        assert_eq!(reply(&mut answers, &["Enter passphrase (empty for no passphrase): "]), "a\n");
        assert_eq!(reply(&mut answers, &["Enter same passphrase again: "]), "b\n");
        assert_eq!(reply(&mut answers, &["passphrase accepted. Your name: "]), "c\n");
    }

    #[test]
    fn old_output_is_forgotten_and_an_endless_asker_gets_no_more() {
        let mut answers = answers(&[("?", "x")]);
        assert_eq!(reply(&mut answers, &["?", &"-".repeat(WINDOW)]), "nothing");
        for _ in 0..MOST {
            assert_eq!(reply(&mut answers, &["?"]), "x\n");
        }
        assert_eq!(reply(&mut answers, &["?"]), "enough");
    }
}
