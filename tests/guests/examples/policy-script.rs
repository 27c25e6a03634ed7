//! Says what its settings say: `{"review": …, "authorize": …}`, each `"allow"`, `"loop"`, `"allocate"`, `"recurse"`,
//! `"trap"`, `"nonsense"`, `{"deny": "a reason"}` or `{"amend": a JSON Patch}`. Proves that no policy gets around the host.

use hostile_guests::policy;
use hostler_sdk::policy::{Action, Amendment, Context, Denial, Description, Judgement, Policy, Verdict};
use hostler_sdk::{Job, Problem};
use serde_json::Value;
use std::hint::black_box;

/// The policy.
pub struct Script(Value);

impl Policy for Script {
    fn describe() -> Description {
        policy("policy-script")
    }

    fn new(settings: &str) -> Result<Self, Vec<Problem>> {
        let script = Self(serde_json::from_str(settings).unwrap_or_default());
        act(script.line("check"));
        Ok(script)
    }

    fn review(&self, _context: &Context, _job: &Job) -> Judgement {
        let line = self.line("review");
        act(line);
        if let Some(patch) = line.get("amend") {
            // One that wishes to amend always says so, whether or not it may.
            let patch = patch.as_str().map_or_else(|| patch.to_string(), str::to_owned);
            return Judgement::Amend(Amendment { patch, reason: "The script says so.".into() });
        }
        denial(line).map_or(Judgement::Allow, Judgement::Deny)
    }

    fn authorize(&self, _context: &Context, action: &Action) -> Verdict {
        let line = self.line("authorize");
        if line.get("kind").is_some_and(|kind| kind.as_str() != Some(&action.kind)) {
            return Verdict::Allow;
        }
        act(line);
        denial(line).map_or(Verdict::Allow, Verdict::Deny)
    }
}

impl Script {
    fn line(&self, question: &str) -> &Value {
        self.0.get(question).unwrap_or(&Value::Null)
    }
}

fn denial(line: &Value) -> Option<Denial> {
    let reason = line.get("deny")?.as_str().unwrap_or_default();
    Some(Denial { code: "scripted".into(), reason: reason.into() })
}

fn act(line: &Value) {
    match line.as_str().unwrap_or_default() {
        "loop" => loop {
            black_box(line);
        },
        "allocate" => {
            let mut hoard = Vec::new();
            loop {
                hoard.push(black_box(vec![1_u8; 1 << 20]));
            }
        }
        "recurse" => drop(black_box(recurse(0))),
        "trap" => panic!("it gives up"),
        _ => {}
    }
}

fn recurse(depth: u64) -> u64 {
    black_box(depth) + if depth == u64::MAX { 0 } else { recurse(black_box(depth + 1)) }
}

hostler_sdk::policy!(Script);
