//! Wildcards: `*` for any number of characters, `?` for one.

/// Whether a pattern means the whole of a text, letter by letter.
///
/// Matches from the left; at a mismatch the last `*` takes one character more. Time is at most the
/// product of the lengths, whatever the pattern.
pub fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut p, mut n, mut star) = (0, 0, None);
    while n < text.len() {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, n));
                p += 1;
            }
            Some(&wanted) if wanted == '?' || wanted == text[n] => {
                p += 1;
                n += 1;
            }
            _ => {
                let Some((at, taken)) = star else { return false };
                star = Some((at, taken + 1));
                p = at + 1;
                n = taken + 1;
            }
        }
    }
    pattern[p..].iter().all(|&rest| rest == '*')
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
        fn a_pattern_matches_by_definition(pattern in "[ab.*?]{0,8}", name in "[ab.]{0,8}") {
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
