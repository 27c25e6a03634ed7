//! What a rule says about a host: a pattern of names, or a range of addresses.

use crate::wildcard::matches;
use ipnet::{IpNet, Ipv4Net};
use std::net::IpAddr;

/// The host of a rule.
#[derive(Clone, Debug, PartialEq)]
pub enum Host {
    /// Lower-case characters, `*` for any number of them, `?` for one.
    Pattern(String),
    /// A range of addresses; a single one is a range of one.
    Range(IpNet),
}

impl Host {
    /// Reads what an operator wrote. A sentence says what is wrong with it.
    pub fn read(text: &str) -> Result<Self, &'static str> {
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
    pub fn names(&self, name: &str) -> bool {
        matches!(self, Self::Pattern(pattern) if matches(pattern, name))
    }

    /// Whether it means an address. `address` is canonical.
    pub fn holds(&self, address: IpAddr) -> bool {
        matches!(self, Self::Range(range) if range.contains(&address))
    }

    /// Whether addresses are needed to judge by it.
    pub fn is_range(&self) -> bool {
        matches!(self, Self::Range(_))
    }
}

/// The one form of a host's name in which it is compared: case does not matter in DNS, and a dot at the
/// end only says that the name is complete.
pub fn name(host: &str) -> String {
    host.strip_suffix('.').unwrap_or(host).to_lowercase()
}

/// The address that a host is, if it is not a name. An IPv4 address in IPv6 clothes is an IPv4 address.
pub fn literal(host: &str) -> Option<IpAddr> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::net::{Ipv4Addr, Ipv6Addr};

    fn host(text: &str) -> Host {
        Host::read(text).expect("a host")
    }

    proptest! {
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
