//! The bodies of requests. Fields that are not known become warnings.

use super::background;
use crate::Backend;
use crate::dialect::enveloped::devices;
use crate::dialect::enveloped::options::{Options, Rules};
use crate::dialect::enveloped::order::Order;
use crate::dialect::fault::{Fault, Faults};
use crate::dialect::fields::{self, Fields};
use crate::dialect::{credential, rendering};
use hostler_model::CredentialRef;
use serde_json::{Value, json};

/// What options may be.
const ONE: Rules = Rules { dialect: "0.3", ttl: 1..=86_400, default_ttl: 300, result_ttl: Some(60..=604_800) };

/// The same for many devices.
const MANY: Rules = Rules { default_ttl: 600, ..ONE };

/// Arguments that make work without a command.
const WORK: [&str; 2] = ["script_content", "file_transfer"];

/// Reads the body for one device.
pub(super) fn read(fields: Fields, backend: &dyn Backend) -> Result<Order, Faults> {
    let mut faults = Faults::default();
    let order = take(fields, &ONE, backend, &mut faults).filter(|_| faults.0.is_empty()).ok_or(faults)?;
    one_of(&order)?;
    Ok(order)
}

/// Reads the body for many devices, each of which may have commands of its own.
pub(super) fn read_many(mut fields: Fields, most: usize, backend: &dyn Backend) -> Result<Vec<Order>, Faults> {
    let mut faults = Faults::default();
    let devices = devices::take(&mut fields, &(0..=most), &mut faults);
    let common = take(fields, &MANY, backend, &mut faults);
    let (Some(common), Some(devices)) = (common, devices) else { return Err(faults) };
    if common.command.is_some() && common.config.is_some() {
        one_of(&common)?;
    }
    let orders = devices.into_iter().enumerate().filter_map(|(index, device)| {
        let within = |fault: Fault| fault.within(["body".into(), "devices".into(), Value::from(index)]);
        faults.keep(for_device(&common, device).map_err(within))
    });
    let orders = orders.collect();
    if faults.0.is_empty() { Ok(orders) } else { Err(faults) }
}

/// Reads the body of a test.
pub(super) fn read_target(mut fields: Fields, backend: &dyn Backend) -> Result<Order, Faults> {
    let mut faults = Faults::default();
    let order = Order::of_nothing(&mut fields, backend, &mut faults);
    let credential = credential(&mut fields, &mut faults);
    let mut order = order.filter(|_| faults.0.is_empty()).ok_or(faults)?;
    order.credential = credential;
    warn(&fields, &mut order);
    Ok(order)
}

fn take(mut fields: Fields, rules: &Rules, backend: &dyn Backend, faults: &mut Faults) -> Option<Order> {
    let order = Order::take(&mut fields, backend, faults);
    let unknown = rendering::take_unknown(&mut fields);
    let options = Options::take(&mut fields, &["body"], rules, faults);
    let credential = credential(&mut fields, faults);
    let mut order = order?.with_options(options);
    order.credential = credential;
    faults.keep(background::read(&mut order));
    for (object, name) in unknown {
        order.warn(format!("{object}.{name} is not known and was ignored"));
    }
    warn(&fields, &mut order);
    Some(order)
}

fn credential(fields: &mut Fields, faults: &mut Faults) -> Option<CredentialRef> {
    let value = fields.remove("credential").filter(|credential| !credential.is_null())?;
    faults.keep_read(&["body"], credential::read(value))
}

fn warn(left: &Fields, order: &mut Order) {
    for name in left.keys() {
        order.warn(format!("{name} is not known and was ignored"));
    }
}

/// What one device is asked: its own commands take the place of those that are common.
fn for_device(common: &Order, mut device: Fields) -> Result<Order, Fault> {
    let command = fields::lines("command", device.remove("command"))?;
    let config = fields::lines("config", device.remove("config"))?;
    let mut order = common.for_device(device);
    if command.is_some() || config.is_some() {
        (order.command, order.config) = (command, config);
    }
    one_of(&order)?;
    Ok(order)
}

fn one_of(order: &Order) -> Result<(), Fault> {
    let wrong = match (&order.command, &order.config) {
        (None, None) if WORK.iter().all(|name| order.driver_arg(name).is_none()) => {
            "Either 'command' or 'config' must be provided"
        }
        (Some(_), Some(_)) => "Only one of 'config' or 'command' can be set",
        _ => return Ok(()),
    };
    Err(Fault::new(["body"], "value_error", format!("Value error, {wrong}")).with_context(json!({"error": {}})))
}
