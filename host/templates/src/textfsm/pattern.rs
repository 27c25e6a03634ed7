//! Regular expressions as Python writes them.

use fancy_regex::{Regex, RegexBuilder};
use std::fmt::Write;

/// What one expression may take when it is compiled, in bytes.
const LARGEST: usize = 512 << 10;
/// What the part of it that needs no backtracking may remember of what it saw, in bytes.
const MEMORY: usize = 256 << 10;
/// How often it may try another way at one line.
const BACKTRACKING: usize = 100_000;

/// Letters that mean something after a backslash; Python refuses the others.
const ESCAPES: &str = "AabBdDfnrsStvwWxuUZ";

/// Compiles an expression, which matches at the start of a line only. What is wrong with it is the error.
pub(super) fn compile(pattern: &str) -> Result<Regex, String> {
    let pattern = format!(r"\A(?:{})", translated(pattern)?);
    RegexBuilder::new(&pattern)
        .backtrack_limit(BACKTRACKING)
        .delegate_size_limit(LARGEST)
        .delegate_dfa_size_limit(MEMORY)
        .build()
        .map_err(|error| error.to_string())
}

/// The same expression where Python and the crate read it differently: escapes, brackets in classes, and braces that count
/// nothing.
fn translated(pattern: &str) -> Result<String, String> {
    let mut out = String::with_capacity(pattern.len());
    let (mut rest, mut depth) = (pattern, 0_usize);
    while let Some(first) = rest.chars().next() {
        let after = &rest[first.len_utf8()..];
        rest = match first {
            '\\' => escape(after, &mut out)?,
            '[' => class(after, &mut out)?,
            '{' if !counts(after) => {
                out.push_str(r"\{");
                after
            }
            _ => {
                depth = match first {
                    '(' => depth + 1,
                    ')' => depth.checked_sub(1).ok_or("unbalanced parenthesis")?,
                    _ => depth,
                };
                out.push(first);
                after
            }
        };
    }
    Ok(out)
}

/// What follows a backslash. Punctuation stands for itself: `\<` is no border of a word in Python.
fn escape<'a>(rest: &'a str, out: &mut String) -> Result<&'a str, String> {
    let first = rest.chars().next().ok_or("bad escape (end of pattern)")?;
    match first {
        'Z' => out.push_str(r"\z"),
        letter if letter.is_ascii_alphabetic() && !ESCAPES.contains(letter) => {
            return Err(format!(r"bad escape \{letter}"));
        }
        letter if letter.is_ascii_alphanumeric() => out.extend(['\\', letter]),
        other => literal(other, out),
    }
    Ok(&rest[first.len_utf8()..])
}

/// What follows an opening bracket, to the closing one. In Python nothing nests there.
fn class<'a>(mut rest: &'a str, out: &mut String) -> Result<&'a str, String> {
    out.push('[');
    if let Some(after) = rest.strip_prefix('^') {
        out.push('^');
        rest = after;
    }
    let mut is_first = true;
    loop {
        let first = rest.chars().next().ok_or("unterminated character set")?;
        let after = &rest[first.len_utf8()..];
        match first {
            ']' if !is_first => {
                out.push(']');
                return Ok(after);
            }
            '\\' => {
                rest = escape(after, out)?;
                is_first = false;
                continue;
            }
            '-' => out.push('-'),
            // `&&`, `~~` and `[` mean something in classes of the crate.
            ']' | '[' | '&' | '~' => literal(first, out),
            _ => out.push(first),
        }
        rest = after;
        is_first = false;
    }
}

/// A character that means nothing but itself.
fn literal(character: char, out: &mut String) {
    write!(out, r"\x{{{:x}}}", u32::from(character)).expect("a String takes everything");
}

/// Whether what follows an opening brace is a number of times: `3}`, `3,}`, `,3}`, `3,5}`.
fn counts(rest: &str) -> bool {
    let Some((times, _)) = rest.split_once('}') else { return false };
    let (least, most) = times.split_once(',').unwrap_or((times, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    !times.is_empty() && times != "," && digits(least) && digits(most)
}
