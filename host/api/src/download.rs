//! Files that clients fetch.

use crate::Config;
use axum::body::{Body, Bytes};
use axum::http::header::{
    ACCEPT_RANGES, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, HOST, HeaderName,
    IF_NONE_MATCH, IF_RANGE, RANGE, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use futures::stream::try_unfold;
use hostler_jobs::StagedFile;
use hostler_model::Moved;
use http_range_header::parse_range_header;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use tokio::task::spawn_blocking;

/// Bytes that are read at once.
const BLOCK: u64 = 256 << 10;

/// What need not be encoded: `attr-char` (RFC 8187 section 3.2.1).
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'!')
    .remove(b'#')
    .remove(b'$')
    .remove(b'&')
    .remove(b'+')
    .remove(b'-')
    .remove(b'.')
    .remove(b'^')
    .remove(b'_')
    .remove(b'`')
    .remove(b'|')
    .remove(b'~');

/// The same in a path (RFC 3986 section 2.3).
const ENCODED_IN_PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Where clients reach this daemon: where the operator says, or else as this request has reached it. It may be empty.
pub(crate) fn base(config: &Config, headers: &HeaderMap) -> String {
    if let Some(url) = &config.external_url {
        return url.trim_end_matches('/').to_owned();
    }
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-_:[]".contains(&byte);
    let host = headers.get(HOST).filter(|host| host.as_bytes().iter().copied().all(plain));
    host.and_then(|host| host.to_str().ok()).map(|host| format!("http://{host}")).unwrap_or_default()
}

/// Where what was downloaded is fetched, as clients of `NetPulse` do it.
pub(crate) fn url(base: &str, moved: &Moved) -> Option<String> {
    let (id, shown) = (moved.staged.as_ref()?, &*moved.local_path);
    let name = shown.strip_prefix("staged:").unwrap_or(shown);
    Some(format!("{base}/storage/fetch/{id}/{}", utf8_percent_encode(name, ENCODED_IN_PATH)))
}

/// A file, or the part of it that was asked for (RFC 9110 sections 13 and 14).
pub(crate) fn answer(about: &StagedFile, content: File, asked: &HeaderMap) -> Response {
    let tag = format!("\"{}\"", about.sha256);
    let is_tag = |name: HeaderName| {
        let tags = asked.get(name)?.to_str().ok()?;
        Some(tags.split(',').any(|one| matches!(one.trim().trim_start_matches("W/"), "*")) || tags.contains(&tag))
    };
    let etag = HeaderValue::try_from(&tag).expect("hexadecimal digits are fine in a header");
    if is_tag(IF_NONE_MATCH) == Some(true) {
        return (StatusCode::NOT_MODIFIED, [(ETAG, etag)]).into_response();
    }
    let wanted = asked.get(RANGE).filter(|_| is_tag(IF_RANGE) != Some(false)).map(|range| part(range, about.size));
    let (status, range) = match wanted.unwrap_or(Part::Whole) {
        Part::Whole => (StatusCode::OK, 0..about.size),
        Part::Of(range) => (StatusCode::PARTIAL_CONTENT, range),
        Part::None => {
            let range = format!("bytes */{}", about.size);
            return (StatusCode::RANGE_NOT_SATISFIABLE, [(CONTENT_RANGE, range)]).into_response();
        }
    };
    let mut headers = HeaderMap::new();
    if status == StatusCode::PARTIAL_CONTENT {
        let text = format!("bytes {}-{}/{}", range.start, range.end - 1, about.size);
        headers.insert(CONTENT_RANGE, HeaderValue::try_from(text).expect("numbers are fine in a header"));
    }
    headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    headers.insert(CONTENT_DISPOSITION, disposition(&about.name));
    headers.insert(CONTENT_LENGTH, (range.end - range.start).into());
    // Whatever it is, a browser is not to take it for a page.
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    headers.insert(ETAG, etag);
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    (status, headers, body(content, range)).into_response()
}

/// What is asked for.
enum Part {
    Whole,
    Of(Range<u64>),
    /// There is no such part.
    None,
}

/// A header that cannot be read counts for nothing, and several parts are not served.
fn part(range: &HeaderValue, size: u64) -> Part {
    let Some(asked) = range.to_str().ok().and_then(|range| parse_range_header(range).ok()) else { return Part::Whole };
    match asked.validate(size).as_deref() {
        Ok([one]) => Part::Of(*one.start()..*one.end() + 1),
        Ok(_) => Part::Whole,
        Err(_) => Part::None,
    }
}

/// `Content-Disposition` (RFC 6266): for old readers too, which know nothing but ASCII.
fn disposition(name: &str) -> HeaderValue {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || " !#$&+-.^_`|~()[]{}@=,;'".contains(letter);
    let ascii: String = name.chars().map(|letter| if plain(letter) { letter } else { '_' }).collect();
    let plain = format!("attachment; filename=\"{ascii}\"");
    let text =
        if ascii == name { plain } else { format!("{plain}; filename*=UTF-8''{}", utf8_percent_encode(name, ENCODED)) };
    HeaderValue::try_from(text).expect("it is ASCII without control characters")
}

/// Reads when the client takes it, one block at a time.
fn body(content: File, range: Range<u64>) -> Body {
    let content = Arc::new(content);
    Body::from_stream(try_unfold(range, move |range| {
        let content = Arc::clone(&content);
        async move {
            if range.is_empty() {
                return Ok(None);
            }
            let end = range.end.min(range.start + BLOCK);
            let reading = spawn_blocking(move || {
                let mut block = vec![0; usize::try_from(end - range.start).unwrap_or(usize::MAX)];
                content.read_exact_at(&mut block, range.start).map(|()| Bytes::from(block))
            });
            let block = reading.await.map_err(io::Error::other)??;
            io::Result::Ok(Some((block, end..range.end)))
        }
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_leave_its_header() {
        let shown = |name| disposition(name).to_str().expect("text").to_owned();
        assert_eq!(shown("a b.txt"), "attachment; filename=\"a b.txt\"");
        assert_eq!(shown("a\"; x=\"b"), "attachment; filename=\"a_; x=_b\"; filename*=UTF-8''a%22%3B%20x%3D%22b");
        assert_eq!(shown("caf\u{e9}%"), "attachment; filename=\"caf__\"; filename*=UTF-8''caf%C3%A9%25");
        assert_eq!(shown("a\\b"), "attachment; filename=\"a_b\"; filename*=UTF-8''a%5Cb");
    }

    #[test]
    fn an_address_is_where_the_operator_says_or_where_the_client_came_to() {
        let (mut config, mut headers) = (Config::default(), HeaderMap::new());
        assert_eq!(base(&config, &headers), "");
        headers.insert(HOST, HeaderValue::from_static("[::1]:9000"));
        assert_eq!(base(&config, &headers), "http://[::1]:9000");
        headers.insert(HOST, HeaderValue::from_static("evil/\"><script>"));
        assert_eq!(base(&config, &headers), "");
        config.external_url = Some("https://hostler.example/".into());
        assert_eq!(base(&config, &headers), "https://hostler.example");
    }
}
