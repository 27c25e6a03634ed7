//! The bodies of requests, and what stands where in them.

use crate::Backend;
use crate::dialect::enveloped::devices;
use crate::dialect::enveloped::options::{Options, Rules};
use crate::dialect::enveloped::order::Order;
use crate::dialect::fault::{Fault, Faults};
use crate::dialect::fields::{self, Fields};
use crate::dialect::rendering;
use serde_json::json;
use std::ops::RangeInclusive;

/// What options may be.
const ONE: Rules = Rules { dialect: "0.2", ttl: 1..=3600, default_ttl: 300, result_ttl: None };

/// The same for many devices.
const MANY: Rules = Rules { default_ttl: 600, ..ONE };

/// How many devices one request may name.
const DEVICES: RangeInclusive<usize> = 1..=100;

/// Which sort of body it is.
#[derive(Clone, Copy)]
pub(super) enum Form {
    /// `command` or `config`, `driver_args`, and options in a field of their own.
    Execute,
    /// `command`, `args`, and options beside them.
    Pull,
    /// The same with `config`.
    Push,
}

impl Form {
    /// The field that has the options, if they do not stand beside the others.
    pub(super) fn options(self) -> Option<&'static str> {
        matches!(self, Self::Execute).then_some("options")
    }

    /// Reads a body for one device.
    pub(super) fn read(self, fields: Fields, backend: &dyn Backend) -> Result<Order, Faults> {
        let mut faults = Faults::default();
        let order = self.take(fields, &ONE, backend, &mut faults);
        order.filter(|_| faults.0.is_empty()).ok_or(faults)
    }

    /// Reads a body for many devices.
    pub(super) fn read_many(self, mut fields: Fields, backend: &dyn Backend) -> Result<Vec<Order>, Faults> {
        let mut faults = Faults::default();
        let devices = devices::take(&mut fields, &DEVICES, &mut faults);
        let common = self.take(fields, &MANY, backend, &mut faults);
        match (common, devices) {
            (Some(common), Some(devices)) if faults.0.is_empty() => {
                Ok(devices.into_iter().map(|device| common.for_device(device)).collect())
            }
            _ => Err(faults),
        }
    }

    fn take(self, mut fields: Fields, rules: &Rules, backend: &dyn Backend, faults: &mut Faults) -> Option<Order> {
        match self {
            Self::Execute => {
                let order = Order::take(&mut fields, backend, faults);
                let options = fields.remove("options").filter(|options| !options.is_null());
                let options = fields::object("options", options.unwrap_or_else(|| json!({})));
                let mut options_fields = faults.keep(options).unwrap_or_default();
                let place = ["body", "options"];
                refuse_unknown(&mut options_fields, &place, faults);
                let options = Options::take(&mut options_fields, &place, rules, faults);
                refuse(&options_fields, &place, faults);
                refuse(&fields, &["body"], faults);
                let order = order.filter(|_| faults.0.is_empty())?.with_options(options);
                one_of(&order, faults);
                Some(order)
            }
            Self::Pull => take_flat(fields, "command", &["config", "driver_args", "rendering"], rules, backend, faults),
            Self::Push => {
                let unused = fields.remove("enable_mode").is_some();
                let foreign = ["command", "driver_args", "parsing"];
                let mut order = take_flat(fields, "config", &foreign, rules, backend, faults)?;
                if unused {
                    order.warn(format!("enable_mode means nothing to driver {} and was ignored", order.driver()));
                }
                Some(order)
            }
        }
    }
}

/// A body whose options stand beside what is asked. `foreign` fields are for other bodies.
fn take_flat(
    mut fields: Fields,
    wanted: &str,
    foreign: &[&str],
    rules: &Rules,
    backend: &dyn Backend,
    faults: &mut Faults,
) -> Option<Order> {
    let foreign = foreign.iter().filter(|name| fields.remove(**name).is_some());
    let mut unknown: Faults = Faults(foreign.map(|name| Fault::unknown(["body", name])).collect());
    if fields.get(wanted).is_none_or(serde_json::Value::is_null) {
        faults.0.push(Fault::missing(wanted));
    }
    if let Some(args) = fields.remove("args") {
        fields.insert("driver_args".into(), args);
    }
    let order = Order::take(&mut fields, backend, faults);
    refuse_unknown(&mut fields, &["body"], faults);
    let options = Options::take(&mut fields, &["body"], rules, faults);
    refuse(&fields, &["body"], &mut unknown);
    faults.0.append(&mut unknown.0);
    Some(order?.with_options(options))
}

/// Refuses what is left of the object that stands at `place`.
pub(super) fn refuse(fields: &Fields, place: &[&str], faults: &mut Faults) {
    faults.0.extend(fields.keys().map(|name| Fault::unknown(place.iter().copied().chain([name.as_str()]))));
}

/// Refuses what nobody knows within `rendering` and `parsing`, which stand at `place`.
fn refuse_unknown(fields: &mut Fields, place: &[&str], faults: &mut Faults) {
    let unknown = rendering::take_unknown(fields);
    faults.0.extend(unknown.iter().map(|(object, name)| Fault::unknown([place, &[object, name]].concat())));
}

fn one_of(order: &Order, faults: &mut Faults) {
    let wrong = match (&order.command, &order.config) {
        (None, None) => "Either 'command' (query operation) or 'config' (config operation) must be provided",
        (Some(_), Some(_)) => "Cannot specify both 'command' and 'config' in the same request",
        _ => return,
    };
    let fault = Fault::new(["body"], "value_error", format!("Value error, {wrong}"));
    faults.0.push(fault.with_context(json!({"error": {}})));
}
