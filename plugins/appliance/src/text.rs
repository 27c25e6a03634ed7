//! What a terminal would show of what an appliance sends.

/// The lines that stand on the screen in the end: control sequences are carried out or left out, and what was
/// overwritten is gone. Each ends with a newline.
pub(crate) fn shown(sent: &[u8]) -> Vec<u8> {
    let mut screen = Screen::default();
    let mut rest = sent;
    while let Some((&byte, after)) = rest.split_first() {
        if byte == ESCAPE {
            rest = screen.escape(after);
        } else {
            screen.byte(byte);
            rest = after;
        }
    }
    // Spaces alone are what erased a pager's question.
    if !screen.line.trim_ascii().is_empty() {
        screen.new_line();
    }
    screen.shown
}

/// The same without the first line, if that is the line that was typed.
pub(crate) fn answer(sent: &[u8], typed: &str) -> Vec<u8> {
    let mut shown = shown(sent);
    let end = shown.iter().position(|&byte| byte == b'\n').map_or(0, |newline| newline + 1);
    if shown[..end].trim_ascii() == typed.trim().as_bytes() {
        shown.drain(..end);
    }
    shown
}

const BELL: u8 = 0x07;
const BACKSPACE: u8 = 0x08;
const ESCAPE: u8 = 0x1b;

/// The line that is being written, and those above it.
#[derive(Default)]
struct Screen {
    shown: Vec<u8>,
    line: Vec<u8>,
    cursor: usize,
    /// Something was written over, usually by spaces, to erase it.
    overwritten: bool,
}

impl Screen {
    fn byte(&mut self, byte: u8) {
        match byte {
            b'\n' => self.new_line(),
            b'\r' => self.cursor = 0,
            BACKSPACE => self.cursor = self.cursor.saturating_sub(1),
            b'\t' | b' '..=b'~' | 0x80.. => self.write(byte),
            _ => {}
        }
    }

    fn write(&mut self, byte: u8) {
        match self.line.get_mut(self.cursor) {
            Some(place) => {
                *place = byte;
                self.overwritten = true;
            }
            None => self.line.push(byte),
        }
        self.cursor += 1;
    }

    fn new_line(&mut self) {
        if self.overwritten {
            let end = self.line.trim_ascii_end().len();
            self.line.truncate(end);
        }
        self.shown.append(&mut self.line);
        self.shown.push(b'\n');
        (self.cursor, self.overwritten) = (0, false);
    }

    /// Carries a control sequence out (ECMA-48), as far as it changes the line. Gives what follows it.
    fn escape<'a>(&mut self, after: &'a [u8]) -> &'a [u8] {
        match after.split_first() {
            Some((b'[', sequence)) => {
                let is_final = |byte: &u8| (b'@'..=b'~').contains(byte);
                let Some(end) = sequence.iter().position(is_final) else { return &[] };
                match (&sequence[..end], sequence[end]) {
                    (b"" | b"0", b'K') => self.line.truncate(self.cursor),
                    (b"2", b'K') => {
                        self.line.fill(b' ');
                        self.overwritten = true;
                    }
                    (count, b'D') => self.cursor = self.cursor.saturating_sub(number(count)),
                    _ => {}
                }
                &sequence[end + 1..]
            }
            // A title of the window, which a bell ends.
            Some((b']', title)) => {
                let end = title.iter().position(|&byte| byte == BELL).map_or(title.len(), |bell| bell + 1);
                &title[end..]
            }
            Some((_, rest)) => rest,
            None => &[],
        }
    }
}

fn number(digits: &[u8]) -> usize {
    std::str::from_utf8(digits).ok().and_then(|digits| digits.parse().ok()).unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text(sent: &str) -> String {
        String::from_utf8(shown(sent.as_bytes())).expect("UTF-8")
    }

    #[test]
    fn lines_end_as_on_this_side_of_the_wire() {
        assert_eq!(text("one\r\ntwo  \r\n\r\nthree\r"), "one\ntwo  \n\nthree\n");
        assert_eq!(text("one\r\r\ntwo\n"), "one\ntwo\n");
        assert_eq!(text(""), "");
    }

    #[test]
    fn what_was_erased_is_gone() {
        assert_eq!(text("one\r\n\r            \rtwo\r\n"), "one\ntwo\n");
        assert_eq!(text("\x08\x08\x08   \x08\x08\x08two\r\n"), "two\n");
        assert_eq!(text("--More--\x1b[8D\x1b[Ktwo"), "two\n");
        assert_eq!(text("--More--\r\x1b[2Ktwo"), "two\n");
        assert_eq!(text("helo\x08lo"), "hello\n");
        assert_eq!(text("one\r\n\r        \r"), "one\n");
    }

    #[test]
    fn colours_titles_and_bells_are_left_out() {
        assert_eq!(text("\x1b[1;31mred\x1b[0m\x07 \x1b]0;title\x07plain\x1b=\x1b["), "red plain\n");
    }

    #[test]
    fn the_echo_is_cut_out_and_nothing_else() {
        let answer = |sent: &str| String::from_utf8(answer(sent.as_bytes(), "show clock ")).expect("UTF-8");
        assert_eq!(answer("show clock\r\n12:00\r\n"), "12:00\n");
        assert_eq!(answer("12:00\r\nshow clock\r\n"), "12:00\nshow clock\n");
        assert_eq!(answer("show clock"), "");
        assert_eq!(answer(""), "");
    }

    proptest! {
        #[test]
        fn any_bytes_are_shown_without_control_characters(sent in prop::collection::vec(any::<u8>(), 0..200), typed in ".*") {
            for shown in [shown(&sent), answer(&sent, &typed)] {
                prop_assert!(shown.iter().all(|&byte| byte >= b' ' || byte == b'\n' || byte == b'\t'));
                prop_assert!(shown.len() <= sent.len() + 1);
            }
        }

        #[test]
        fn plain_lines_stay_as_they_are(lines in prop::collection::vec("[ -~]{0,20}", 1..10)) {
            prop_assert_eq!(text(&(lines.join("\r\n") + "\r\n")), lines.join("\n") + "\n");
        }
    }
}
