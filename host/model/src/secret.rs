//! A value that may be used but not seen.

use secrecy::{ExposeSecret, SecretString};

/// A secret text: no `Debug`, no `Display`, no `Serialize`, zeroed on drop.
#[derive(Clone)]
pub struct Secret(SecretString);

impl Secret {
    /// Takes the text over; no other copy of it is made.
    pub fn new(text: String) -> Self {
        Self(SecretString::from(text))
    }

    /// The text itself. Call it only where the secret is put to its use.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

/// What a secret of a request may be used for. It follows from the field's name, so that no plugin
/// can hand a value to something it was not meant for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecretUse {
    /// Password authentication at the job's own target.
    Password,
    /// Private key for authentication at the job's own target.
    Key,
    /// Decryption of that private key.
    Passphrase,
    /// Password authentication at the job's jump hosts.
    JumpPassword,
    /// Private key for authentication at the job's jump hosts.
    JumpKey,
    /// Decryption of that private key.
    JumpPassphrase,
    /// The dialogue of sudo on the job's own target.
    Sudo,
    /// No use of the host's own: a driver needs the grant `secret-input` to hand it on.
    Other,
}

impl SecretUse {
    /// The use of the field at `path`, such as `connection_args.password`.
    pub fn of(path: &str) -> Self {
        match path {
            "connection_args.password" => Self::Password,
            "connection_args.pkey" => Self::Key,
            "connection_args.passphrase" => Self::Passphrase,
            "connection_args.proxy_password" => Self::JumpPassword,
            "connection_args.proxy_pkey" => Self::JumpKey,
            "connection_args.proxy_passphrase" => Self::JumpPassphrase,
            "driver_args.sudo_password" => Self::Sudo,
            _ => Self::Other,
        }
    }
}
