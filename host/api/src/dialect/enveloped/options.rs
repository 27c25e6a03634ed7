//! What is asked of a job besides its work.

use crate::dialect::fault::{Fault, Faults};
use crate::dialect::fields::Fields;
use crate::dialect::rendering;
use crate::dialect::webhook::{self, Asked};
use crate::dialect::whole;
use hostler_model::{self as model, Parsing, Webhook};
use serde_json::Value;
use std::ops::RangeInclusive;
use std::time::Duration;

/// What the options ask for.
#[derive(Clone, Default)]
pub(in crate::dialect) struct Options {
    ttl: Option<Duration>,
    result_ttl: Option<Duration>,
    /// Whether jobs with the same target share a connection.
    pub(super) pinned: bool,
    pub(super) webhook: Option<Webhook>,
    parsing: Option<Parsing>,
    /// What the client should know of them.
    pub(super) warnings: Vec<String>,
}

/// What a dialect lets one ask. Times are seconds.
pub(in crate::dialect) struct Rules {
    /// Its name, in whose words webhooks are told.
    pub(in crate::dialect) dialect: &'static str,
    /// How long a job may wait.
    pub(in crate::dialect) ttl: RangeInclusive<u64>,
    /// What that is when nobody says.
    pub(in crate::dialect) default_ttl: u64,
    /// How long a result may be kept; absent where one cannot ask for it.
    pub(in crate::dialect) result_ttl: Option<RangeInclusive<u64>>,
}

impl Options {
    /// Takes the options out of the fields at this place. A null is as if absent.
    pub(in crate::dialect) fn take(fields: &mut Fields, place: &[&str], rules: &Rules, faults: &mut Faults) -> Self {
        let mut options = Self { ttl: Some(Duration::from_secs(rules.default_ttl)), ..Self::default() };
        let mut given = |name: &str| fields.remove(name).filter(|value| !value.is_null());
        let at = |name| [place, &[name]].concat();
        let mut seconds = |name, value: Option<Value>, bounds: &RangeInclusive<u64>| {
            Some(Duration::from_secs(faults.keep(whole::read(&at(name), value?, bounds))?))
        };
        options.ttl = seconds("ttl", given("ttl"), &rules.ttl).or(options.ttl);
        if let Some(bounds) = &rules.result_ttl {
            options.result_ttl = seconds("result_ttl", given("result_ttl"), bounds);
        }
        if let Some(value) = given("queue_strategy") {
            match value.as_str() {
                Some("fifo") => {}
                Some("pinned") => options.pinned = true,
                _ => {
                    let fault = Fault::no_such_word(at("queue_strategy"), &["fifo", "pinned"], "enum").showing(value);
                    faults.0.push(fault);
                }
            }
        }
        if let Some(value) = given("webhook")
            && let Some(Asked { webhook, warnings }) = faults.keep_read(place, webhook::read(value, rules.dialect))
        {
            (options.webhook, options.warnings) = (Some(webhook), warnings);
        }
        options.parsing = given("parsing").and_then(|value| faults.keep(rendering::parsing(value, &at("parsing"))));
        options
    }
}

impl From<&Options> for model::Options {
    fn from(options: &Options) -> Self {
        let Options { ttl, result_ttl, pinned, ref parsing, .. } = *options;
        Self { ttl, result_ttl, pinned, parsing: parsing.clone(), ..Self::default() }
    }
}
