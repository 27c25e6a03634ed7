//! Templates of `TextFSM` beside the program that everybody writes them for: Python's `textfsm`, as `PyPI` has it.

use crate::shared_daemon;
use anyhow::ensure;
use hostler_tests::Python;
use serde_json::{Value, json};
use std::fs;
use ureq::http::Method;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/textfsm");

#[test]
fn templates_make_the_rows_that_they_make_of_python() -> anyhow::Result<()> {
    let python = Python::with(env!("CARGO_TARGET_TMPDIR"), "textfsm", &format!("{FOLDER}/requirements.txt"))?;
    let cases = fs::read_to_string(format!("{FOLDER}/cases.json"))?;
    let wanted: Vec<Option<Value>> = serde_json::from_str(&python.run(&format!("{FOLDER}/rows.py"), &[], &cases)?)?;
    let cases: Vec<Value> = serde_json::from_str(&cases)?;
    ensure!(cases.len() == wanted.len() && wanted.iter().flatten().count() > 10, "{} cases", wanted.len());
    let daemon = shared_daemon()?;
    for (case, wanted) in cases.iter().zip(wanted) {
        let asked = json!({"name": "textfsm", "template": case["template"], "context": case["text"]});
        let answer = daemon.send(Method::POST, "/template/parse", &asked.to_string())?;
        match wanted {
            Some(rows) => assert_eq!((answer.status, &answer.body), (200, &rows), "{case}"),
            None => assert_eq!(answer.status, 400, "{case}: {}", answer.text),
        }
    }
    Ok(())
}
