//! SSH servers whose only command is `sleep SECONDS NUMBER`, in a process of their own: this program again.
//! OpenSSH would need two processes for each of a thousand sleepers.

use anyhow::{Context, ensure};
use russh::keys::key::safe_rng;
use russh::keys::{Algorithm, PrivateKey};
use russh::server::{Auth, ChannelOpenHandle, Config, Handler, Msg, Session, run_stream};
use russh::{Channel, ChannelId};
use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write, stdin, stdout};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::time::sleep;

/// What has this program serve instead of measuring.
pub(crate) const SERVE: &str = "--serve-sleepers";

/// The running servers.
pub(crate) struct Sleepers {
    process: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    pub(crate) ports: Vec<u16>,
}

/// What the servers saw.
pub(crate) struct Slept {
    /// The most commands that slept at the same time.
    pub(crate) peak: usize,
    /// When the sleep with that number was over, in milliseconds since 1970.
    pub(crate) woke: HashMap<usize, i64>,
}

impl Sleepers {
    /// Starts so many, each on a port of its own.
    pub(crate) fn start(servers: usize) -> anyhow::Result<Self> {
        let mut process = Command::new(std::env::current_exe()?)
            .args([SERVE, &servers.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let input = process.stdin.take().context("it is piped")?;
        let mut output = BufReader::new(process.stdout.take().context("it is piped")?);
        let mut line = String::new();
        output.read_line(&mut line)?;
        let ports: Vec<u16> = line.split_whitespace().map(str::parse).collect::<Result<_, _>>()?;
        ensure!(ports.len() == servers, "the servers did not start: {line:?}");
        Ok(Self { process, input, output, ports })
    }

    /// Ends the servers.
    pub(crate) fn end(mut self) -> anyhow::Result<Slept> {
        drop(self.input);
        let (mut asleep, mut slept) = (0_usize, Slept { peak: 0, woke: HashMap::new() });
        for line in self.output.lines() {
            if let Some((number, woke)) = line?.split_once(' ') {
                asleep = asleep.saturating_sub(1);
                slept.woke.insert(number.parse()?, woke.parse()?);
            } else {
                asleep += 1;
                slept.peak = slept.peak.max(asleep);
            }
        }
        self.process.wait()?;
        Ok(slept)
    }
}

/// Serves until standard input closes. Prints the ports; then the number of a sleep when it begins, and
/// the number and the time when it is over.
pub(crate) async fn serve(servers: usize) -> anyhow::Result<()> {
    let key = PrivateKey::random(&mut safe_rng(), Algorithm::Ed25519)?;
    let config = Arc::new(Config { keys: vec![key], nodelay: true, ..Config::default() });
    let mut ports = Vec::new();
    for _ in 0..servers {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        ports.push(listener.local_addr()?.port().to_string());
        let config = Arc::clone(&config);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let config = Arc::clone(&config);
                tokio::spawn(async move {
                    if let Ok(session) = run_stream(config, stream, Guest).await {
                        let _end = session.await;
                    }
                });
            }
        });
    }
    tell(&ports.join(" "));
    tokio::task::spawn_blocking(|| stdin().lines().count()).await?;
    Ok(())
}

fn tell(line: &str) {
    // Whoever does not listen any more does not want to know.
    let _told = writeln!(stdout().lock(), "{line}");
}

struct Guest;

impl Handler for Guest {
    type Error = anyhow::Error;

    async fn auth_password(&mut self, _: &str, _: &str) -> anyhow::Result<Auth> {
        Ok(Auth::Accept)
    }

    async fn channel_open_session(
        &mut self,
        _: Channel<Msg>,
        reply: ChannelOpenHandle,
        _: &mut Session,
    ) -> anyhow::Result<()> {
        reply.accept().await;
        Ok(())
    }

    async fn exec_request(&mut self, channel: ChannelId, command: &[u8], session: &mut Session) -> anyhow::Result<()> {
        let command = String::from_utf8_lossy(command);
        let words = command.strip_prefix("sleep ").and_then(|words| words.split_once(' '));
        let (seconds, number) = words.context("only `sleep SECONDS NUMBER` is known here")?;
        let (patience, number) = (Duration::from_secs(seconds.parse()?), number.to_owned());
        session.channel_success(channel)?;
        let handle = session.handle();
        tokio::spawn(async move {
            tell(&number);
            sleep(patience).await;
            tell(&format!("{number} {}", jiff::Timestamp::now().as_millisecond()));
            // They fail if the client has left.
            let _sent = handle.exit_status_request(channel, 0).await;
            let _sent = handle.close(channel).await;
        });
        Ok(())
    }
}
