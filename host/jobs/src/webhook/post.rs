//! One attempt to deliver a letter.

use super::guard::{Guard, Refused};
use super::sealed::Plain;
use super::signature;
use hostler_model::{Trace, Webhook};
use jiff::Timestamp;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::redirect::Policy;
use reqwest::{Client, Method, Response, StatusCode, Url};
use std::error::Error;
use std::sync::OnceLock;
use std::time::Duration;

/// How much of an answer is read, in bytes. It is thrown away: only its status counts.
const ANSWER_LIMIT: usize = 64 << 10;

/// Headers that belong to the connection or to the letter itself.
const OURS: [&str; 12] = [
    "connection",
    "content-length",
    "expect",
    "host",
    "keep-alive",
    "proxy-connection",
    "te",
    "traceparent",
    "tracestate",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// What is delivered.
pub(super) struct Letter<'a> {
    /// The same at every attempt.
    pub(super) id: &'a str,
    pub(super) body: Vec<u8>,
    /// The trace that its job is part of.
    pub(super) trace: Option<Trace>,
}

/// Why it was not delivered.
#[derive(Debug)]
pub(super) struct Undelivered {
    /// What the receiver answered, if it did.
    pub(super) status: Option<u16>,
    /// One sentence. It names no more of the receiver than its host.
    pub(super) why: String,
    /// Whether another attempt could not end otherwise.
    pub(super) for_good: bool,
}

/// Delivers letters.
pub(super) struct Post {
    guard: Guard,
    /// How long a receiver may take at most.
    timeout: Duration,
    /// Made for the first letter, because it reads all certificates of the system.
    client: OnceLock<Client>,
}

impl Post {
    pub(super) fn new(guard: Guard, timeout: Duration) -> Self {
        Self { guard, timeout, client: OnceLock::new() }
    }

    /// Checks what can be checked when the webhook is submitted. Answers its address.
    pub(super) fn check(&self, webhook: &Webhook) -> Result<Url, Refused> {
        let url = self.guard.check(webhook.url.expose())?;
        if Method::from_bytes(webhook.method.as_bytes()).is_err() {
            return Err(Refused("A webhook's method is a word such as POST.".into()));
        }
        let headers = webhook.headers.iter().map(|(name, value)| (name.as_str(), value.expose()));
        read_headers(headers)?;
        let signable = |secret| signature::sign(secret, "", 0, b"").is_some();
        if !webhook.secret.as_ref().is_none_or(signable) {
            return Err(Refused("A webhook's secret that begins with whsec_ goes on in base64.".into()));
        }
        Ok(url)
    }

    /// Makes an attempt. Answers the status with which the receiver took it.
    pub(super) async fn deliver(&self, to: &Plain, letter: Letter<'_>) -> Result<u16, Undelivered> {
        // The operator may have become stricter since it was submitted.
        let url = self.guard.check(to.url.0.expose()).map_err(Undelivered::for_good)?;
        let method = Method::from_bytes(to.method.as_bytes()).unwrap_or(Method::POST);
        let client = self.client()?;
        let headers = to.headers.iter().map(|(name, value)| (name.as_str(), value.0.expose()));
        let mut request = client.request(method, url).header(CONTENT_TYPE, "application/json");
        request = request.headers(read_headers(headers).map_err(Undelivered::for_good)?);
        let seconds = Timestamp::now().as_second();
        request = request.header("webhook-id", letter.id).header("webhook-timestamp", seconds);
        if let Some(secret) = &to.secret {
            let signature = signature::sign(&secret.0, letter.id, seconds, &letter.body);
            request = request.header("webhook-signature", signature.unwrap_or_default());
        }
        if let Some(trace) = letter.trace {
            request = request.header("traceparent", trace.continued(step()).to_string());
        }
        let patience = to.timeout.map_or(self.timeout, |asked| asked.min(self.timeout));
        let sent = request.timeout(patience).body(letter.body).send().await;
        let answer = sent.map_err(|error| Undelivered::by(error, patience))?;
        let status = answer.status();
        throw_away(answer).await;
        if status.is_success() { Ok(status.as_u16()) } else { Err(Undelivered::answered(status)) }
    }

