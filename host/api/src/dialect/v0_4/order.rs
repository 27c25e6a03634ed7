//! What is asked for a device, as its fields came: nothing is sealed yet.

use super::options::Options;
use super::{storage, transfer};
use crate::Backend;
use crate::dialect::driver::Driver;
use crate::dialect::fault::{Fault, Faults};
use crate::dialect::fields::{self, Fields};
use crate::dialect::{credential, rendering, webhook};
use hostler_model::{CredentialRef, Parsing, Request, Webhook};
use serde_json::{Value, json};
use std::time::Duration;
use uuid::Uuid;

/// What a request says instead of a command when it moves a file.
const FILE_TRANSFER: &str = "__FILE_TRANSFER__";

/// Fields that the SDK sends always, and that mean something to no driver of ours. They are false or null unless asked.
const OF_THE_SDK: [&str; 2] = ["enable_mode", "save"];

/// A request that may become several, for other devices.
#[derive(Clone)]
pub(super) struct Order {
    driver: Driver,
    connection_args: Fields,
    driver_args: Fields,
    work: Work,
    options: Options,
    /// A file that the client left here before.
    staged: Option<Uuid>,
    parsing: Option<Parsing>,
    credential: Option<CredentialRef>,
    webhook: Option<Webhook>,
    warnings: Vec<String>,
}

/// What is to be done.
#[derive(Clone, Default)]
struct Work {
    command: Option<Vec<String>>,
    config: Option<Vec<String>>,
    file_transfer: Option<Fields>,
}

impl Work {
    fn take(fields: &mut Fields, faults: &mut Faults) -> Self {
        let command = faults.keep(fields::lines("command", fields.remove("command"))).flatten();
        let config = faults.keep(fields::lines("config", fields.remove("config"))).flatten();
        let file_transfer = transfer::read(fields.remove("file_transfer"));
        let file_transfer = file_transfer.unwrap_or_else(|wrong| {
            faults.0.extend(wrong.0);
            None
        });
        Self { command, config, file_transfer }
    }

    fn is_nothing(&self) -> bool {
        self.command.is_none() && self.config.is_none() && self.file_transfer.is_none()
    }
}

impl Order {
    /// Takes what is asked out of the fields of a body; what is left becomes warnings. What is wrong with connection and
    /// driver arguments is found later, by their driver.
    pub(super) fn read(mut fields: Fields, default_ttl: Duration, backend: &dyn Backend) -> Result<Self, Faults> {
        let (mut faults, mut warnings) = (Faults::default(), Vec::new());
        let work = Work::take(&mut fields, &mut faults);
        let driver_args = fields.remove("driver_args").filter(|args| !args.is_null()).unwrap_or_else(|| json!({}));
        let driver_args = faults.keep(fields::object("driver_args", driver_args));
        let options = Options::take(&mut fields, default_ttl, &mut faults, &mut warnings);
        let webhook = fields.remove("webhook").filter(|value| !value.is_null());
        let webhook = webhook.and_then(|value| faults.keep_read(&["body"], webhook::read(value, "0.4")));
        let webhook = webhook.map(|asked| {
            warnings.extend(asked.warnings);
            let events = options.events().unwrap_or(asked.webhook.events);
            Webhook { events, ..asked.webhook }
        });
        if webhook.is_none() && options.pushes() {
            warnings.push("push_interval: there is no webhook to push to; read the log at /detached-tasks".into());
        }
        let staged = fields.remove("staged_file_id").filter(|id| !id.is_null());
        let staged = staged.and_then(|id| {
            let msg = "Input should be the id of a staged file";
            faults.keep(
                id.as_str()
                    .and_then(storage::id)
                    .ok_or_else(|| Fault::new(["body", "staged_file_id"], "uuid_parsing", msg)),
            )
        });
        let unknown = rendering::take_unknown(&mut fields);
        warnings
            .extend(unknown.into_iter().map(|(object, name)| format!("{object}.{name} is not known and was ignored")));
        let parsing = fields.remove("parsing").filter(|value| !value.is_null());
        let parsing = parsing.and_then(|value| faults.keep(rendering::parsing(value, &["body", "parsing"])));
        let target = Self::take_target(&mut fields, backend, &mut faults);
        warnings.extend(ignored(fields));
        match (target, driver_args) {
            (Some(target), Some(driver_args)) if faults.0.is_empty() => {
                Ok(Self { driver_args, work, options, staged, parsing, webhook, warnings, ..target })
            }
            _ => Err(faults),
        }
    }

    /// The same of a body that only says where something would be done.
    pub(super) fn read_target(mut fields: Fields, backend: &dyn Backend) -> Result<Self, Faults> {
        let mut faults = Faults::default();
        let target = Self::take_target(&mut fields, backend, &mut faults);
        let warnings = ignored(fields).collect();
        target.filter(|_| faults.0.is_empty()).map(|target| Self { warnings, ..target }).ok_or(faults)
    }

