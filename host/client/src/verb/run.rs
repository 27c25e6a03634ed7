//! `hostler run`: submits, follows, and cancels on Ctrl-C.

use crate::api::{Api, Ask};
use crate::connection::Connection;
use crate::error::{Error, Problem};
use crate::host::Host;
use crate::order::Order;
use crate::screen::{Piece, Screen};
use crate::voice::Voice;
use crate::watch::{End, Watched, code};
use crate::{Surroundings, exit, tell};
use clap::Args;
use futures::stream::{self, BoxStream, StreamExt};
use reqwest::header::HeaderValue;
use serde::Deserialize;
use serde_json::{Value, json};
use std::pin::pin;
use tokio::task::JoinSet;
use uuid::Uuid;

/// So many jobs are followed at once. What others write meanwhile waits at the daemon.
const FOLLOWED: usize = 100;

/// Runs a command on servers.
#[derive(Args)]
pub struct Run {
    #[command(flatten)]
    connection: Connection,
    #[command(flatten)]
    order: Order,
    /// Names the jobs and does not follow them.
    #[arg(long)]
    detach: bool,
    /// Shows each event as a JSON document on a line of its own; with --detach the daemon's answer.
    #[arg(long)]
    json: bool,
    /// The servers.
    #[arg(required = true, value_name = "[USER@]HOST[:PORT]")]
    hosts: Vec<Host>,
    /// The command. Its words are joined by spaces, and the server's shell takes them apart again, as with ssh.
    #[arg(last = true, required = true)]
    command: Vec<String>,
}

/// What became of a submission.
struct Submitted {
    /// As the daemon answered.
    answer: Value,
    /// Where all of it is cancelled.
    cancel: String,
    jobs: Vec<Child>,
    refused: Vec<Refused>,
}

/// A job, and which of the hosts it is for.
#[derive(Deserialize)]
struct Child {
    #[serde(default)]
    index: usize,
    id: String,
}

/// A host that got no job.
#[derive(Deserialize)]
struct Refused {
    index: usize,
    problem: Problem,
}

/// Runs it. What goes wrong is said here, because the screen takes the streams.
pub(crate) async fn run(run: Run, mut surroundings: Surroundings) -> u8 {
    let prepared = run.connection.open(&mut surroundings).and_then(|api| Ok((api, run.submission()?)));
    let (api, submission) = match prepared {
        Ok(prepared) => prepared,
        Err(error) => {
            tell(&mut surroundings.stderr, &error);
            return error.code();
        }
    };
    let Surroundings { stdout, stderr, colour, watched, interrupts, .. } = surroundings;
    let counted = (watched && run.hosts.len() > 1 && !run.detach).then_some(run.hosts.len());
    let (screen, writing) = Screen::new(stdout, stderr, counted);
    let code = match run.carry_out(&api, submission, &screen, colour, interrupts).await {
        Ok(code) => code,
        // Whoever leaves at once does not wait for what is still to be written.
        Err(error @ Error::Left) => return error.code(),
        Err(error) => {
            screen.remark(format!("hostler: {error}")).await;
            error.code()
        }
    };
    drop(screen);
    writing.end().await.map_or_else(|error| error.code(), |()| code)
}

impl Run {
    /// What is sent.
    fn submission(&self) -> Result<Ask, Error> {
        let mut fields = self.order.common(&self.command)?;
        let path = if let [host] = self.hosts.as_slice() {
            if let (Some(Value::Object(login)), Value::Object(target)) =
                (fields.get_mut("connection_args"), self.order.target(host)?)
            {
                login.extend(target);
            }
            "jobs"
        } else {
            let target = |host| Ok(json!({"connection_args": self.order.target(host)?}));
            fields.insert("targets".into(), self.hosts.iter().map(target).collect::<Result<_, Error>>()?);
            "batches"
        };
        let name = HeaderValue::from_str(&Uuid::now_v7().to_string()).expect("it is plain text");
        Ok(Ask::post(path).body(fields.into()).named(name))
    }

    async fn carry_out(
        &self,
        api: &Api,
        submission: Ask,
        screen: &Screen,
        colour: bool,
        mut interrupts: BoxStream<'static, ()>,
    ) -> Result<u8, Error> {
        let mut stopping = false;
        let mut submitting = pin!(self.submit(api, &submission));
        let submitted = loop {
            tokio::select! {
                submitted = &mut submitting => break submitted?,
                Some(()) = interrupts.next() => {
                    if stopping {
                        return Err(Error::Left);
                    }
                    stopping = true;
                    screen.remark("hostler: cancels what the daemon accepts now; Ctrl-C again leaves at once").await;
                }
            }
        };
        if self.detach && !stopping {
            return Ok(self.name(submitted, screen).await);
        }
        self.follow(api, submitted, screen, colour, interrupts, stopping).await
    }

