//! The field `webhook` of a request: whom to tell of the job, in the words of `NetPulse`.

use crate::coerce;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hostler_model::{Problem, Secret, Webhook};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::time::Duration;
use zeroize::Zeroizing;

const FIELD: &str = "webhook";
const METHODS: [&str; 5] = ["GET", "POST", "PUT", "DELETE", "PATCH"];

/// Seconds that a receiver may take, unless the request says otherwise.
const TIMEOUT: f64 = 5.0;

/// How often a letter is tried again, and seconds until then, unless the request says otherwise.
const RETRIES: i64 = 3;
const INTERVALS: [u64; 3] = [10, 30, 120];

/// The longest time between two attempts, in seconds.
const LONGEST_INTERVAL: u64 = 3600;

/// A webhook, and what of it was ignored or changed.
pub(crate) struct Asked {
    pub(crate) webhook: Webhook,
    pub(crate) warnings: Vec<String>,
}

/// Reads the field. `dialect` is whose words the letter has (`"0.2"`, `"0.3"`, `"0.4"`).
pub(crate) fn read(value: Value, dialect: &str) -> Result<Asked, Vec<Problem>> {
    let Value::Object(mut fields) = value else {
        return Err(vec![Problem::new([FIELD], "dict_type", "Input should be a valid dictionary")]);
    };
    fields.retain(|_, value| !value.is_null());
    let mut reader = Reader { fields, problems: Vec::new(), warnings: Vec::new() };
    let mut webhook = Webhook::new(reader.url());
    webhook.dialect = dialect.into();
    webhook.method = reader.method();
    webhook.headers = reader.headers();
    webhook.timeout = Some(reader.timeout());
    webhook.retry_after = Some(reader.retries());
    reader.name();
    for name in reader.fields.keys() {
        reader.warnings.push(format!("webhook.{name} is not known and was ignored"));
    }
    let Reader { problems, warnings, .. } = reader;
    if problems.is_empty() { Ok(Asked { webhook, warnings }) } else { Err(problems) }
}

/// The fields that were not read yet. No value is ever told: each may be a secret.
struct Reader {
    fields: Map<String, Value>,
    problems: Vec<Problem>,
    warnings: Vec<String>,
}

impl Reader {
    fn wrong(&mut self, name: &str, code: &str, message: &str) {
        self.problems.push(Problem::new([FIELD, name], code, message));
    }

    fn url(&mut self) -> Secret {
        let url = match self.fields.remove("url") {
            Some(Value::String(url)) => url,
            None => {
                self.wrong("url", "missing", "Field required");
                String::new()
            }
            Some(_) => {
                self.wrong("url", "url_type", "URL input should be a string or URL");
                String::new()
            }
        };
        Secret::new(url)
    }

    fn method(&mut self) -> String {
        match self.fields.remove("method") {
            None => "POST".into(),
            Some(Value::String(method)) if METHODS.contains(&method.as_str()) => method,
            Some(_) => {
                self.wrong("method", "enum", "Input should be 'GET', 'POST', 'PUT', 'DELETE' or 'PATCH'");
                String::new()
            }
        }
    }

    /// All that goes into the head of a letter: `headers`, `cookies` and `auth`.
    fn headers(&mut self) -> BTreeMap<String, Secret> {
        let mut headers = self.texts("headers");
        let has =
            |headers: &BTreeMap<String, Secret>, name: &str| headers.keys().any(|it| it.eq_ignore_ascii_case(name));
        let cookies = self.texts("cookies");
        let whole = |text: &str| text.bytes().all(|byte| byte != b';' && !byte.is_ascii_control());
        if cookies.iter().any(|(name, value)| !whole(name) || !whole(value.expose())) {
            self.wrong("cookies", "value_error", "A cookie holds no semicolon and no control character");
        } else if !cookies.is_empty() && !has(&headers, "cookie") {
            let pairs: Vec<_> =
                cookies.iter().map(|(name, it)| Zeroizing::new(format!("{name}={}", it.expose()))).collect();
            let cookie = pairs.iter().map(|pair| pair.as_str()).collect::<Vec<_>>().join("; ");
            headers.insert("cookie".into(), Secret::new(cookie));
        }
        if let Some(authorization) = self.authorization() {
            headers.retain(|name, _| !name.eq_ignore_ascii_case("authorization"));
            headers.insert("authorization".into(), authorization);
        }
        headers
    }