    fn take_target(fields: &mut Fields, backend: &dyn Backend, faults: &mut Faults) -> Option<Self> {
        let driver = faults.keep(Driver::find(fields.remove("driver"), backend));
        let connection_args = fields.remove("connection_args").ok_or_else(|| Fault::missing("connection_args"));
        let connection_args = faults.keep(connection_args.and_then(|args| fields::object("connection_args", args)));
        let credential = fields.remove("credential").filter(|value| !value.is_null());
        let credential = credential.and_then(|value| faults.keep_read(&["body"], credential::read(value)));
        Some(Self {
            driver: driver?,
            connection_args: connection_args?,
            driver_args: Fields::new(),
            work: Work::default(),
            options: Options::default(),
            staged: None,
            parsing: None,
            credential,
            webhook: None,
            warnings: Vec::new(),
        })
    }

    /// The same for a device: its own arguments come before those that are common to all, and its own work takes the
    /// place of theirs.
    pub(super) fn for_device(&self, mut device: Fields) -> Result<Self, Faults> {
        let mut faults = Faults::default();
        let work = Work::take(&mut device, &mut faults);
        if !faults.0.is_empty() {
            return Err(faults);
        }
        let mut order = self.clone();
        if !work.is_nothing() {
            order.work = work;
        }
        order.connection_args.extend(device.into_iter().filter(|(_, value)| !value.is_null()));
        Ok(order)
    }

    /// The driver's name.
    pub(super) fn driver(&self) -> &str {
        &self.driver.name
    }

    /// The host, if it is a text.
    pub(super) fn host(&self) -> Option<&str> {
        self.connection_args.get("host")?.as_str()
    }

    /// Errors: what cannot be asked at once.
    pub(super) fn check(&self) -> Result<(), Fault> {
        let Work { command, config, file_transfer } = &self.work;
        let wrong = if command.is_some() && config.is_some() {
            "Only one of 'config' or 'command' can be set"
        } else if self.work.is_nothing() && self.driver_args.is_empty() {
            "Either `config`, `command`, `file_transfer`, or an actionable `driver_args` set."
        } else if file_transfer.is_some() && !self.driver_has("file_transfer") {
            "The driver moves no files: leave `file_transfer` out"
        } else {
            return Ok(());
        };
        Err(Fault::new(["body"], "value_error", format!("Value error, {wrong}")).with_context(json!({"error": {}})))
    }

    /// Seals it.
    pub(super) fn into_request(mut self) -> Request {
        if self.options.pinned() {
            self.driver.keep(&mut self.connection_args, &mut self.warnings);
        }
        let Work { mut command, config, file_transfer } = std::mem::take(&mut self.work);
        if let Some(transfer) = file_transfer {
            self.driver_args.insert("file_transfer".into(), transfer.into());
            if config.is_none() {
                command.get_or_insert_with(|| vec![FILE_TRANSFER.into()]);
            }
        }
        // What changes a server goes on after a failure only if that is asked.
        if config.is_some() && self.driver_has("stop_on_error") && !self.is_given("stop_on_error") {
            self.driver_args.insert("stop_on_error".into(), true.into());
        }
        let mut options = self.options.clone().of_job(self.is_given("file_transfer"));
        options.staged = self.staged;
        options.parsing = self.parsing;
        options.credential = self.credential;
        let Self { driver, connection_args, driver_args, webhook, mut warnings, .. } = self;
        Request {
            command,
            config,
            connection_args: driver.connection_args(connection_args, &mut warnings),
            driver_args: driver.driver_args(driver_args, &mut warnings),
            driver: driver.name,
            options,
            webhooks: webhook.into_iter().collect(),
            warnings,
        }
    }

    /// Whether the driver knows an argument of this name.
    fn driver_has(&self, name: &str) -> bool {
        self.driver.schemas.driver_args.get("properties").is_some_and(|known| known.get(name).is_some())
    }

    fn is_given(&self, name: &str) -> bool {
        self.driver_args.get(name).is_some_and(|value| !value.is_null())
    }
}

/// A warning for each field that is left.
fn ignored(left: Fields) -> impl Iterator<Item = String> {
    let idle = |name: &str, value: &Value| OF_THE_SDK.contains(&name) && (value.is_null() || *value == false);
    let left = left.into_iter().filter(move |(name, value)| !idle(name, value));
    left.flat_map(|(name, value)| match value {
        Value::Object(options) if name == "options" => options
            .into_iter()
            .map(|(name, _)| format!("options.{name} is of dialect 0.2 and was ignored; give {name} beside command"))
            .collect(),
        _ => vec![format!("{name} is not known and was ignored")],
    })
}