    async fn submit(&self, api: &Api, submission: &Ask) -> Result<Submitted, Error> {
        let answer = api.value(submission).await?;
        let id = answer["id"].as_str().unwrap_or_default();
        if self.hosts.len() == 1 {
            let (cancel, jobs) = (format!("jobs/{id}/cancel"), vec![Child { index: 0, id: id.to_owned() }]);
            return Ok(Submitted { answer, cancel, jobs, refused: Vec::new() });
        }
        let jobs = Vec::deserialize(&answer["jobs"]).map_err(Error::Strange)?;
        let refused = Vec::deserialize(&answer["refused"]).map_err(Error::Strange)?;
        Ok(Submitted { cancel: format!("batches/{id}/cancel"), jobs, refused, answer })
    }

    /// Follows the jobs to their ends, which Ctrl-C, or that nobody reads any more, brings about.
    async fn follow(
        &self,
        api: &Api,
        submitted: Submitted,
        screen: &Screen,
        colour: bool,
        mut interrupts: BoxStream<'static, ()>,
        stopping: bool,
    ) -> Result<u8, Error> {
        let Submitted { cancel, jobs, refused, .. } = submitted;
        let mut ends = self.refuse(&refused, screen).await;
        let watched = jobs.into_iter().map(|child| self.watched(child, colour).watch(api.clone(), screen.clone()));
        let mut following = pin!(stream::iter(watched).buffer_unordered(FOLLOWED).collect::<Vec<_>>());
        // The screen may be stuck, so it is the tasks that wait for it, and what they do ends with them.
        let mut cancelling = JoinSet::new();
        let stop = |cancelling: &mut JoinSet<()>| {
            cancelling.spawn(stop(api.clone(), cancel.clone(), screen.clone()));
        };
        let mut interrupted = stopping;
        let mut closed = false;
        if stopping {
            stop(&mut cancelling);
        }
        loop {
            tokio::select! {
                ended = &mut following => {
                    ends.extend(ended);
                    break;
                }
                () = screen.closed(), if !closed => {
                    closed = true;
                    stop(&mut cancelling);
                }
                Some(()) = interrupts.next() => {
                    if interrupted {
                        return Err(Error::Left);
                    }
                    interrupted = true;
                    stop(&mut cancelling);
                }
            }
        }
        self.sum_up(&ends, screen).await;
        Ok(code(&ends, interrupted))
    }

    fn watched(&self, Child { index, id: job }: Child, colour: bool) -> Watched {
        let host = self.hosts.get(index).map(|host| host.typed.clone()).unwrap_or_default();
        let is_one_of_several = self.hosts.len() > 1;
        let voice = if self.json {
            Voice::Documents { job: job.clone(), host: Some(host.clone()) }
        } else if is_one_of_several {
            let width = self.hosts.iter().map(|host| host.typed.len()).max().unwrap_or_default();
            Voice::of_several(index, &host, width, colour)
        } else {
            Voice::Plain
        };
        Watched { job, label: host, voice, is_one_of_several }
    }

    /// Says which hosts got no job.
    async fn refuse(&self, refused: &[Refused], screen: &Screen) -> Vec<End> {
        for Refused { index, problem } in refused {
            let host = self.hosts.get(*index).map(|host| host.typed.as_str()).unwrap_or_default();
            screen.remark(format!("{host}: refused: {problem}")).await;
            screen.show(Piece::Ended).await;
        }
        vec![End::Failed; refused.len()]
    }

    /// Says how many of several ended badly.
    async fn sum_up(&self, ends: &[End], screen: &Screen) {
        let well = ends.iter().filter(|end| **end == End::Finished(exit::SUCCESS)).count();
        let status = ends.iter().filter(|end| matches!(end, End::Finished(_))).count() - well;
        let all = ends.len();
        if self.hosts.len() > 1 && well < all && !self.json {
            let others = all - well - status;
            let line = format!("hostler: {all} hosts: {well} well, {status} with another exit code, {others} failed");
            screen.remark(line).await;
        }
    }

    /// Names the jobs that nobody follows: with their hosts, where there are several.
    async fn name(&self, submitted: Submitted, screen: &Screen) -> u8 {
        let Submitted { answer, jobs, refused, .. } = submitted;
        let mut lines = String::new();
        if self.json {
            lines = format!("{answer}\n");
        } else {
            for Child { index, id } in &jobs {
                let host = self.hosts.get(*index).filter(|_| self.hosts.len() > 1);
                lines += &host.map_or_else(|| format!("{id}\n"), |host| format!("{id} {}\n", host.typed));
            }
        }
        screen.show(Piece::Out(lines.into_bytes())).await;
        code(&self.refuse(&refused, screen).await, false)
    }
}

/// Has the daemon cancel.
async fn stop(api: Api, cancel: String, screen: Screen) {
    let asked = async {
        match api.ask(&Ask::post(cancel).again()).await {
            Ok(_) => {}
            // What had ended is told by its events.
            Err(Error::Refused(refusal)) if refusal.status == 409 => {}
            Err(error) => screen.remark(format!("hostler: not cancelled: {error}")).await,
        }
    };
    let told = screen.remark("hostler: cancelling; Ctrl-C again leaves at once, and does not wait for the ends");
    tokio::join!(asked, told);
}
