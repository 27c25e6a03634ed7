use super::*;
use serde_json::json;

const URL: &str = "https://hooks.example/jobs";

fn asked(more: Value) -> Result<Asked, Vec<Problem>> {
    let Value::Object(mut fields) = more else { panic!("no object") };
    fields.entry("url").or_insert_with(|| URL.into());
    read(fields.into(), "0.4")
}

fn seconds(more: Value) -> Vec<u64> {
    let asked = asked(more).unwrap_or_else(|problems| panic!("{problems:?}"));
    asked.webhook.retry_after.expect("given").iter().map(Duration::as_secs).collect()
}

#[test]
fn what_is_absent_is_as_netpulse_has_it() {
    let Asked { webhook, warnings } = read(json!({"url": URL, "headers": null}), "0.3").unwrap_or_else(|_| panic!());
    assert_eq!((webhook.url.expose(), webhook.method.as_str(), webhook.dialect.as_str()), (URL, "POST", "0.3"));
    assert_eq!(webhook.timeout, Some(Duration::from_secs(5)));
    assert_eq!(seconds(json!({})), [10, 30, 120]);
    assert!(webhook.headers.is_empty() && warnings.is_empty());
}

#[test]
fn the_last_interval_goes_on_and_none_is_longer_than_an_hour() {
    assert_eq!(seconds(json!({"max_retries": 0})), [0; 0]);
    assert_eq!(seconds(json!({"max_retries": "5", "retry_intervals": [1, 2]})), [1, 2, 2, 2, 2]);
    assert_eq!(seconds(json!({"max_retries": 1, "retry_intervals": [7, 8]})), [7]);
    assert_eq!(seconds(json!({"retry_intervals": [90_000]})), [3600, 3600, 3600]);
    let warnings = asked(json!({"retry_intervals": [90_000], "verify": false, "name": "mine"}));
    let warnings = warnings.unwrap_or_else(|_| panic!()).warnings.join("; ");
    assert!(["retry_intervals", "webhook.verify", "webhook.name"].iter().all(|it| warnings.contains(it)), "{warnings}");
}

#[test]
fn user_and_cookies_become_headers() {
    let given = json!({
        "auth": ["Aladdin", "open sesame"],
        "cookies": {"a": "1", "b": "2"},
        "headers": {"Authorization": "Bearer x", "X-Team": "net"},
    });
    let headers = asked(given).unwrap_or_else(|_| panic!()).webhook.headers;
    let headers: Vec<_> = headers.iter().map(|(name, value)| (name.as_str(), value.expose())).collect();
    // The example of RFC 7617.
    let expected = [("X-Team", "net"), ("authorization", "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="), ("cookie", "a=1; b=2")];
    assert_eq!(headers, expected);
}

#[test]
fn what_is_wrong_is_told_by_its_place_and_not_by_its_value() {
    for (more, place) in [
        (json!({"url": 1}), "url"),
        (json!({"url": null}), "url"),
        (json!({"method": "hunter2"}), "method"),
        (json!({"method": "post"}), "method"),
        (json!({"headers": {"x": 1}}), "headers"),
        (json!({"cookies": {"a": "hunter2; b=2"}}), "cookies"),
        (json!({"auth": ["hunter2"]}), "auth"),
        (json!({"auth": "hunter2"}), "auth"),
        (json!({"timeout": 0.4}), "timeout"),
        (json!({"timeout": "121"}), "timeout"),
        (json!({"max_retries": 11}), "max_retries"),
        (json!({"max_retries": -1}), "max_retries"),
        (json!({"retry_intervals": [-1]}), "retry_intervals"),
        (json!({"retry_intervals": 5}), "retry_intervals"),
    ] {
        let Err(problems) = asked(more.clone()) else { panic!("{more} was accepted") };
        assert_eq!(problems.len(), 1, "{more}");
        assert_eq!(problems[0].path, ["webhook", place], "{more}");
        assert!(!problems[0].message.contains("hunter2"), "{more}");
    }
}
