//! What a rule says about a host: a pattern of names, or a range of addresses.

use ipnet::{IpNet, Ipv4Net};
use std::net::IpAddr;

/// The host of a rule.
#[derive(Debug, PartialEq)]
pub(crate) enum Host {
    /// Lower-case characters, `*` for any number of them, `?` for one.
    Pattern(String),
    /// A range of addresses; a single one is a range of one.
    Range(IpNet),
}

impl Host {
    /// Reads what an operator wrote. A sentence says what is wrong with it.
    pub(crate) fn read(text: &str) -> Result<Self, &'static str> {
        if let Ok(address) = text.parse::<IpAddr>() {
            return Ok(Self::Range(address.to_canonical().into()));
        }
        if text.contains('/') {
            let range = text.parse().map_err(|_| "This is no range of addresses: write it like 10.0.0.0/8.")?;
            return Ok(Self::Range(canonical(range)));
        }
        if text.is_empty() || text.contains(|c: char| c.is_whitespace() || c.is_control()) {
            return Err("A host name has at least one character, and no spaces.");
        }
        Ok(Self::Pattern(name(text)))
    }

    /// Whether it means a host called so. `name` comes from [`name`].
    pub(crate) fn names(&self, name: &str) -> bool {
        matches!(self, Self::Pattern(pattern) if matches(pattern, name))
    }

    /// Whether it means an address. `address` is canonical.
    pub(crate) fn holds(&self, address: IpAddr) -> bool {
        matches!(self, Self::Range(range) if range.contains(&address))
    }

    /// Whether addresses are needed to judge by it.
    pub(crate) fn is_range(&self) -> bool {
        matches!(self, Self::Range(_))
    }
}

/// The one form of a host's name in which it is compared: case does not matter in DNS, and a dot at the
/// end only says that the name is complete.
pub(crate) fn name(host: &str) -> String {
    host.strip_suffix('.').unwrap_or(host).to_lowercase()
}

/// The address that a host is, if it is not a name. An IPv4 address in IPv6 clothes is an IPv4 address.
pub(crate) fn literal(host: &str) -> Option<IpAddr> {
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    bare.parse().map(|address: IpAddr| address.to_canonical()).ok()
}

fn canonical(range: IpNet) -> IpNet {
    match (range.addr().to_canonical(), range.prefix_len().checked_sub(96)) {
        (IpAddr::V4(address), Some(length)) if matches!(range, IpNet::V6(_)) => {
            Ipv4Net::new(address, length).map_or(range, IpNet::V4)
        }
        _ => range,
    }
}

/// Matches from the left; at a mismatch the last `*` takes one character more. Time is at most the
/// product of the lengths, whatever the pattern.
fn matches(pattern: &str, name: &str) -> bool {
    let (pattern, name): (Vec<char>, Vec<char>) = (pattern.chars().collect(), name.chars().collect());
    let (mut p, mut n, mut star) = (0, 0, None);
    while n < name.len() {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, n));
                p += 1;
            }
            Some(&wanted) if wanted == '?' || wanted == name[n] => {
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
    use std::net::{Ipv4Addr, Ipv6Addr};

    fn host(text: &str) -> Host {
        Host::read(text).expect("a host")
    }

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

        #[test]
        fn a_name_without_wildcards_matches_itself_in_any_case(label in "[a-z][a-z0-9.-]{0,20}[a-z]") {
            let complete = label.to_uppercase() + ".";
            prop_assert!(host(&complete).names(&name(&label)));
            prop_assert!(host(&label).names(&name(&complete)));
        }

        #[test]
        fn an_ipv4_range_holds_what_shares_its_first_bits(base: u32, other: u32, length in 0u32..=32) {
            let range = host(&format!("{}/{length}", Ipv4Addr::from(base)));
            let mask = u32::MAX.checked_shl(32 - length).unwrap_or(0);
            let shared = base & mask == other & mask;
            prop_assert_eq!(range.holds(Ipv4Addr::from(other).into()), shared);
            let near = Ipv4Addr::from(base & mask | other & !mask);
            prop_assert!(range.holds(near.into()));
        }

        #[test]
        fn an_ipv6_range_holds_what_shares_its_first_bits(base: u128, other: u128, length in 0u32..=128) {
            let range = IpNet::new(Ipv6Addr::from(base).into(), u8::try_from(length).expect("small")).expect("a range");
            let mask = u128::MAX.checked_shl(128 - length).unwrap_or(0);
            prop_assert_eq!(Host::Range(range).holds(Ipv6Addr::from(other).into()), base & mask == other & mask);
        }

        #[test]
        fn a_mapped_address_is_its_ipv4_address(base: u32, length in 0u8..=32) {
            let address = Ipv4Addr::from(base);
            prop_assert_eq!(literal(&address.to_ipv6_mapped().to_string()), Some(address.into()));
            let mapped = format!("{}/{}", address.to_ipv6_mapped(), 96 + length);
            prop_assert_eq!(host(&mapped), host(&format!("{address}/{length}")));
        }

        #[test]
        fn no_text_makes_reading_panic(text in ".{0,40}") {
            let _ = Host::read(&text);
            let _ = literal(&text);
        }
    }

    #[test]
    fn patterns_that_backtrack_end_soon() {
        assert!(!matches(&"*a".repeat(60), &"a".repeat(59)));
        assert!(!matches(&format!("{}b", "*a".repeat(50)), &"a".repeat(5000)));
    }

    #[test]
    fn an_address_is_a_range_of_one() {
        assert!(host("192.0.2.7").holds([192, 0, 2, 7].into()));
        assert!(!host("192.0.2.7").holds([192, 0, 2, 8].into()));
        assert!(host("::FFFF:192.0.2.7").holds([192, 0, 2, 7].into()));
        assert_eq!(literal("[2001:db8::1]"), "2001:db8::1".parse().ok());
        assert_eq!(literal("db.example.com"), None);
    }

    #[test]
    fn what_is_neither_is_refused() {
        for wrong in ["", " ", "a b", "10.0.0.0/33", "db.example.com/24", "10.0.0/8", "a\n"] {
            assert!(Host::read(wrong).is_err(), "{wrong}");
        }
    }
}