    fn client(&self) -> Result<&Client, Undelivered> {
        if let Some(client) = self.client.get() {
            return Ok(client);
        }
        // A proxy would connect to addresses that the guard has not seen, and a redirect leads to another receiver.
        let builder = Client::builder().no_proxy().redirect(Policy::none()).dns_resolver(self.guard.clone());
        let made = builder.user_agent(concat!("hostler/", env!("CARGO_PKG_VERSION"))).http1_only().build();
        match made {
            Ok(client) => Ok(self.client.get_or_init(|| client)),
            Err(error) => {
                tracing::error!(%error, "webhooks cannot be delivered");
                Err(Undelivered::again("The daemon could not begin: its log says why.".into()))
            }
        }
    }
}

impl Undelivered {
    fn again(why: String) -> Self {
        Self { status: None, why, for_good: false }
    }

    fn for_good(refused: Refused) -> Self {
        Self { status: None, why: refused.0, for_good: true }
    }

    fn by(error: reqwest::Error, patience: Duration) -> Self {
        // Its words name the address, which may be secret.
        let error = error.without_url();
        if error.is_timeout() {
            return Self::again(format!("The receiver did not answer within {} s.", patience.as_secs_f64()));
        }
        let mut cause: &dyn Error = &error;
        while let Some(deeper) = cause.source() {
            cause = deeper;
        }
        match cause.downcast_ref::<Refused>() {
            Some(refused) => Self::again(refused.0.clone()),
            None => Self::again(format!("The receiver could not be reached: {cause}.")),
        }
    }

    fn answered(status: StatusCode) -> Self {
        let code = status.as_u16();
        let why = match status {
            // By it a receiver says that it wants no more (Standard Webhooks).
            StatusCode::GONE => "The receiver is gone (410).".into(),
            status if status.is_redirection() => {
                format!(
                    "The receiver answered with {code}; redirects are not followed: give the webhook its final url."
                )
            }
            _ => format!("The receiver answered with {code}."),
        };
        Self { status: Some(code), why, for_good: false }
    }

    /// Whether the receiver wants no more of its webhook at all.
    pub(super) fn is_gone(&self) -> bool {
        self.status == Some(StatusCode::GONE.as_u16())
    }
}

fn read_headers<'a>(given: impl Iterator<Item = (&'a str, &'a str)>) -> Result<HeaderMap, Refused> {
    let mut headers = HeaderMap::new();
    for (name, value) in given {
        let refuse = |why| Refused(format!("A webhook's header {name:?} {why}."));
        let key: HeaderName = name.parse().map_err(|_| refuse("is no name of a header"))?;
        if OURS.contains(&key.as_str()) || key.as_str().starts_with("webhook-") {
            return Err(refuse("is set by the daemon: leave it out"));
        }
        let mut value = HeaderValue::from_str(value).map_err(|_| refuse("has a value that no header can have"))?;
        value.set_sensitive(true);
        headers.insert(key, value);
    }
    Ok(headers)
}

/// Reads what a receiver says, so that its connection can be used again, but not for ever.
async fn throw_away(mut answer: Response) {
    let mut seen = 0;
    while seen <= ANSWER_LIMIT {
        match answer.chunk().await {
            Ok(Some(part)) => seen += part.len(),
            Ok(None) | Err(_) => return,
        }
    }
}

/// A name for a step of a trace.
fn step() -> u64 {
    loop {
        let mut bytes = [0; 8];
        getrandom::fill(&mut bytes).expect("the system has random numbers");
        let step = u64::from_ne_bytes(bytes);
        if step != 0 {
            return step;
        }
    }
}
