//! Which receivers a webhook may have: the daemon stands where its clients may not be, and must not be their way into
//! its network (server-side request forgery).

use futures::FutureExt;
use hostler_patterns::{Host, name};
use reqwest::Url;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

/// The operator's exceptions. It resolves the names of receivers, so that no other address is ever connected to than one
/// that passed here.
#[derive(Clone)]
pub(super) struct Guard(Arc<[Host]>);

/// Why a receiver is refused: one sentence, which names no more of its address than the host.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct Refused(pub(super) String);

impl Guard {
    /// Reads what the operator wrote.
    pub(super) fn read(allowed: &[String]) -> Result<Self, String> {
        let host = |text: &String| Host::read(text).map_err(|why| format!("webhooks.allow_private: {text:?}: {why}"));
        Ok(Self(allowed.iter().map(host).collect::<Result<_, _>>()?))
    }

    /// Reads an address, and refuses what can be refused before a name is looked up.
    pub(super) fn check(&self, url: &str) -> Result<Url, Refused> {
        // What is wrong is not repeated: it may hold a secret.
        let url = Url::parse(url).map_err(|error| Refused(format!("A webhook's url is wrong ({error}).")))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(Refused("A webhook's url begins with http:// or https://.".into()));
        }
        if !url.username().is_empty() || url.password().is_some() {
            let message = "A webhook's url holds no user and no password: send them as header Authorization.";
            return Err(Refused(message.into()));
        }
        if let Some(address) = host(&url).parse().ok().filter(|address| !self.lets(host(&url), *address)) {
            return Err(private(host(&url), address));
        }
        Ok(url)
    }

    /// Whether the daemon may connect to this address of a host.
    fn lets(&self, host: &str, address: IpAddr) -> bool {
        let (name, canonical) = (name(host), address.to_canonical());
        is_public(address) || self.0.iter().any(|allowed| allowed.names(&name) || allowed.holds(canonical))
    }
}

impl Resolve for Guard {
    /// All addresses, if each of them may be connected to: a name that has some of both sorts is an attempt.
    fn resolve(&self, name: Name) -> Resolving {
        let guard = self.clone();
        async move {
            let found: Vec<_> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            match found.iter().find(|found| !guard.lets(name.as_str(), found.ip())) {
                Some(found) => Err(private(name.as_str(), found.ip()).into()),
                None => Ok(Box::new(found.into_iter()) as Addrs),
            }
        }
        .boxed()
    }
}

/// The host of an address, without the brackets of IPv6.
fn host(url: &Url) -> &str {
    url.host_str().unwrap_or_default().trim_matches(['[', ']'])
}

fn private(host: &str, address: IpAddr) -> Refused {
    Refused(format!(
        "The webhook's receiver {host} has the address {address}, which is not public; \
         if that is meant, the operator adds it to webhooks.allow_private."
    ))
}

/// Whether an address is one of the public Internet (IANA's registries of special-purpose addresses).
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let special = match address.octets() {
        // This network; shared between carriers; protocol assignments; benchmarks; reserved; relays of 6to4, which is no more.
        [0 | 240..=255, ..] | [100, 64..=127, ..] | [192, 0, 0, _] | [198, 18..=19, ..] | [192, 88, 99, _] => true,
        _ => false,
    };
    let local = address.is_private() || address.is_loopback() || address.is_link_local();
    !special && !local && !address.is_multicast() && !address.is_documentation()
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let v4 = |high: u16, low: u16| is_public_v4(Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low)));
    match address.segments() {
        // Mapped IPv4. NAT64 (RFC 6052) leads to the IPv4 address at its end, 6to4 (RFC 3056) to the one in its middle.
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0x2002, high, low, ..] => {
            v4(high, low)
        }
        // Teredo and other protocols; ORCHID; documentation.
        [0x2001, 0..0x200 | 0xdb8, ..] | [0x3fff, 0..0x1000, ..] => false,
        // Only these are given out.
        [first, ..] => first & 0xe000 == 0x2000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guard(allowed: &[&str]) -> Guard {
        Guard::read(&allowed.iter().map(ToString::to_string).collect::<Vec<_>>()).expect("it is right")
    }

    #[test]
    fn only_public_addresses_are_receivers() {
        for private in [
            "0.0.0.0",
            "0.1.2.3",
            "10.1.2.3",
            "100.64.0.1",
            "100.127.255.255",
            "127.0.0.1",
            "127.9.9.9",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.8",
            "192.168.1.1",
            "198.18.0.1",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "[::]",
            "[::1]",
            "[::ffff:127.0.0.1]",
            "[::ffff:10.0.0.1]",
            "[::127.0.0.1]",
            "[fc00::1]",
            "[fd12::1]",
            "[fe80::1]",
            "[fec0::1]",
            "[ff02::1]",
            "[2001:db8::1]",
            "[2001::1]",
            "[2002:7f00:1::]",
            "[2002:a00:1::1]",
            "[64:ff9b::a00:1]",
            "[64:ff9b:1::a00:1]",
            "[64:ff9b::7f00:1]",
            "[5f00::1]",
            // Other ways to write 127.0.0.1.
            "2130706433",
            "0x7f.1",
            "017700000001",
            "127.1",
        ] {
            let refused = guard(&[]).check(&format!("http://{private}:8080/x")).expect_err(private);
            assert!(refused.to_string().contains("webhooks.allow_private"), "{private}: {refused}");
        }
        for public in ["1.1.1.1", "100.63.0.1", "100.128.0.1", "172.32.0.1", "[2606:4700::1111]", "[64:ff9b::101:101]"]
        {
            guard(&[]).check(&format!("https://{public}/")).expect(public);
        }
    }

    #[test]
    fn the_operator_allows_ranges_and_names() {
        let guard = guard(&["10.1.0.0/16", "hooks.internal"]);
        guard.check("http://10.1.2.3/").expect("allowed");
        guard.check("http://[::ffff:10.1.2.3]/").expect("the same address");
        assert!(guard.check("http://10.2.0.1/").is_err());
        let (inside, outside) = (IpAddr::from([192, 168, 0, 1]), "other.internal");
        assert!(guard.lets("Hooks.Internal", inside) && !guard.lets(outside, inside));
        assert!(Guard::read(&["10.0.0.0/99".into()]).is_err());
    }

    #[test]
    fn other_schemes_and_credentials_are_refused_without_repeating_them() {
        for wrong in ["ftp://example.com/", "file:///etc/passwd", "gopher://example.com", "example.com/hunter2", ""] {
            assert!(guard(&[]).check(wrong).is_err(), "{wrong}");
        }
        let refused = guard(&[]).check("https://admin:hunter2@example.com/").expect_err("credentials");
        assert!(!refused.to_string().contains("hunter2"), "{refused}");
    }
}
