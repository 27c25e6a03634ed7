//! Whether a line of `known_hosts` is about a host.

use super::name::WAY;
use hmac::{Hmac, KeyInit, Mac};
use russh::keys::ssh_key::known_hosts::HostPatterns;
use sha1::Sha1;

/// Whether the patterns of a line cover `name`, which is in lower case and may be `[host]:port`.
/// A negated pattern that matches wins over all others of its line. A pattern for direct names covers no
/// server behind jump hosts, so that `*` is no way around their own names.
pub(super) fn matches(patterns: &HostPatterns, name: &str) -> bool {
    match patterns {
        HostPatterns::HashedName { salt, hash } => {
            let mut mac = Hmac::<Sha1>::new_from_slice(salt).expect("HMAC takes keys of any length");
            mac.update(name.as_bytes());
            mac.verify_slice(hash).is_ok()
        }
        HostPatterns::Patterns(patterns) => {
            let of_kind = || patterns.iter().filter(|pattern| pattern.contains(WAY) == name.contains(WAY));
            let negated = |pattern: &String| pattern.strip_prefix('!').is_some_and(|pattern| glob(pattern, name));
            !of_kind().any(negated) && of_kind().any(|pattern| glob(pattern, name))
        }
    }
}

/// Whether it may cover several names, or excludes some.
pub(super) fn is_pattern(text: &str) -> bool {
    text.contains(['*', '?', '!'])
}

/// `*` stands for any text, `?` for one character. Case does not matter. Takes time in proportion
/// to the product of the lengths, whatever the pattern.
pub(super) fn glob(pattern: &str, name: &str) -> bool {
    let pattern: Vec<char> = pattern.to_lowercase().chars().collect();
    let name: Vec<char> = name.chars().collect();
    let (mut p, mut n) = (0, 0);
    // Where to go on if what follows the last `*` does not fit: one character further.
    let mut retry = None;
    while n < name.len() {
        match pattern.get(p) {
            Some('*') => {
                retry = Some((p + 1, n));
                p += 1;
            }
            Some(&c) if c == '?' || c == name[n] => {
                p += 1;
                n += 1;
            }
            _ => {
                let Some((after_star, from)) = retry else { return false };
                retry = Some((after_star, from + 1));
                (p, n) = (after_star, from + 1);
            }
        }
    }
    pattern[p..].iter().all(|&c| c == '*')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn line_matches(patterns: &str, name: &str) -> bool {
        matches(&patterns.parse().expect("patterns"), name)
    }

    #[test]
    fn patterns_of_the_manual_page() {
        assert!(line_matches("*.example.net,10.0.0.?", "a.example.net"));
        assert!(line_matches("*.example.net,10.0.0.?", "10.0.0.7"));
        assert!(!line_matches("*.example.net,10.0.0.?", "10.0.0.17"));
        assert!(!line_matches("*.example.net,!bad.example.net", "bad.example.net"));
        assert!(!line_matches("!bad.example.net", "good.example.net"));
        assert!(line_matches("[*.example.net]:999", "[a.example.net]:999"));
        assert!(!line_matches("[*.example.net]:999", "a.example.net"));
        assert!(line_matches("HOST.Example", "host.example"));
    }

    #[test]
    fn a_name_hashed_by_openssh_is_found() {
        // Made by `ssh-keygen -H` from the names `github.com` and `[localhost]:2222`.
        for (hashed, name) in HASHED {
            assert!(line_matches(hashed, name), "{name}");
            assert!(!line_matches(hashed, "other.example"));
        }
    }

    const HASHED: [(&str, &str); 2] = [
        ("|1|6/fajQt+ZYOTXSZKzBy25namkbg=|anmzKpJ/uptxsBrI7oIE1ZTAHU8=", "github.com"),
        ("|1|jqS8dqAoQhcisRfsUiUbYHOD66g=|GThaAbWqFTMzOeozxDTZ3NP4kNI=", "[localhost]:2222"),
    ];

    /// The same rule, written as plainly as possible.
    fn slow_glob(pattern: &[char], name: &[char]) -> bool {
        match (pattern.first(), name.first()) {
            (None, rest) => rest.is_none(),
            (Some('*'), _) => slow_glob(&pattern[1..], name) || (!name.is_empty() && slow_glob(pattern, &name[1..])),
            (Some(&c), Some(&first)) => (c == '?' || c == first) && slow_glob(&pattern[1..], &name[1..]),
            (Some(_), None) => false,
        }
    }

    proptest! {
        #[test]
        fn glob_agrees_with_the_plain_rule(pattern in "[ab*?]{0,8}", name in "[ab]{0,10}") {
            let chars = |text: &str| text.chars().collect::<Vec<_>>();
            prop_assert_eq!(glob(&pattern, &name), slow_glob(&chars(&pattern), &chars(&name)));
        }

        #[test]
        fn no_pattern_text_panics(patterns in "[^ \t\n]{1,40}", name in ".{0,20}") {
            if let Ok(patterns) = patterns.parse() {
                matches(&patterns, &name);
            }
        }
    }
}
