//! How an appliance says that it does not take a line.

/// A refusal stands in one of the first lines, below what points at the mistake.
const LINES: usize = 3;

/// What follows the `%` of a refusal; other words after it are news.
const MISTAKES: [&str; 9] =
    ["invalid", "incomplete", "ambiguous", "unknown", "unrecognized", "error", "bad", "access denied", "permission"];

/// How others begin.
const BEGINNINGS: [&str; 4] = ["error:", "invalid input", "syntax error", "unknown command"];

/// The line that says so, if one does.
pub(crate) fn refusal(answer: &[u8]) -> Option<String> {
    let answer = String::from_utf8_lossy(answer);
    let mut lines = answer.lines().map(str::trim).filter(|line| !line.is_empty()).take(LINES);
    lines.find(|line| is_refusal(&line.to_lowercase())).map(str::to_owned)
}

fn is_refusal(line: &str) -> bool {
    let begins = |words: &[&str], line: &str| words.iter().any(|word| line.starts_with(word));
    match line.strip_prefix('%') {
        Some(rest) => begins(&MISTAKES, rest.trim_start()),
        None => begins(&BEGINNINGS, line),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_line_that_refuses_is_found() {
        for line in [
            "% Invalid input detected at '^' marker.",
            "% Incomplete command.",
            "%Error opening tftp://x",
            "syntax error, expecting <command>.",
            "Error: Unrecognized command found at '^' position.",
        ] {
            assert_eq!(refusal(format!("      ^\n\n{line}\n").as_bytes()).as_deref(), Some(line));
        }
    }

    #[test]
    fn news_and_logs_refuse_nothing() {
        for answer in [
            "",
            "hostname switch\n",
            "%LINK-3-UPDOWN: Interface Gi1 changed state to up\n",
            "% Generating 2048 bit RSA keys\n",
            "5% invalid packets\n",
            "one\ntwo\nthree\n% Invalid login from 192.0.2.1\n",
        ] {
            assert_eq!(refusal(answer.as_bytes()), None, "{answer}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_can_be_judged(answer in prop::collection::vec(any::<u8>(), 0..200)) {
            refusal(&answer);
        }
    }
}