    /// `auth`, a user and a password, as RFC 7617 has them.
    fn authorization(&mut self) -> Option<Secret> {
        match self.fields.remove("auth")? {
            Value::Array(both) => match <[Value; 2]>::try_from(both) {
                Ok([Value::String(user), Value::String(password)]) => {
                    let (user, password) = (Zeroizing::new(user), Zeroizing::new(password));
                    let pair = Zeroizing::new(format!("{}:{}", *user, *password));
                    return Some(Secret::new(format!("Basic {}", STANDARD.encode(pair.as_bytes()))));
                }
                _ => self.wrong("auth", "tuple_type", "Input should be a user and a password"),
            },
            _ => self.wrong("auth", "tuple_type", "Input should be a valid tuple"),
        }
        None
    }

    /// An object of texts.
    fn texts(&mut self, name: &str) -> BTreeMap<String, Secret> {
        let Some(value) = self.fields.remove(name) else { return BTreeMap::new() };
        let text = |(name, value)| if let Value::String(text) = value { Some((name, Secret::new(text))) } else { None };
        let texts = if let Value::Object(fields) = value { fields.into_iter().map(text).collect() } else { None };
        texts.unwrap_or_else(|| {
            self.wrong(name, "dict_type", "Input should be a valid dictionary of strings");
            BTreeMap::new()
        })
    }

    fn timeout(&mut self) -> Duration {
        let seconds = match self.fields.remove("timeout") {
            None => TIMEOUT,
            Some(value) => match coerce::float(&value) {
                Some(seconds) if seconds < 0.5 => {
                    self.wrong("timeout", "greater_than_equal", "Input should be greater than or equal to 0.5");
                    TIMEOUT
                }
                Some(seconds) if seconds > 120.0 => {
                    self.wrong("timeout", "less_than_equal", "Input should be less than or equal to 120");
                    TIMEOUT
                }
                Some(seconds) => seconds,
                None => {
                    self.wrong("timeout", "float_type", "Input should be a valid number");
                    TIMEOUT
                }
            },
        };
        Duration::from_secs_f64(seconds)
    }

    /// The time before each further attempt: where there are more attempts than times, the last one goes on.
    fn retries(&mut self) -> Vec<Duration> {
        let most = match self.fields.remove("max_retries").map(|value| coerce::integer(&value)) {
            None => RETRIES,
            Some(Some(retries @ 0..=10)) => retries,
            Some(Some(..0)) => {
                self.wrong("max_retries", "greater_than_equal", "Input should be greater than or equal to 0");
                0
            }
            Some(Some(_)) => {
                self.wrong("max_retries", "less_than_equal", "Input should be less than or equal to 10");
                0
            }
            Some(None) => {
                self.wrong("max_retries", "int_type", "Input should be a valid integer");
                0
            }
        };
        let given = match self.fields.remove("retry_intervals") {
            None => INTERVALS.to_vec(),
            Some(Value::Array(items)) => {
                let seconds = items.iter().map(|item| u64::try_from(coerce::integer(item)?).ok());
                seconds.collect::<Option<_>>().unwrap_or_else(|| {
                    self.wrong("retry_intervals", "int_type", "Input should be a list of seconds, 0 or more");
                    Vec::new()
                })
            }
            Some(_) => {
                self.wrong("retry_intervals", "list_type", "Input should be a valid list");
                Vec::new()
            }
        };
        if given.iter().any(|seconds| *seconds > LONGEST_INTERVAL) {
            let warning = format!("webhook.retry_intervals goes beyond {LONGEST_INTERVAL} s, which was taken instead");
            self.warnings.push(warning);
        }
        let last = given.last().copied().unwrap_or_default();
        let times = given.into_iter().chain(std::iter::repeat(last)).take(usize::try_from(most).unwrap_or_default());
        times.map(|seconds| Duration::from_secs(seconds.min(LONGEST_INTERVAL))).collect()
    }

    fn name(&mut self) {
        match self.fields.remove("name") {
            None => {}
            Some(Value::String(name)) if name == "basic" => {}
            Some(Value::String(_)) => {
                self.warnings
                    .push("webhook.name is not `basic`, the only one there is, which was taken instead".into());
            }
            Some(_) => self.wrong("name", "string_type", "Input should be a valid string"),
        }
    }
}

#[cfg(test)]
mod tests;
