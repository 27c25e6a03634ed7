//! What is asked of the daemon: whom to log in to, how, and what to do there.

use crate::connection::{read, read_secret};
use crate::error::Error;
use crate::host::Host;
use clap::Args;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value, json};
use std::path::PathBuf;
use std::str::FromStr;

/// How to log in, and what to mind.
#[derive(Args)]
pub(crate) struct Order {
    /// Login name, where HOST has none.
    #[arg(long, env = "USER", hide_env = true)]
    user: Option<String>,
    /// SSH port, where HOST has none.
    #[arg(long)]
    port: Option<u16>,
    /// File with the password.
    #[arg(long, value_name = "FILE", conflicts_with = "ask_password")]
    password_file: Option<PathBuf>,
    /// Asks for the password.
    #[arg(long)]
    ask_password: bool,
    /// Private key: a file of this machine, whose content is sent.
    #[arg(short, long, value_name = "FILE", conflicts_with = "remote_identity")]
    identity: Option<PathBuf>,
    /// Private key: a file of the daemon's machine, inside the folders that its operator names.
    #[arg(long, value_name = "PATH")]
    remote_identity: Option<String>,
    /// Jump hosts, the one that is dialled first comes first. They get none of the other credentials.
    #[arg(short = 'J', long, value_name = "[USER@]HOST[:PORT]", value_delimiter = ',')]
    jump: Vec<Host>,
    /// Private key for the jump hosts, a file of this machine.
    #[arg(long, value_name = "FILE", requires = "jump")]
    jump_identity: Option<PathBuf>,
    /// File with the password for the jump hosts.
    #[arg(long, value_name = "FILE", requires = "jump")]
    jump_password_file: Option<PathBuf>,
    /// What to do with a host key that is not on record.
    #[arg(long, value_name = "POLICY", value_parser = ["auto_add", "reject", "warning"])]
    host_key_policy: Option<String>,
    /// Runs the command as root, by sudo, which gets the password if it asks.
    #[arg(long)]
    sudo: bool,
    /// Seconds that each command may take.
    #[arg(long, value_name = "SECONDS")]
    timeout: Option<f64>,
    /// The driver that carries it out [default: paramiko].
    #[arg(long)]
    driver: Option<String>,
    /// Any other field of `connection_args`. The value is JSON or text; `@FILE` takes the text of a file.
    #[arg(long = "connection-arg", value_name = "NAME=VALUE")]
    connection_args: Vec<Field>,
    /// Any other field of `driver_args`, likewise.
    #[arg(long = "driver-arg", value_name = "NAME=VALUE")]
    driver_args: Vec<Field>,
    /// Sends the command as `config`.
    #[arg(long)]
    config: bool,
}

/// `NAME=VALUE`.
#[derive(Clone)]
struct Field {
    name: String,
    value: String,
}

impl FromStr for Field {
    type Err = &'static str;

    fn from_str(typed: &str) -> Result<Self, Self::Err> {
        let (name, value) = typed.split_once('=').ok_or("it is NAME=VALUE")?;
        Ok(Self { name: name.to_owned(), value: value.to_owned() })
    }
}

impl Field {
    fn put(&self, fields: &mut Map<String, Value>) -> Result<(), Error> {
        let value = match self.value.strip_prefix('@') {
            Some(file) => read_secret(file.as_ref())?.expose_secret().into(),
            None => serde_json::from_str(&self.value).unwrap_or_else(|_| self.value.as_str().into()),
        };
        fields.insert(self.name.clone(), value);
        Ok(())
    }
}

impl Order {
    /// The fields that jobs for all hosts have in common.
    pub(crate) fn common(&self, command: &[String]) -> Result<Map<String, Value>, Error> {
        let mut fields = Map::new();
        if let Some(driver) = &self.driver {
            fields.insert("driver".into(), driver.as_str().into());
        }
        let what = if self.config { "config" } else { "command" };
        // As ssh does; the shell of the server takes it apart again.
        fields.insert(what.into(), command.join(" ").into());
        fields.insert("connection_args".into(), self.login()?.into());
        let mut arguments = Map::new();
        if self.sudo {
            arguments.insert("sudo".into(), true.into());
        }
        if let Some(timeout) = self.timeout {
            arguments.insert("timeout".into(), timeout.into());
        }
        self.driver_args.iter().try_for_each(|field| field.put(&mut arguments))?;
        fields.insert("driver_args".into(), arguments.into());
        Ok(fields)
    }

    /// The `connection_args` that are one host's own.
    pub(crate) fn target(&self, host: &Host) -> Result<Value, Error> {
        let Some(user) = host.user.as_ref().or(self.user.as_ref()) else {
            let host = &host.typed;
            return Err(Error::Input(format!("say whom to log in to {host} as: USER@{host}, or --user USER")));
        };
        let mut target = json!({"host": host.name, "username": user});
        if let Some(port) = host.port.or(self.port) {
            target["port"] = port.into();
        }
        Ok(target)
    }

    /// The `connection_args` that all hosts have in common.
    fn login(&self) -> Result<Map<String, Value>, Error> {
        let mut fields = Map::new();
        let mut put = |name: &str, value: Value| fields.insert(name.into(), value);
        if let Some(password) = self.password()? {
            put("password", password.expose_secret().into());
        }
        if let Some(identity) = &self.identity {
            put("pkey", read(identity)?.into());
        }
        if let Some(path) = &self.remote_identity {
            put("key_filename", path.as_str().into());
        }
        if let Some(policy) = &self.host_key_policy {
            put("host_key_policy", policy.as_str().into());
        }
        if let Some((last, before)) = self.jump.split_last() {
            put("proxy_host", last.name.as_str().into());
            last.port.map(|port| put("proxy_port", port.into()));
            last.user.as_ref().map(|user| put("proxy_username", user.as_str().into()));
            if !before.is_empty() {
                put("proxy_jump", before.iter().map(|hop| hop.typed.as_str()).collect());
            }
        }
        if let Some(identity) = &self.jump_identity {
            put("proxy_pkey", read(identity)?.into());
        }
        if let Some(file) = &self.jump_password_file {
            put("proxy_password", read_secret(file)?.expose_secret().into());
        }
        self.connection_args.iter().try_for_each(|field| field.put(&mut fields))?;
        Ok(fields)
    }

    fn password(&self) -> Result<Option<SecretString>, Error> {
        if let Some(file) = &self.password_file {
            return read_secret(file).map(Some);
        }
        if !self.ask_password {
            return Ok(None);
        }
        let terminal = console::Term::stderr();
        let asked = terminal.write_str("Password: ").and_then(|()| terminal.read_secure_line());
        let none =
            |error| Error::Input(format!("the password cannot be asked for ({error}); give --password-file FILE"));
        asked.map(|password| Some(password.into())).map_err(none)
    }
}
