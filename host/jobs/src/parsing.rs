//! What a parser reads out of the output of commands, when a job ends.

use hostler_model::{Outcome, Output, Parsing};
use hostler_templates::Parser;
use std::sync::LazyLock;
use tokio::sync::Semaphore;

/// How much of an output is parsed, in bytes.
const LONGEST: u64 = 4 << 20;

/// How many jobs are parsed at once: it computes.
static AT_ONCE: LazyLock<Semaphore> = LazyLock::new(|| Semaphore::new(2));

/// The outcome with what the parser read. What cannot be parsed stays as it is, with a warning: nothing is lost.
pub(crate) async fn parsed(mut outcome: Outcome, parsing: Parsing) -> Outcome {
    let texts: Vec<_> = outcome.results.iter().map(|result| text(&result.stdout)).collect();
    let _room = AT_ONCE.acquire().await;
    let work = move || {
        let parser = Parser::new(&parsing).map_err(|failure| failure.message)?;
        let parse =
            |text: Result<String, String>| text.and_then(|text| parser.parse(&text).map_err(|failure| failure.message));
        Ok::<_, String>(texts.into_iter().map(parse).collect::<Vec<_>>())
    };
    let parsed = tokio::task::spawn_blocking(work).await.unwrap_or_else(|_| Err("The parser failed.".into()));
    match parsed {
        Ok(parsed) => {
            for (result, parsed) in outcome.results.iter_mut().zip(parsed) {
                match parsed {
                    Ok(parsed) => result.parsed = Some(parsed),
                    Err(why) => outcome.warnings.push(format!("what `{}` wrote was not parsed: {why}", result.command)),
                }
            }
        }
        Err(why) => outcome.warnings.push(format!("nothing was parsed: {why}")),
    }
    outcome
}

/// The whole of an output, if it is there and not too long.
fn text(output: &Output) -> Result<String, String> {
    if output.omitted > 0 || output.total() > LONGEST {
        return Err(format!("it wrote more than {LONGEST} bytes, or more than is kept."));
    }
    Ok(output.text())
}
