//! `hostler plugin run`: one request, carried out as the daemon would.

use crate::error::Error;
use crate::report::Report;
use crate::scripted::{Network, Script};
use crate::trial::{Subject, Trial, read_given, read_json};
use crate::{Surroundings, exit};
use clap::Args;
use futures::StreamExt;
use hostler_model::{Caller, JobId, Outcome, Problem, Request};
use hostler_plugins::{Plugins, PolicyConfig, Prepared, Rejection, WorldName};
use hostler_remote::Connector;
use std::collections::BTreeMap;
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
    /// Where `known_hosts` is, and `keys` with the key files that requests may name [default: build/data of the project; a
    /// component has none].
    #[arg(long, value_name = "DIR", requires = "real")]
    data_dir: Option<PathBuf>,
    /// What the plugin is given: a TOML file with `grants = [...]`, `limits = {...}`, as a configuration has them under
    /// `[plugin.NAME]` [default: what its manifest asks for].
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
            let policy = subject.policy(run.settings.as_deref())?;
            (name.to_owned(), vec![PolicyConfig { may_amend: run.may_amend, ..policy }])
        }
    };
    let file = subject.needed(run.request.as_deref(), "request.json", "write one, or name another by --request")?;
    let (request, dry_run) = read_request(&file, run.real, surroundings)?;
    let request = Request { driver: name, ..request };
    let mut given = BTreeMap::new();
    if let Some(file) = &run.grants {
        given.insert(subject.manifest.name.clone(), read_given(file)?);
    }
    let stdout = std::mem::replace(&mut surroundings.stdout, Box::new(io::sink()));
    let report = Arc::new(Report::new(stdout, run.json));
    let network = (run.connector(&subject, &trial)?, Arc::clone(&report) as Arc<_>);
    let subjects: Vec<&Subject> = std::iter::once(&subject).chain(&driver).collect();
    let plugins = trial.load(&subjects, given, policies, network, surroundings).await?;
    let code = carry_out(&plugins, request, dry_run, &report, surroundings).await?;
    report.end()?;
    Ok(code)
}

impl Run {
    /// Who answers.
    fn connector(&self, subject: &Subject, trial: &Trial) -> Result<Arc<dyn Connector>, Error> {
        if !self.real {
            let advice = "write one, name another by --script, or take --real";
            let path = subject.needed(self.script.as_deref(), "script.toml", advice)?;
            let beside = path.parent().unwrap_or(Path::new("")).to_owned();
            return Ok(Arc::new(Network::start(Script::read(&path)?, &beside, &trial.place.folder.join("servers"))?));
        }
        let data = match &self.data_dir {
            Some(folder) => folder.clone(),
            None if trial.place.stays() => trial.place.data(),
            None => {
                let message = "--real with a component needs --data-dir DIR: host keys are kept there";
                return Err(Error::Input(message.into()));
            }
        };
        let config = hostler_remote::Config {
            known_hosts: data.join("known_hosts"),
            key_roots: vec![data.join("keys")],
            ..hostler_remote::Config::default()
        };
        Ok(Arc::new(config.build().map_err(|error| Error::Input(error.to_string()))?))
    }
}

/// Reads a request as the daemon does, and whether it only asks what would be done. What only the daemon can do with one, or
/// only a real server, is refused.
fn read_request(path: &Path, real: bool, surroundings: &Surroundings) -> Result<(Request, bool), Error> {
    const DAEMON: &str = "Only a daemon has that: leave it out";
    const SERVER: &str = "Only a real server has that: leave it out, or take --real";
    let wrong = |problems: &[Problem]| {
        let one = |problem: &Problem| format!("{}: {}", problem.path.join("."), problem.message);
        Error::wrong(path, &problems.iter().map(one).collect::<Vec<_>>().join("\n  "))
    };
    let (request, dry_run) = (surroundings.read_request)(read_json(path)?).map_err(|problems| wrong(&problems))?;
    let options = &request.options;
    let unserved = [
        ("ttl", options.ttl.is_some(), DAEMON),
        ("result_ttl", options.result_ttl.is_some(), DAEMON),
        ("staged", options.staged.is_some(), DAEMON),
        ("repeatable", options.repeatable, DAEMON),
        ("queue_strategy", options.pinned, DAEMON),
        ("parsing", options.parsing.is_some(), DAEMON),
        ("credential", options.credential.is_some(), DAEMON),
        ("webhooks", !request.webhooks.is_empty(), DAEMON),
        ("detach", options.detach.is_some() && !real, SERVER),
    ];
    let unserved = unserved.into_iter().filter(|(_, given, _)| *given);
    let problems: Vec<_> = unserved.map(|(name, _, advice)| Problem::new([name], "unsupported", advice)).collect();
    if problems.is_empty() { Ok((request, dry_run)) } else { Err(wrong(&problems)) }
}

async fn carry_out(
    plugins: &Arc<Plugins>,
    request: Request,
    dry_run: bool,
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
    if dry_run {
        report.spared(prepared.plan());
        return Ok(exit::SUCCESS);
    }
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
