//! Wildcards: `*` for any number of characters, `?` for one.

/// Whether a pattern means the whole of a text, letter by letter.
///
/// Matches from the left; at a mismatch the last `*` takes one character more. Time is at most the
/// product of the lengths, whatever the pattern.
pub fn matches(pattern: &str, text: &str) -> bool {
    let (wanted, found) = (pattern.as_bytes(), text.as_bytes());
    // Lengths of characters are looked up only where a wildcard stands for one.
    let next = |at: usize| at + text[at..].chars().next().map_or(1, char::len_utf8);
    let (mut p, mut n, mut star) = (0, 0, None);
    while n < found.len() {
        match wanted.get(p) {
            Some(b'*') => {
                star = Some((p, n));
                p += 1;
            }
            Some(b'?') => {
                p += 1;
                n = next(n);
            }
            Some(byte) if *byte == found[n] => {
                p += 1;
                n += 1;
            }
            _ => {
                let Some((at, taken)) = star else { return false };
                let taken = next(taken);
                star = Some((at, taken));
                p = at + 1;
                n = taken;
            }
        }
    }
    wanted[p..].iter().all(|&rest| rest == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The definition of a match, without regard for time.
    fn defined(pattern: &[char], name: &[char]) -> bool {
        match (pattern.split_first(), name.split_first()) {
            (None, None) => true,
            (Some(('*', rest)), None) => defined(rest, name),
            (Some(('*', rest)), Some((_, after))) => defined(rest, name) || defined(pattern, after),
            (Some((wanted, rest)), Some((first, after))) => (*wanted == '?' || wanted == first) && defined(rest, after),
            _ => false,
        }
    }

    proptest! {
        #[test]
        fn a_pattern_matches_by_definition(pattern in "[abé.*?]{0,8}", name in "[abéè.]{0,8}") {
            let (p, n): (Vec<char>, Vec<char>) = (pattern.chars().collect(), name.chars().collect());
            prop_assert_eq!(matches(&pattern, &name), defined(&p, &n));
        }
    }

    #[test]
    fn patterns_that_backtrack_end_soon() {
        assert!(!matches(&"*a".repeat(60), &"a".repeat(59)));
        assert!(!matches(&format!("{}b", "*a".repeat(50)), &"a".repeat(5000)));
    }
}
