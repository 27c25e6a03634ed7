//! A server as it is typed.

use std::str::FromStr;

/// A server as it is typed: `[USER@]HOST[:PORT]`.
#[derive(Clone)]
pub(crate) struct Host {
    /// As it was typed.
    pub(crate) typed: String,
    /// The login name.
    pub(crate) user: Option<String>,
    /// A name or an address.
    pub(crate) name: String,
    /// The SSH port.
    pub(crate) port: Option<u16>,
}

impl FromStr for Host {
    type Err = &'static str;

    fn from_str(typed: &str) -> Result<Self, Self::Err> {
        let (user, rest) = match typed.rsplit_once('@') {
            Some((user, rest)) => (Some(user.to_owned()), rest),
            None => (None, typed),
        };
        let (name, port) = match rest.strip_prefix('[').map(|rest| rest.split_once(']')) {
            Some(Some((name, ""))) => (name, None),
            Some(Some((name, port))) => (name, Some(port.strip_prefix(':').ok_or("a colon precedes its port")?)),
            Some(None) => return Err("its bracket is not closed"),
            None => match rest.split_once(':') {
                // More than one colon without brackets is an IPv6 address.
                Some((name, port)) if !port.contains(':') => (name, Some(port)),
                _ => (rest, None),
            },
        };
        if name.is_empty() || user.as_ref().is_some_and(String::is_empty) {
            return Err("it is [USER@]HOST[:PORT]");
        }
        let port =
            port.map(|port| port.parse().ok().filter(|port| *port > 0).ok_or("its port is a number from 1 to 65535"));
        Ok(Self { typed: typed.to_owned(), user, name: name.to_owned(), port: port.transpose()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_and_port_are_taken_off() {
        let read = |typed: &str| {
            let Host { user, name, port, .. } = typed.parse().ok()?;
            Some((user.unwrap_or_default(), name, port))
        };
        let host = |user: &str, name: &str, port| Some((user.to_owned(), name.to_owned(), port));
        assert_eq!(read("web1"), host("", "web1", None));
        assert_eq!(read("ops@web1:2222"), host("ops", "web1", Some(2222)));
        assert_eq!(read("ops@corp@web1"), host("ops@corp", "web1", None));
        assert_eq!(read("fe80::1"), host("", "fe80::1", None));
        assert_eq!(read("ops@[fe80::1]:22"), host("ops", "fe80::1", Some(22)));
        assert_eq!(read("[fe80::1]"), host("", "fe80::1", None));
        for wrong in ["", "@web1", "ops@", "web1:", "web1:0", "web1:70000", "[fe80::1", "[fe80::1]22"] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}
