//! What tests ask of the engine.

use hostler_model::{Secret, Target};
use hostler_remote::{Authentication, Connect, HostKeyPolicy};
use std::net::SocketAddr;
use std::time::Duration;

/// A request for a session of its own with a server that is trusted at first sight.
pub(crate) fn request(address: SocketAddr, user: &str, password: &str) -> Connect {
    let patience = Duration::from_secs(20);
    Connect {
        target: Target { host: address.ip().to_string(), port: address.port(), user: user.into(), jumps: vec![] },
        addresses: vec![address],
        authentication: vec![Authentication::Password(Secret::new(password.into()))],
        jumps: vec![],
        host_key_policy: HostKeyPolicy::AutoAdd,
        host_keys: vec![],
        compress: false,
        bulk: false,
        keepalive: None,
        reuse: false,
        connect_timeout: patience,
        banner_timeout: patience,
        auth_timeout: patience,
    }
}
