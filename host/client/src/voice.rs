//! How a job is heard: its output as it is, or line by line behind the name of its host, or as JSON.

use crate::happening::{Happening, Told};
use crate::screen::{Piece, Screen};
use console::{Color, Style};
use std::mem;

/// The longest line that is put together; a longer one is shown in parts.
const LONGEST_LINE: usize = 64 << 10;

/// The colours of hosts, in turn.
const COLOURS: [Color; 6] = [Color::Cyan, Color::Green, Color::Yellow, Color::Magenta, Color::Blue, Color::Red];

/// How a job is heard.
pub(crate) enum Voice {
    /// Its output, byte by byte.
    Plain,
    /// Its output by lines, each behind the name of its host.
    Lines {
        /// Of standard output.
        out: Lines,
        /// Of standard error.
        err: Lines,
    },
    /// All that is told, a JSON document a line.
    Documents {
        /// The job.
        job: String,
        /// Its host as it was typed, where it is known.
        host: Option<String>,
    },
}

impl Voice {
    /// One of several voices: number `index`, of a host as it was typed, whose name is padded to `width`.
    pub(crate) fn of_several(index: usize, host: &str, width: usize, colour: bool) -> Self {
        let style = Style::new().fg(COLOURS[index % COLOURS.len()]).force_styling(colour);
        let prefix = format!("{} ", style.apply_to(format!("{host:width$} |"))).into_bytes();
        Self::Lines { out: Lines::new(prefix.clone()), err: Lines::new(prefix) }
    }

    /// Whether it says everything by itself.
    pub(crate) fn is_documents(&self) -> bool {
        matches!(self, Self::Documents { .. })
    }

    /// Shows what was told.
    pub(crate) async fn say(&mut self, told: &Told, screen: &Screen) {
        match (self, &told.happening) {
            (Self::Documents { job, host }, _) => {
                screen.show(Piece::Out(format!("{}\n", told.document(job, host.as_deref())).into())).await;
            }
            (Self::Plain, Happening::Wrote { to_stderr, bytes }) => show(screen, *to_stderr, bytes.clone()).await,
            (Self::Lines { out, err }, Happening::Wrote { to_stderr, bytes }) => {
                let lines = if *to_stderr { err } else { out };
                show(screen, *to_stderr, lines.push(bytes)).await;
            }
            // What comes next is another command's.
            (Self::Lines { out, err }, Happening::Ran(_) | Happening::Again | Happening::Ended(_)) => {
                show(screen, false, out.end()).await;
                show(screen, true, err.end()).await;
            }
            _ => {}
        }
    }
}

async fn show(screen: &Screen, to_stderr: bool, bytes: Vec<u8>) {
    if !bytes.is_empty() {
        screen.show(if to_stderr { Piece::Err(bytes) } else { Piece::Out(bytes) }).await;
    }
}

/// Puts pieces together to lines, each behind a prefix.
pub(crate) struct Lines {
    prefix: Vec<u8>,
    /// The beginning of a line whose end has not come.
    begun: Vec<u8>,
}

impl Lines {
    fn new(prefix: Vec<u8>) -> Self {
        Self { prefix, begun: Vec::new() }
    }

    /// The lines that are whole now.
    fn push(&mut self, piece: &[u8]) -> Vec<u8> {
        let mut whole = Vec::new();
        for part in piece.split_inclusive(|byte| *byte == b'\n') {
            self.begun.extend_from_slice(part);
            if part.ends_with(b"\n") || self.begun.len() >= LONGEST_LINE {
                whole.extend(self.end());
            }
        }
        whole
    }

    /// What was begun, as a line of its own.
    fn end(&mut self) -> Vec<u8> {
        let mut line = mem::take(&mut self.begun);
        if line.is_empty() {
            return line;
        }
        if !line.ends_with(b"\n") {
            line.push(b'\n');
        }
        [self.prefix.as_slice(), &line].concat()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_the_same_however_they_were_cut() {
        let text = b"one\n\ntwo\r\nthree";
        let whole = b"a | one\na | \na | two\r\na | three\n";
        for cut in 0..=text.len() {
            let mut lines = Lines::new(b"a | ".to_vec());
            let shown = [lines.push(&text[..cut]), lines.push(&text[cut..]), lines.end(), lines.end()].concat();
            assert_eq!(shown, whole, "cut at {cut}");
        }
    }

    #[test]
    fn a_line_without_end_does_not_pile_up() {
        let mut lines = Lines::new(Vec::new());
        let shown: usize = (0..10).map(|_| lines.push(&vec![b'x'; LONGEST_LINE / 2]).len()).sum();
        assert_eq!(shown, 5 * (LONGEST_LINE + 1));
    }
}
