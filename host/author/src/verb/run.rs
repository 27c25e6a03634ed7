//! `hostler plugin run`: one request, carried out as the daemon would.

use crate::error::Error;
use crate::report::Report;
use crate::scripted::{Network, Script};
use crate::trial::{Subject, Trial, read_grants};
use crate::{Surroundings, exit};
use clap::Args;
use futures::StreamExt;
use hostler_model::{Caller, JobId, Outcome, Problem, Request};
use hostler_plugins::{Plugins, PolicyConfig, Prepared, Rejection, WorldName};
use hostler_remote::Connector;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// The driver that carries requests out where a policy is tried.
const PARAMIKO: &str = "paramiko";

/// Tries a plugin.
#[derive(Args)]
pub struct Run {
    /// The folder of the project, or a component.
    #[arg(default_value = ".", value_name = "FOLDER|FILE.wasm")]
    plugin: PathBuf,
    /// What is asked, as `POST /v1/jobs` takes it [default: request.json beside the plugin].
    #[arg(long, value_name = "FILE")]
    request: Option<PathBuf>,
    /// What the servers answer [default: script.toml beside the plugin].
    #[arg(long, value_name = "FILE", conflicts_with = "real")]
    script: Option<PathBuf>,
    /// Connects to the server that the request names.
    #[arg(long)]
    real: bool,
    /// Where `known_hosts` is, and `keys` with the key files that requests may name [default: build/data beside the plugin].
    #[arg(long, value_name = "DIR", requires = "real")]
    data_dir: Option<PathBuf>,
    /// What the plugin is granted: a TOML file with `grants = [...]`, as in a configuration [default: what its manifest
    /// asks for].
    #[arg(long, value_name = "FILE")]
    grants: Option<PathBuf>,
    /// Of a policy: its settings [default: settings.json beside it, if there is one].
    #[arg(long, value_name = "FILE")]
    settings: Option<PathBuf>,
    /// Of a policy: lets it change the job.
    #[arg(long)]
    may_amend: bool,
    /// Of a policy: the driver that carries the request out under it, a component or its project [default: the built-in
    /// `paramiko`].
    #[arg(long, value_name = "FOLDER|FILE.wasm")]
    driver: Option<PathBuf>,
    /// Tells everything as JSON, a document a line.
    #[arg(long)]
    json: bool,
}

/// Does it. The code is 0 if the job ended without an error.
pub(crate) async fn run(run: &Run, surroundings: &mut Surroundings) -> Result<u8, Error> {
    let subject = Subject::open(&run.plugin)?;
    let trial = Trial::of(&subject)?;
    let driver = run.driver.as_deref().map(Subject::open).transpose()?;
    let (name, policies) = match (subject.manifest.world, &driver) {
        (WorldName::Driver, None) if run.settings.is_none() && !run.may_amend => {
            (subject.manifest.name.clone(), Vec::new())
        }
        (WorldName::Driver, _) => {
            let message = "--settings, --may-amend and --driver are for policies, but this plugin is a driver";
            return Err(Error::Input(message.into()));
        }
        (WorldName::Policy, driver) => {
            let name = driver.as_ref().map_or(PARAMIKO, |driver| driver.manifest.name.as_str());
            let policy = policy(&subject, run.settings.as_deref())?;
            (name.to_owned(), vec![PolicyConfig { may_amend: run.may_amend, ..policy }])
        }
    };
    let request = read_request(&subject.beside(run.request.as_deref(), "request.json"), surroundings)?;
    let request = Request { driver: name, ..request };
    let mut grants = BTreeMap::new();
    if let Some(file) = &run.grants {
        grants.insert(subject.manifest.name.clone(), read_grants(file)?);
    }
    let stdout = std::mem::replace(&mut surroundings.stdout, Box::new(io::sink()));
    let report = Arc::new(Report::new(stdout, run.json));
    let network = (run.connector(&subject, &trial)?, Arc::clone(&report) as Arc<_>);
    let subjects: Vec<&Subject> = std::iter::once(&subject).chain(&driver).collect();
    let plugins = trial.load(&subjects, grants, policies, network, surroundings).await?;
    let code = carry_out(&plugins, request, &report, surroundings).await?;
    report.end()?;
    Ok(code)
}

