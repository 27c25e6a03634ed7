//! What is asked for a device, as its fields came: nothing is sealed yet.

use super::options::Options;
use crate::Backend;
use crate::dialect::driver::Driver;
use crate::dialect::fault::{Fault, Faults};
use crate::dialect::fields::{self, Fields};
use hostler_model::{self as model, Args, CredentialRef, Detach, Request};
use serde_json::{Value, json};

/// The driver whose document these dialects are the wire of.
const PARAMIKO: &str = "paramiko";

/// A request that may become several, for other devices.
#[derive(Clone)]
pub(in crate::dialect) struct Order {
    driver: Driver,
    connection_args: Fields,
    driver_args: Fields,
    pub(in crate::dialect) command: Option<Vec<String>>,
    pub(in crate::dialect) config: Option<Vec<String>>,
    options: Options,
    pub(in crate::dialect) credential: Option<CredentialRef>,
    pub(in crate::dialect) detach: bool,
    warnings: Vec<String>,
}

impl Order {
    /// Takes what is asked out of the fields of a body. `None` if there were faults. What is wrong with connection and
    /// driver arguments is found later, by their driver.
    pub(in crate::dialect) fn take(fields: &mut Fields, backend: &dyn Backend, faults: &mut Faults) -> Option<Self> {
        let order = Self::of_nothing(fields, backend, faults);
        let command = faults.keep(fields::lines("command", fields.remove("command")));
        let config = faults.keep(fields::lines("config", fields.remove("config")));
        let driver_args = fields.remove("driver_args").filter(|args| !args.is_null()).unwrap_or_else(|| json!({}));
        let driver_args = faults.keep(fields::object("driver_args", driver_args));
        Some(Self { command: command?, config: config?, driver_args: driver_args?, ..order? })
    }

    /// The same, but only where it would be carried out.
    pub(in crate::dialect) fn of_nothing(
        fields: &mut Fields,
        backend: &dyn Backend,
        faults: &mut Faults,
    ) -> Option<Self> {
        let driver = faults.keep(Driver::find(fields.remove("driver"), backend));
        let connection_args = fields.remove("connection_args").ok_or_else(|| Fault::missing("connection_args"));
        let connection_args = faults.keep(connection_args.and_then(|args| fields::object("connection_args", args)));
        Some(Self {
            driver: driver?,
            connection_args: connection_args?,
            driver_args: Fields::new(),
            command: None,
            config: None,
            options: Options::default(),
            credential: None,
            detach: false,
            warnings: Vec::new(),
        })
    }

    pub(in crate::dialect) fn with_options(self, options: Options) -> Self {
        Self { options, ..self }
    }

    /// Tells the client something with the job.
    pub(in crate::dialect) fn warn(&mut self, warning: String) {
        self.warnings.push(warning);
    }

    /// The same for a device, whose own arguments come before those that are common to all.
    pub(in crate::dialect) fn for_device(&self, connection_args: Fields) -> Self {
        let mut order = self.clone();
        order.connection_args.extend(connection_args.into_iter().filter(|(_, value)| !value.is_null()));
        order
    }

    /// The driver's name.
    pub(in crate::dialect) fn driver(&self) -> &str {
        &self.driver.name
    }

    /// The argument of this name, if it was given.
    pub(in crate::dialect) fn driver_arg(&self, name: &str) -> Option<&Value> {
        self.driver_args.get(name).filter(|value| !value.is_null())
    }

    /// Takes an argument that the driver is not to see. A null is as if absent.
    pub(in crate::dialect) fn take_driver_arg(&mut self, name: &str) -> Option<Value> {
        self.driver_args.remove(name).filter(|value| !value.is_null())
    }

    /// Whether the driver knows an argument of this name.
    pub(in crate::dialect) fn knows_driver_arg(&self, name: &str) -> bool {
        self.driver.schemas.driver_args["properties"].get(name).is_some()
    }

    /// The host, if it is a text.
    pub(in crate::dialect) fn host(&self) -> Option<&str> {
        self.connection_args.get("host")?.as_str()
    }

    /// Seals it. Errors: what the document does not let one ask.
    pub(in crate::dialect) fn into_request(self) -> Result<Request, Fault> {
        let Self {
            driver,
            mut connection_args,
            driver_args,
            command,
            config,
            options,
            credential,
            detach,
            mut warnings,
        } = self;
        warnings.extend_from_slice(&options.warnings);
        if options.pinned {
            driver.keep(&mut connection_args, &mut warnings);
        }
        let connection_args = driver.connection_args(connection_args, &mut warnings);
        let driver_args = driver.driver_args(driver_args, &mut warnings);
        if driver.name == PARAMIKO && command.is_some() {
            no_sudo(&driver_args)?;
        }
        Ok(Request {
            driver: driver.name,
            command,
            config,
            connection_args,
            driver_args,
            options: model::Options { detach: detach.then(Detach::default), credential, ..(&options).into() },
            webhooks: options.webhook.into_iter().collect(),
            warnings,
        })
    }
}

/// The document has sudo for `config` only.
fn no_sudo(driver_args: &Args) -> Result<(), Fault> {
    let name = if driver_args.public().get("sudo").is_some_and(|value| value != false) {
        "sudo"
    } else if driver_args.secrets().contains_key("driver_args.sudo_password") {
        "sudo_password"
    } else {
        return Ok(());
    };
    let msg = format!("`{name}` works with `config`, not with `command`: use `config`, or write sudo into the command");
    Err(Fault::new(["body", "driver_args", name], "sudo_needs_config", msg))
}
