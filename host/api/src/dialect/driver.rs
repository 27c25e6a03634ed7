//! The driver of a request, and what it does to its arguments.

use super::fault::Fault;
use super::fields::Fields;
use crate::{Backend, coerce};
use hostler_model::{Args, DriverSchemas};
use serde_json::Value;

/// Seconds between questions to a server whose connection is kept: what `NetPulse` sets.
const KEEPALIVE: u32 = 60;

/// A driver that is in service.
#[derive(Clone)]
pub(super) struct Driver {
    pub(super) name: String,
    pub(super) schemas: DriverSchemas,
}

impl Driver {
    /// The one that the field `driver` names.
    pub(super) fn find(value: Option<Value>, backend: &dyn Backend) -> Result<Self, Fault> {
        let value = value.ok_or_else(|| Fault::missing("driver"))?;
        let schemas = value.as_str().and_then(|name| backend.schemas(name));
        match (value, schemas) {
            (Value::String(name), Some(schemas)) => Ok(Self { name, schemas }),
            (value, _) => {
                Err(Fault::no_such_word(["body", "driver"], &backend.drivers(), "literal_error").showing(value))
            }
        }
    }

    /// Has it keep its connection, if it can.
    pub(super) fn keep(&self, connection_args: &mut Fields, warnings: &mut Vec<String>) {
        if self.schemas.connection_args.pointer("/properties/keepalive").is_none() {
            warnings.push(format!("queue_strategy is `pinned`, but driver {} keeps no connections", self.name));
        } else if connection_args.get("keepalive").is_none_or(Value::is_null) {
            connection_args.insert("keepalive".into(), KEEPALIVE.into());
        }
    }

    /// `connection_args`, as [`Driver::seal`] leaves them.
    pub(super) fn connection_args(&self, fields: Fields, warnings: &mut Vec<String>) -> Args {
        self.seal("connection_args", fields, &self.schemas.connection_args, warnings)
    }

    /// `driver_args`, as [`Driver::seal`] leaves them.
    pub(super) fn driver_args(&self, fields: Fields, warnings: &mut Vec<String>) -> Args {
        self.seal("driver_args", fields, &self.schemas.driver_args, warnings)
    }

    /// Drops what the driver does not know, takes the secrets out, and coerces the rest.
    fn seal(&self, name: &'static str, mut fields: Fields, schema: &Value, warnings: &mut Vec<String>) -> Args {
        let dropped = coerce::drop_unknown(name, &mut fields, schema);
        let ignored = |path| format!("{path} is not a parameter of driver {} and was ignored", self.name);
        warnings.extend(dropped.iter().map(ignored));
        let mut args = Args::seal(name, fields);
        coerce::object(args.public_mut(), schema);
        args
    }
}