impl Run {
    /// Who answers.
    fn connector(&self, subject: &Subject, trial: &Trial) -> Result<Arc<dyn Connector>, Error> {
        if !self.real {
            let path = subject.beside(self.script.as_deref(), "script.toml");
            let beside = path.parent().unwrap_or(Path::new("")).to_owned();
            return Ok(Arc::new(Network::start(Script::read(&path)?, &beside, &trial.place.folder.join("servers"))?));
        }
        let data = self.data_dir.clone().unwrap_or_else(|| trial.place.data());
        let config = hostler_remote::Config {
            known_hosts: data.join("known_hosts"),
            key_roots: vec![data.join("keys")],
            ..hostler_remote::Config::default()
        };
        Ok(Arc::new(config.build().map_err(|error| Error::Input(error.to_string()))?))
    }
}

/// A policy of the chain, with the settings that lie beside it unless somebody names others.
pub(crate) fn policy(subject: &Subject, settings: Option<&Path>) -> Result<PolicyConfig, Error> {
    let path = subject.beside(settings, "settings.json");
    let settings = if settings.is_some() || path.is_file() { read_json(&path)? } else { Map::new() };
    Ok(PolicyConfig::new(&subject.manifest.name, Value::Object(settings)))
}

fn read_json(path: &Path) -> Result<Map<String, Value>, Error> {
    let text = fs::read(path).map_err(|error| Error::unreadable(path, &error))?;
    // serde_json says where it is wrong and what was expected, and never what it found.
    let wrong = |reason: String| Error::Input(format!("{} is wrong: {reason}", path.display()));
    match serde_json::from_slice(&text).map_err(|error| wrong(format!("it is no JSON: {error}")))? {
        Value::Object(fields) => Ok(fields),
        _ => Err(wrong("it should be an object".into())),
    }
}

/// Reads a request as the daemon does. What only the daemon can do with one is refused.
fn read_request(path: &Path, surroundings: &Surroundings) -> Result<Request, Error> {
    let wrong = |problems: &[Problem]| {
        let one = |problem: &Problem| format!("\n  {}: {}", problem.path.join("."), problem.message);
        Error::Input(format!("{} is wrong:{}", path.display(), problems.iter().map(one).collect::<String>()))
    };
    let request = (surroundings.read_request)(read_json(path)?).map_err(|problems| wrong(&problems))?;
    let options = &request.options;
    let unserved = [
        ("staged", options.staged.is_some()),
        ("parsing", options.parsing.is_some()),
        ("credential", options.credential.is_some()),
        ("webhooks", !request.webhooks.is_empty()),
    ];
    let unserved = unserved.iter().filter(|(_, given)| *given);
    let problem =
        |(name, _): &(&str, bool)| Problem::new([*name], "unsupported", "Only a daemon has that: leave it out");
    let problems: Vec<_> = unserved.map(problem).collect();
    if problems.is_empty() { Ok(request) } else { Err(wrong(&problems)) }
}

async fn carry_out(
    plugins: &Arc<Plugins>,
    request: Request,
    report: &Arc<Report>,
    surroundings: &mut Surroundings,
) -> Result<u8, Error> {
    let prepared = match plugins.prepare(JobId::new(), Caller::OPERATOR, request).await {
        Ok(prepared) => prepared,
        Err(Rejection::Invalid(problems)) => {
            report.invalid(&problems);
            return Ok(exit::FAILED);
        }
        Err(Rejection::Failed(failure)) => {
            report.refused(&failure);
            return Ok(exit::FAILED);
        }
    };
    report.accepted(prepared.plan(), prepared.verdicts());
    let warnings = prepared.plan().warnings.clone();
    let outcome = execute(prepared, report, surroundings).await?;
    let outcome = Outcome { warnings: [warnings, outcome.warnings].concat(), ..outcome };
    report.ended(&outcome);
    Ok(if outcome.error.is_some() { exit::FAILED } else { exit::SUCCESS })
}

/// Carries a job out. Ctrl-C cancels it; a second one leaves at once.
async fn execute(prepared: Prepared, report: &Arc<Report>, surroundings: &mut Surroundings) -> Result<Outcome, Error> {
    let cancel = CancellationToken::new();
    let job = prepared.execute(Arc::clone(report) as Arc<_>, cancel.clone());
    tokio::pin!(job);
    loop {
        tokio::select! {
            biased; // it is listened for before the job begins
            Some(()) = surroundings.interrupts.next() => {
                if cancel.is_cancelled() {
                    return Err(Error::Left);
                }
                cancel.cancel();
            }
            outcome = &mut job => return Ok(outcome),
        }
    }
}
