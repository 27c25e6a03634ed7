//! What is waited for in an interactive session: patterns, and what none of them has consumed yet.

use hostler_model::{ErrorKind, Failure, Phase};
use regex::bytes::{Regex, RegexBuilder};

/// Patterns that can be waited for at once.
const MOST: usize = 16;

/// Bytes of a pattern.
const LONGEST: usize = 4 << 10;

/// Bytes that a compiled pattern may need; a search takes time in proportion to it.
const LARGEST: usize = 256 << 10;

/// Bytes that a search may need.
const MEMORY: usize = 1 << 20;

/// Bytes of the latest output that an error shows.
const SHOWN: usize = 200;

/// Regular expressions, each of which takes time in proportion to the text that it is searched in.
pub(crate) struct Patterns(Vec<Regex>);

impl Patterns {
    /// Takes time.
    pub(crate) fn new(texts: &[String]) -> Result<Self, Failure> {
        if texts.len() > MOST {
            let message = format!("no more than {MOST} patterns can be waited for at once");
            return Err(Failure::new(ErrorKind::Limit, Phase::Exec, message));
        }
        texts.iter().map(|text| compile(text)).collect::<Result<_, _>>().map(Self)
    }
}

fn compile(text: &str) -> Result<Regex, Failure> {
    if text.len() > LONGEST {
        let message = format!("a pattern may have {LONGEST} bytes; write a shorter one");
        return Err(Failure::new(ErrorKind::Limit, Phase::Exec, message));
    }
    let mut builder = RegexBuilder::new(text);
    // Classes of Unicode are large, and terminals show bytes.
    builder.unicode(false).size_limit(LARGEST).dfa_size_limit(MEMORY).build().map_err(|error| {
        // The lines before the last one draw where it is wrong.
        let reason = error.to_string();
        let reason = reason.lines().last().unwrap_or_default().trim_start_matches("error: ");
        let message = format!("the pattern {text:?} cannot be used: {reason}");
        Failure::new(ErrorKind::InvalidRequest, Phase::Exec, message)
    })
}

/// What was waited for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) pattern: usize,
    pub(crate) before: Vec<u8>,
    pub(crate) matched: Vec<u8>,
}

/// Output that no pattern has consumed yet.
pub(crate) struct Unread {
    bytes: Vec<u8>,
    cap: usize,
}

impl Unread {
    /// Of no more than `cap` bytes, but for the last piece.
    pub(crate) fn new(cap: usize) -> Self {
        Self { bytes: Vec::new(), cap }
    }

    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    pub(crate) fn is_full(&self) -> bool {
        self.bytes.len() > self.cap
    }

    /// Consumes up to the end of the match that begins first; of several, the first pattern's. Takes time.
    pub(crate) fn find(&mut self, patterns: &Patterns) -> Option<Found> {
        let places = patterns.0.iter().map(|regex| regex.find(&self.bytes)).enumerate();
        let places = places.filter_map(|(pattern, place)| Some((pattern, place?.range())));
        let (pattern, place) = places.min_by_key(|(_, place)| place.start)?;
        let mut before: Vec<u8> = self.bytes.drain(..place.end).collect();
        let matched = before.split_off(place.start);
        Some(Found { pattern, before, matched })
    }

    /// The failure's sentence, with what was shown instead of what was waited for.
    pub(crate) fn explain(&self, failure: &Failure) -> Failure {
        let last = String::from_utf8_lossy(&self.bytes[self.bytes.len().saturating_sub(SHOWN)..]);
        let message = match self.bytes.len() {
            0 => format!("{}; everything that was shown is consumed", failure.message),
            size => format!("{}; {size} bytes are not consumed, the last of them are {last:?}", failure.message),
        };
        Failure { message, ..failure.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patterns(texts: &[&str]) -> Result<Patterns, Failure> {
        Patterns::new(&texts.iter().map(ToString::to_string).collect::<Vec<_>>())
    }

    /// Which pattern, and what stands before, in and after the match.
    fn found(shown: &[u8], texts: &[&str]) -> Option<(usize, [Vec<u8>; 3])> {
        let mut unread = Unread::new(100);
        unread.push(shown);
        let Found { pattern, before, matched } = unread.find(&patterns(texts).expect("patterns"))?;
        Some((pattern, [before, matched, unread.bytes]))
    }

    fn parts(texts: [&[u8]; 3]) -> [Vec<u8>; 3] {
        texts.map(<[u8]>::to_vec)
    }

    #[test]
    fn what_comes_first_wins_and_what_follows_stays() {
        assert_eq!(found(b"one two three", &["three", "t.o"]), Some((1, parts([b"one ", b"two", b" three"]))));
        assert_eq!(found(b"one two", &["two", "tw", "t"]), Some((0, parts([b"one ", b"two", b""]))));
        assert_eq!(found(b"one two", &["three"]), None);
        assert_eq!(found(b"one two", &[]), None);
    }

    #[test]
    fn bytes_that_are_no_text_can_be_waited_for() {
        assert_eq!(found(b"\xff\xfe> ", &["> $"]), Some((0, parts([b"\xff\xfe", b"> ", b""]))));
        assert_eq!(found(b"\xff\xfe", &[r"\xfe"]), Some((0, parts([b"\xff", b"\xfe", b""]))));
    }

    #[test]
    fn a_pattern_that_cannot_be_used_is_refused_with_the_reason() {
        let kind = |texts: &[&str]| patterns(texts).err().map(|failure| (failure.kind, failure.message));
        let (invalid, message) = kind(&["fine", "(open"]).expect("no pattern");
        assert_eq!(invalid, ErrorKind::InvalidRequest);
        assert_eq!(message, r#"the pattern "(open" cannot be used: unclosed group"#);
        // Either would take time or memory without end.
        assert_eq!(kind(&[r"(a+)\1"]).expect("no pattern").0, ErrorKind::InvalidRequest);
        assert_eq!(kind(&["(((a{100}){100}){100}){100}"]).expect("too large").0, ErrorKind::InvalidRequest);
        assert_eq!(kind(&["a"; MOST + 1]).expect("too many").0, ErrorKind::Limit);
        assert_eq!(kind(&[&"a".repeat(LONGEST + 1)]).expect("too long").0, ErrorKind::Limit);
    }

    #[test]
    fn an_error_shows_the_end_of_what_was_not_consumed() {
        let late = Failure::new(ErrorKind::Timeout, Phase::Exec, "late");
        let mut unread = Unread::new(100);
        assert_eq!(unread.explain(&late).message, "late; everything that was shown is consumed");
        unread.push("x".repeat(500).as_bytes());
        unread.push(b"\x1b[Kend\n");
        let message = unread.explain(&late).message;
        assert!(message.starts_with("late; 507 bytes are not consumed, the last of them are \"xxx"), "{message}");
        assert!(message.ends_with(r#"x\u{1b}[Kend\n""#) && message.len() < 300, "{message}");
    }
}
