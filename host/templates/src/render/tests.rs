use super::*;
use serde_json::json;

fn rendered(template: &str, context: Value, args: Value) -> Result<String, Failure> {
    let object = |value| if let Value::Object(fields) = value { fields } else { Map::new() };
    render("jinja2", template, &object(context), &object(args))
}

fn kind(template: &str) -> String {
    rendered(template, json!({}), json!({})).expect_err(template).kind.to_string()
}

#[test]
fn what_python_would_write_is_written() {
    let template = "{% for p in ports %}port {{ p.upper() }}{{ gone }}\n{% endfor %}{{ [1, none, true] }} {{ gone|default('-') }}\n";
    let text = rendered(template, json!({"ports": ["a", "b"]}), json!({})).expect("a text");
    assert_eq!(text, "port A\nport B\n[1, None, True] -");
}

#[test]
fn arguments_change_how_a_template_is_written() {
    let args = json!({"variable_start_string": "<<", "variable_end_string": ">>", "line_statement_prefix": "%%",
        "trim_blocks": true, "keep_trailing_newline": true, "newline_sequence": "\n", "block_end_string": null});
    let text = rendered("%% if x\r\n<< x >>\n%% endif\n{{ x }}\n", json!({"x": 1}), args).expect("a text");
    assert_eq!(text, "1\n{{ x }}\n");
    for args in [json!({"extensions": []}), json!({"trim_blocks": "x"}), json!({"newline_sequence": "\r\n"})] {
        rendered("x", json!({}), args).expect_err("it cannot be");
    }
}

#[test]
fn what_has_no_end_or_is_huge_is_stopped() {
    for template in [
        "{% for i in range(100000) %}{% for j in range(100000) %}x{% endfor %}{% endfor %}",
        "{% set n = namespace(a='aaaaaaaa') %}{% for i in range(60) %}{% set n.a = n.a ~ n.a %}{% endfor %}",
        "{{ 'x' * 90000000 }}",
        "{{ 'x' * 2000000 }}",
        &"x".repeat(crate::LONGEST_TEMPLATE + 1),
    ] {
        assert_eq!(kind(template), "limit", "{template:.60}");
    }
    assert_eq!(kind("{% macro f(n) %}{{ f(n) }}{% endmacro %}{{ f(1) }}"), "invalid-request");
    let nested = format!("{{{{ {}", "(".repeat(100_000));
    assert_eq!(kind(&nested), "invalid-request");
}

#[test]
fn a_template_reaches_nothing() {
    for address in ["file:///etc/passwd", "HTTP://a/b", " https://a", "ftp://a"] {
        assert_eq!(kind(address), "unsupported");
    }
    for template in ["{% include '/etc/passwd' %}", "{{ ''.__class__.__mro__ }}", "{{ a.b }}", "{% for"] {
        assert_eq!(kind(template), "invalid-request", "{template}");
    }
    assert_eq!(render("mako", "x", &Map::new(), &Map::new()).expect_err("unknown").kind.to_string(), "not-found");
}
