use super::Template;
use hostler_model::ErrorKind;
use proptest::prelude::*;
use serde_json::{Value, json};

fn rows(template: &str, text: &str) -> Value {
    let template = Template::parse(template).expect(template);
    template.run(text).expect(text).into()
}

#[test]
fn what_stays_and_what_must_be_there() {
    let template =
        "Value Filldown SLOT (\\d+)\nValue Required PORT (\\S+)\n\nStart\n  ^Slot ${SLOT}\n  ^Port ${PORT} -> Record\n";
    let found = rows(template, "Slot 1\nPort a\nPort b\nSlot 2\nPort c\n");
    assert_eq!(found, json!([{"SLOT": "1", "PORT": "a"}, {"SLOT": "1", "PORT": "b"}, {"SLOT": "2", "PORT": "c"}]));
}

#[test]
fn an_entry_of_a_list_that_was_not_matched_is_kept_as_null() {
    let template = "Value A (\\S+)\nValue List B (\\S+)\n\nStart\n  ^a ${A}( ${B})?\n";
    assert_eq!(rows(template, "a 1 x\na 2\n"), json!([{"A": "2", "B": ["x", null]}]));
}

#[test]
fn brackets_and_borders_mean_what_they_mean_in_python() {
    let template = "Value A ([[(]\\S+)\nValue B (\\<\\w+\\>)\n\nStart\n  ^${A} ${B} {x}$$ -> Record\n";
    assert_eq!(rows(template, "[z <w> {x}\n"), json!([{"A": "[z", "B": "<w>"}]));
}

#[test]
fn a_line_that_is_an_error_ends_it_and_the_message_names_the_line() {
    let template =
        Template::parse("Value A (\\d+)\n\nStart\n  ^${A} -> Record\n  ^. -> Error \"odd\"\n").expect("a template");
    let failure = template.run("1\nx\n").expect_err("the second line is refused");
    assert!(failure.message.contains("line 2") && failure.message.contains("\"odd\""), "{}", failure.message);
}

#[test]
fn bombs_are_stopped() {
    let limit = |template: &str, text: &str| {
        let failure = Template::parse(template).and_then(|template| template.run(text)).expect_err("too much");
        assert!(failure.kind == ErrorKind::Limit || failure.kind == ErrorKind::InvalidRequest, "{failure}");
    };
    limit("Value A (\\w+)\n\nStart\n  ^(\\w+\\s?)*\\1\\1$$ -> Record\n", &format!("{}!", "a".repeat(5000)));
    limit("Value A ((\\w{1000}){1000})\n\nStart\n  ^${A}\n", "x");
    limit(
        "Value Filldown A (.*)\n\nStart\n  ^a${A}\n  ^$$ -> Record\n",
        &format!("a{}\n{}", "x".repeat(60_000), "\n".repeat(9000)),
    );
    limit("Value A (.*)\n\nStart\n  ^${A}\n", &"x".repeat(100_000));
    limit(&format!("Value A ({})\n\nStart\n{}", "x".repeat(4000), "  ^${A}\n".repeat(400)), "x");
}

proptest! {
    #[test]
    fn no_template_and_no_text_panic(template in "(Value ([A-Z]\\w{0,4},?){0,2} ?[A-Z] \\(.{0,8}\\)\n){0,3}\n?(Start|\\w)\n(  \\^.{0,20}( -> \\w{0,8})?\n){0,4}", text in ".{0,40}\n.{0,40}") {
        if let Ok(template) = Template::parse(&template) {
            let _rows = template.run(&text);
        }
    }
}
