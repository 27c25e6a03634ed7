//! The daemon, asked over HTTP.

use crate::error::{Error, Problem, Refusal};
use backon::{BackoffBuilder, ExponentialBuilder};
use bytes::Bytes;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER};
use reqwest::redirect::Policy;
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode, Url};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use std::time::Duration;
use tokio::time::sleep;

/// How long to wait for a TCP connection.
const CONNECT: Duration = Duration::from_secs(10);

/// The longest silence. A daemon that keeps us waiting answers after 30 s at most, and a stream of events has a comment
/// every 15 s.
const SILENCE: Duration = Duration::from_mins(1);

/// The longest time that the daemon may ask us to wait.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// How the daemon is asked again after a failure: twelve times, within about 40 s, which a restart takes.
const PAUSES: ExponentialBuilder = ExponentialBuilder::new()
    .with_min_delay(Duration::from_millis(100))
    .with_max_delay(Duration::from_secs(5))
    .with_max_times(12);

/// The daemon, asked over HTTP. Copies share their connections.
#[derive(Clone)]
pub(crate) struct Api {
    http: Client,
    url: Url,
    key_origin: String,
}

/// One request.
pub(crate) struct Ask {
    method: Method,
    path: String,
    query: Vec<(&'static str, String)>,
    headers: HeaderMap,
    body: Option<Body>,
    /// Whether the daemon does the same once if it is asked twice.
    repeatable: bool,
}

/// What a request brings.
enum Body {
    Json(Value),
    Component(Bytes),
}

/// One answer, whole.
pub(crate) struct Answer {
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Ask {
    /// `GET`, below `/v1/`.
    pub(crate) fn get(path: impl Into<String>) -> Self {
        Self::new(Method::GET, path, true)
    }

    /// `POST`, below `/v1/`.
    pub(crate) fn post(path: impl Into<String>) -> Self {
        Self::new(Method::POST, path, false)
    }

    /// `PUT` of a component, below `/v1/`.
    pub(crate) fn put(path: impl Into<String>, component: Vec<u8>) -> Self {
        let ask = Self::new(Method::PUT, path, true);
        Self { body: Some(Body::Component(component.into())), ..ask }
    }

    /// `DELETE`, below `/v1/`.
    pub(crate) fn delete(path: impl Into<String>) -> Self {
        Self::new(Method::DELETE, path, false)
    }

    fn new(method: Method, path: impl Into<String>, repeatable: bool) -> Self {
        let (query, headers) = (Vec::new(), HeaderMap::new());
        Self { method, path: path.into(), query, headers, body: None, repeatable }
    }

    /// With a parameter of the query.
    pub(crate) fn with(mut self, name: &'static str, value: &(impl ToString + ?Sized)) -> Self {
        self.query.push((name, value.to_string()));
        self
    }

    /// With a header field.
    pub(crate) fn header(mut self, name: &'static str, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }

    /// With a body.
    pub(crate) fn body(mut self, body: Value) -> Self {
        self.body = Some(Body::Json(body));
        self
    }

    /// The same, of which the daemon does no more when it is asked twice.
    pub(crate) fn again(self) -> Self {
        Self { repeatable: true, ..self }
    }

    /// The same, known by a name, so that asking again does not do it again.
    pub(crate) fn named(self, name: HeaderValue) -> Self {
        self.again().header("idempotency-key", name)
    }
}

impl Api {
    /// The daemon at a URL. `key_origin` says where the key was found.
    pub(crate) fn new(url: &str, key: &SecretString, key_origin: String) -> Result<Self, Error> {
        let wrong = || Error::Input(format!("`{url}` is no address of a daemon; give one like http://127.0.0.1:9000"));
        let url = Url::parse(url).ok().filter(|url| matches!(url.scheme(), "http" | "https")).ok_or_else(wrong)?;
        let mut key = HeaderValue::from_str(key.expose_secret())
            .map_err(|_| Error::Input(format!("the API key in {key_origin} is no line of plain text")))?;
        key.set_sensitive(true);
        let http = Client::builder()
            .default_headers([("x-api-key".parse().expect("a name"), key)].into_iter().collect())
            .connect_timeout(CONNECT)
            .read_timeout(SILENCE)
            // The key is for this daemon only, and so is what is asked.
            .redirect(Policy::none())
            .no_proxy()
            .build()
            .map_err(|error| Error::Input(format!("HTTP cannot be spoken: {}", cause(&error))))?;
        Ok(Self { http, url, key_origin })
    }

    /// Whether the way to the daemon leaves this machine unencrypted.
    pub(crate) fn is_exposed(&self) -> bool {
        let host = self.url.host_str().unwrap_or_default().trim_matches(['[', ']']);
        let is_here =
            host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
        self.url.scheme() == "http" && !is_here
    }

    /// How to pause before the next try.
    pub(crate) fn pauses() -> impl Iterator<Item = Duration> + use<> {
        PAUSES.with_jitter().build()
    }

    /// Asks, again if the daemon is busy or the connection breaks, unless it might do something twice then.
    pub(crate) async fn ask(&self, ask: &Ask) -> Result<Answer, Error> {
        let mut pauses = Self::pauses();
        let mut first = true;
        loop {
            let error = match self.whole(ask).await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            let is_worth_it = match &error {
                Error::Refused(refusal) => refusal.passes(),
                // Nobody there at all is said at once.
                Error::Unreachable { connected, .. } => ask.repeatable && (*connected || !first),
                _ => false,
            };
            first = false;
            match pauses.next().filter(|_| is_worth_it) {
                Some(pause) => sleep(error.pause(pause)).await,
                None => return Err(error),
            }
        }
    }

    /// Asks for JSON.
    pub(crate) async fn value(&self, ask: &Ask) -> Result<Value, Error> {
        let answer = self.ask(ask).await?;
        serde_json::from_slice(&answer.body).map_err(Error::Strange)
    }

    async fn whole(&self, ask: &Ask) -> Result<Answer, Error> {
        let response = self.ask_once(ask).await?;
        let headers = response.headers().clone();
        let body = response.bytes().await.map_err(|error| self.unreachable(&error))?.to_vec();
        Ok(Answer { headers, body })
    }

    /// Asks once, and leaves the body on its way.
    pub(crate) async fn ask_once(&self, ask: &Ask) -> Result<Response, Error> {
        let response = self.request(ask).send().await.map_err(|error| self.unreachable(&error))?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let retry_after = response.headers().get(RETRY_AFTER).and_then(|seconds| seconds.to_str().ok()?.parse().ok());
        let retry_after = retry_after.map(|seconds| Duration::from_secs(seconds).min(LONGEST_PAUSE));
        let problem: Problem = response.json().await.unwrap_or_default();
        if status == StatusCode::FORBIDDEN && problem.kind.is_none() {
            return Err(Error::Key { url: self.url.to_string(), origin: self.key_origin.clone() });
        }
        Err(Error::Refused(Refusal { status: status.as_u16(), problem, retry_after }))
    }

    fn request(&self, Ask { method, path, query, headers, body, .. }: &Ask) -> RequestBuilder {
        let mut url = self.url.clone();
        if let Ok(mut parts) = url.path_segments_mut() {
            parts.pop_if_empty().push("v1").extend(path.split('/'));
        }
        let request = self.http.request(method.clone(), url).query(query).headers(headers.clone());
        match body {
            Some(Body::Json(body)) => request.json(body),
            Some(Body::Component(component)) => {
                request.header(CONTENT_TYPE, "application/wasm").body(component.clone())
            }
            None => request,
        }
    }

    /// What it is called that there is no connection, or no longer.
    pub(crate) fn unreachable(&self, error: &reqwest::Error) -> Error {
        if error.is_connect() {
            let what = format!("cannot be reached ({})", cause(error));
            return Error::Unreachable { url: self.url.to_string(), what, connected: false };
        }
        self.broke_off(&cause(error))
    }

    /// What it is called that an answer was not whole.
    pub(crate) fn broke_off(&self, cause: &str) -> Error {
        let what = format!("broke off its answer ({cause})");
        Error::Unreachable { url: self.url.to_string(), what, connected: true }
    }
}

/// The innermost reason, which says most.
fn cause(error: &reqwest::Error) -> String {
    let mut inner: &dyn std::error::Error = error;
    while let Some(source) = inner.source() {
        inner = source;
    }
    inner.to_string()
}
