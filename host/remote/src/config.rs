//! What an operator can set.

use crate::{Engine, Error};
use serde::{Deserialize, Serialize};
use std::num::NonZero;
use std::path::PathBuf;
use std::time::Duration;

/// Settings of the SSH engine. Durations are seconds, fractions allowed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Folders below which a request may name private key files. A relative path in a request
    /// starts at the first one. None given: key files are refused.
    pub key_roots: Vec<PathBuf>,
    /// The socket of the agent that a request may use (what `SSH_AUTH_SOCK` names). Absent: none may.
    pub agent: Option<PathBuf>,
    /// Keys that a request may use without naming them: files, or folders with `id_ed25519`, `id_ecdsa`,
    /// `id_rsa`. None given: no request may.
    pub default_keys: Vec<PathBuf>,
    /// Host keys on record, in the format of sshd(8). It need not exist yet; its folder must.
    pub known_hosts: PathBuf,
    /// Name look-up and TCP, for a request that gives no `timeout`.
    #[serde(with = "seconds")]
    pub connect_timeout: Duration,
    /// From TCP to the end of the key exchange, for a request that gives no `banner_timeout`.
    #[serde(with = "seconds")]
    pub banner_timeout: Duration,
    /// Authentication, for a request that gives no `auth_timeout`.
    #[serde(with = "seconds")]
    pub auth_timeout: Duration,
    /// Silence after which the server is asked whether it is alive; three questions without an answer
    /// end the session.
    #[serde(with = "seconds")]
    pub keepalive_interval: Duration,
    /// Logins in progress at one server; more wait. sshd drops connections from the eleventh on (`MaxStartups`).
    pub logins_at_once: NonZero<u16>,
    /// Sessions that share one connection; more open another. sshd allows ten (`MaxSessions`).
    pub sessions_per_connection: NonZero<u16>,
    /// How long a shared connection is kept after its last use, if the request gives no longer `keepalive`.
    #[serde(with = "seconds")]
    pub pool_idle: Duration,
    /// Age from which a shared connection, also one to a jump host, gets no new users.
    #[serde(with = "seconds")]
    pub pool_age: Duration,
    /// How long the connection to a jump host is kept after its last tunnel.
    #[serde(with = "seconds")]
    pub jump_idle: Duration,
}

/// Deadlines for requests that give none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deadlines {
    /// Name look-up and TCP.
    pub connect: Duration,
    /// From TCP to the end of the key exchange.
    pub banner: Duration,
    /// All authentication methods together.
    pub auth: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            key_roots: Vec::new(),
            agent: None,
            default_keys: Vec::new(),
            known_hosts: PathBuf::new(),
            connect_timeout: Duration::from_secs(30),
            banner_timeout: Duration::from_secs(15),
            auth_timeout: Duration::from_secs(30),
            keepalive_interval: Duration::from_secs(30),
            logins_at_once: const { NonZero::new(8).expect("not 0") },
            sessions_per_connection: const { NonZero::new(10).expect("not 0") },
            pool_idle: Duration::from_mins(1),
            pool_age: Duration::from_hours(1),
            jump_idle: Duration::from_secs(30),
        }
    }
}

impl Config {
    /// The deadlines for requests that give none.
    pub fn deadlines(&self) -> Deadlines {
        Deadlines { connect: self.connect_timeout, banner: self.banner_timeout, auth: self.auth_timeout }
    }

    /// Makes an engine. Errors: no `known_hosts`, a duration of 0, no random numbers.
    pub fn build(self) -> Result<Engine, Error> {
        if self.known_hosts.as_os_str().is_empty() {
            return Err(Error::NoKnownHosts);
        }
        let durations = [
            ("connect_timeout", self.connect_timeout),
            ("banner_timeout", self.banner_timeout),
            ("auth_timeout", self.auth_timeout),
            ("keepalive_interval", self.keepalive_interval),
            ("pool_idle", self.pool_idle),
            ("pool_age", self.pool_age),
            ("jump_idle", self.jump_idle),
        ];
        if let Some((name, _)) = durations.into_iter().find(|(_, duration)| duration.is_zero()) {
            return Err(Error::ZeroDuration(name));
        }
        Engine::new(self)
    }
}

/// A duration as a number of seconds.
mod seconds {
    use serde::{Deserialize, Deserializer, Serializer, de};
    use std::time::Duration;

    pub(super) fn serialize<S: Serializer>(duration: &Duration, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_f64(duration.as_secs_f64())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
        Duration::try_from_secs_f64(f64::deserialize(from)?).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_table_gives_the_defaults_and_seconds_may_be_fractions() {
        assert_eq!(toml::from_str::<Config>("").expect("toml"), Config::default());
        let config: Config = toml::from_str("auth_timeout = 2.5\nbanner_timeout = 3").expect("toml");
        assert_eq!(config.deadlines().auth, Duration::from_millis(2500));
        assert_eq!(config.deadlines().banner, Duration::from_secs(3));
    }

    #[test]
    fn nonsense_is_refused() {
        assert!(toml::from_str::<Config>("auth_timeout = -1.0").is_err());
        assert!(toml::from_str::<Config>("auth_timout = 1").is_err());
        assert!(matches!(Config::default().build(), Err(Error::NoKnownHosts)));
        let zero = Config { known_hosts: "k".into(), auth_timeout: Duration::ZERO, ..Config::default() };
        assert!(matches!(zero.build(), Err(Error::ZeroDuration("auth_timeout"))));
    }
}
