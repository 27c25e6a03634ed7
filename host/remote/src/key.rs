//! Which connections are equal.

use crate::{Authentication, Connect, HostKeyPolicy};
use hmac::{Hmac, KeyInit, Mac};
use hostler_model::{Secret, Target};
use sha2::Sha256;
use std::time::Duration;

/// Everything that decides whose connection it is. Secrets are in it only as a keyed hash.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    target: Target,
    rest: [u8; 32],
}

/// Makes keys. Its own secret is another one in each process.
pub(crate) struct KeyMaker(Hmac<Sha256>);

impl KeyMaker {
    /// Errors: the system has no random numbers.
    pub(crate) fn new() -> Result<Self, getrandom::Error> {
        let mut secret = [0; 64];
        getrandom::fill(&mut secret)?;
        Ok(Self(Hmac::new(&secret.into())))
    }

    /// Two requests have the same key exactly if they ask for the same way to the same servers with the same
    /// credentials and the same checks, those included whether the server is alive, after each `interval` of silence. A
    /// key file counts by its name.
    pub(crate) fn key(&self, request: &Connect, interval: Duration) -> Key {
        let Connect { target, addresses, authentication, jumps, host_key_policy, host_keys, compress, bulk, .. } =
            request;
        let mut hash = Hash(self.0.clone());
        // What the policies of another request saw is no permission for this one.
        let mut addresses: Vec<_> = addresses.iter().map(ToString::to_string).collect();
        addresses.sort_unstable();
        hash.list(&addresses, |hash, address| hash.text(address));
        hash.list(jumps, |hash, methods| hash.list(methods, Hash::method));
        hash.list(authentication, Hash::method);
        hash.number(match host_key_policy {
            HostKeyPolicy::Reject => 0,
            HostKeyPolicy::AutoAdd => 1,
            HostKeyPolicy::Warning => 2,
        });
        hash.list(host_keys, |hash, key| hash.text(key));
        hash.number((*compress).into());
        hash.number((*bulk).into());
        hash.text(&interval.as_nanos().to_string());
        Key { target: target.clone(), rest: hash.0.finalize().into_bytes().into() }
    }
}

/// Every part goes in with its length, so that none can pass for another.
struct Hash(Hmac<Sha256>);

impl Hash {
    fn number(&mut self, number: u64) {
        self.0.update(&number.to_le_bytes());
    }

    fn text(&mut self, text: &str) {
        self.number(text.len() as u64);
        self.0.update(text.as_bytes());
    }

    fn list<T>(&mut self, items: &[T], each: impl Fn(&mut Self, &T)) {
        self.number(items.len() as u64);
        for item in items {
            each(self, item);
        }
    }

    fn optional(&mut self, text: Option<&str>) {
        self.number(text.is_some().into());
        self.text(text.unwrap_or_default());
    }

    fn method(&mut self, method: &Authentication) {
        match method {
            Authentication::Password(password) => {
                self.number(0);
                self.text(password.expose());
            }
            Authentication::Key { text, passphrase, certificate } => {
                self.number(1);
                self.text(text.expose());
                self.optional(passphrase.as_ref().map(Secret::expose));
                self.optional(certificate.as_deref());
            }
            Authentication::KeyFile { path, passphrase } => {
                self.number(2);
                self.text(path);
                self.optional(passphrase.as_ref().map(Secret::expose));
            }
            Authentication::Agent => self.number(3),
            Authentication::DefaultKeys => self.number(4),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    const INTERVAL: Duration = Duration::from_secs(30);

    fn secret(text: &str) -> Secret {
        Secret::new(text.into())
    }

    fn request() -> Connect {
        Connect {
            target: Target { host: "host".into(), port: 22, user: "admin".into(), jumps: vec![] },
            addresses: vec!["10.0.0.1:22".parse().expect("address"), "10.0.0.2:22".parse().expect("address")],
            authentication: vec![Authentication::Password(secret("ab"))],
            jumps: vec![],
            host_key_policy: HostKeyPolicy::Reject,
            host_keys: vec![],
            compress: false,
            bulk: false,
            keepalive: None,
            reuse: true,
            connect_timeout: Duration::ZERO,
            banner_timeout: Duration::ZERO,
            auth_timeout: Duration::ZERO,
        }
    }

    #[test]
    fn whatever_decides_about_a_connection_makes_another_key() {
        let keys = KeyMaker::new().expect("random numbers");
        let key_file = |path: &str, passphrase: Option<&str>| Authentication::KeyFile {
            path: path.into(),
            passphrase: passphrase.map(secret),
        };
        let text_key = |text: &str, passphrase: Option<&str>, certificate: Option<&str>| Authentication::Key {
            text: secret(text),
            passphrase: passphrase.map(secret),
            certificate: certificate.map(Into::into),
        };
        let methods = [
            vec![],
            vec![Authentication::Password(secret("ab"))],
            vec![Authentication::Password(secret("a")), Authentication::Password(secret("b"))],
            vec![key_file("ab", None)],
            vec![key_file("ab", Some(""))],
            vec![key_file("a", Some("b"))],
            vec![text_key("ab", None, None)],
            vec![text_key("ab", Some(""), None)],
            vec![text_key("ab", None, Some(""))],
            vec![Authentication::Agent],
            vec![Authentication::DefaultKeys],
        ];
        let mut requests: Vec<Connect> =
            methods.iter().map(|methods| Connect { authentication: methods.clone(), ..request() }).collect();
        requests.extend(methods.iter().map(|methods| Connect { jumps: vec![methods.clone()], ..request() }));
        requests.push(Connect { host_key_policy: HostKeyPolicy::AutoAdd, ..request() });
        requests.push(Connect { host_key_policy: HostKeyPolicy::Warning, ..request() });
        requests.push(Connect { host_keys: vec!["ab".into()], ..request() });
        requests.push(Connect { host_keys: vec!["a".into(), "b".into()], ..request() });
        requests.push(Connect { compress: true, ..request() });
        requests.push(Connect { addresses: vec!["10.0.0.1:22".parse().expect("address")], ..request() });
        requests.push(Connect { target: Target { user: "root".into(), ..request().target }, ..request() });
        let all = requests.iter().map(|request| keys.key(request, INTERVAL));
        let more_often = keys.key(&request(), INTERVAL / 2);
        assert_eq!(all.chain([more_often]).collect::<HashSet<Key>>().len(), requests.len() + 1);
    }

    #[test]
    fn timeouts_and_the_order_of_addresses_make_no_difference_but_the_process_does() {
        let keys = KeyMaker::new().expect("random numbers");
        let mut other = Connect { auth_timeout: Duration::from_secs(1), keepalive: Some(Duration::ZERO), ..request() };
        other.addresses.reverse();
        assert!(keys.key(&request(), INTERVAL) == keys.key(&other, INTERVAL));
        let others = KeyMaker::new().expect("random numbers");
        assert!(keys.key(&request(), INTERVAL) != others.key(&request(), INTERVAL));
    }
}
