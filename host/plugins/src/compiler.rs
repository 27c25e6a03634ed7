//! Components become native code in a process of their own, under limits: how long a compiler takes, and how much
//! memory, is up to whoever wrote the component.

use crate::{Config, Error, config, engine};
use rustix::process::{Resource, Rlimit, Signal, getrlimit, setrlimit};
use std::io::{self, Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::Command;
use wasmtime::Engine;

/// What is taken from the compiler at most, in bytes.
const MAX_COMPILED: u64 = 512 << 20;
/// What is read of its complaints, in bytes.
const MAX_COMPLAINT: u64 = 4 << 10;
/// Files that it may have open: its three streams, and what the standard library looks at.
const OPEN_FILES: u64 = 16;

/// Compiles components.
pub(crate) struct Compiler {
    program: Option<config::Compiler>,
    memory: u64,
    time: u64,
    /// For compiling in this process.
    engine: Engine,
}

impl Compiler {
    pub(crate) fn new(config: &Config) -> Result<Self, Error> {
        let (memory, time) = (config.compile_memory, config.compile_time);
        Ok(Self { program: config.compiler.clone(), memory, time, engine: engine::compiling()? })
    }

    /// Answers the compiled form of a component.
    pub(crate) async fn compile(&self, wasm: &[u8]) -> Result<Vec<u8>, Error> {
        match &self.program {
            Some(program) => self.in_child(program, wasm).await,
            None => tokio::task::block_in_place(|| precompile(&self.engine, wasm))
                .map_err(|error| Error::NotAComponent(error.to_string())),
        }
    }

    async fn in_child(&self, program: &config::Compiler, wasm: &[u8]) -> Result<Vec<u8>, Error> {
        let failed = |error: io::Error| Error::Compiler(error.to_string());
        let mut child = Command::new(&program.program)
            .args(&program.arguments)
            .args([self.memory, self.time].map(|limit| limit.to_string()))
            .env_clear()
            .envs(program.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(failed)?;
        let streams = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let (Some(mut stdin), Some(stdout), Some(stderr)) = streams else { unreachable!("all three are piped") };
        let feed = async move {
            // A compiler that ends early says why by its exit.
            let _fed = stdin.write_all(wasm).await;
        };
        let work = async {
            let ((), compiled, complaint) = tokio::join!(feed, take(stdout, MAX_COMPILED), take(stderr, MAX_COMPLAINT));
            Ok::<_, io::Error>((compiled?, complaint?, child.wait().await?))
        };
        let worked = tokio::time::timeout(Duration::from_secs(self.time), work).await;
        let (compiled, complaint, status) = worked.map_err(|_| Error::CompileTime(self.time))?.map_err(failed)?;
        if compiled.len() as u64 >= MAX_COMPILED {
            return Err(Error::Compiler(format!("it made more than {MAX_COMPILED} bytes of code")));
        }
        if status.success() { Ok(compiled) } else { Err(self.verdict(status, &String::from_utf8_lossy(&complaint))) }
    }

    /// Why the child failed.
    fn verdict(&self, status: ExitStatus, complaint: &str) -> Error {
        let complaint = complaint.trim();
        match (status.code(), status.signal().and_then(Signal::from_named_raw)) {
            (Some(1), _) => Error::NotAComponent(complaint.into()),
            (_, Some(Signal::XCPU)) => Error::CompileTime(self.time),
            // So Rust ends when there is no memory left, or none for the stack.
            (_, Some(Signal::ABORT | Signal::SEGV)) => Error::CompileMemory(self.memory),
            _ => Error::Compiler(format!("{status}; {complaint}")),
        }
    }
}

/// Reads up to `limit` bytes, and hears no more.
async fn take(stream: impl AsyncRead + Unpin, limit: u64) -> io::Result<Vec<u8>> {
    let mut content = Vec::new();
    stream.take(limit).read_to_end(&mut content).await?;
    Ok(content)
}

/// What the program of [`config::Compiler`] does: limits itself to so many bytes of address space and so many seconds
/// of CPU time, reads a component from standard input, and writes its compiled form to standard output.
pub fn compile(memory: u64, time: u64) -> io::Result<()> {
    limit(Resource::As, memory, memory)?;
    limit(Resource::Cpu, time, time.saturating_add(1))?; // the harder limit would end it without a reason
    limit(Resource::Fsize, 0, 0)?;
    limit(Resource::Core, 0, 0)?;
    limit(Resource::Nofile, OPEN_FILES, OPEN_FILES)?;
    let mut wasm = Vec::new();
    io::stdin().lock().read_to_end(&mut wasm)?;
    let engine = engine::compiling().map_err(io::Error::other)?;
    io::stdout().lock().write_all(&precompile(&engine, &wasm)?)
}

/// Lowers a limit of this process. What is lower already stays.
fn limit(resource: Resource, soft: u64, hard: u64) -> io::Result<()> {
    let most = getrlimit(resource).maximum.unwrap_or(u64::MAX);
    Ok(setrlimit(resource, Rlimit { current: Some(soft.min(most)), maximum: Some(hard.min(most)) })?)
}

fn precompile(engine: &Engine, wasm: &[u8]) -> io::Result<Vec<u8>> {
    engine.precompile_component(wasm).map_err(|error| io::Error::other(format!("{error:#}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What comes of a compiler that is a script of the shell.
    async fn compiled_by(script: &str) -> Result<Vec<u8>, Error> {
        let program = config::Compiler {
            program: "/bin/sh".into(),
            arguments: vec!["-c".into(), script.into()],
            environment: vec![("GIVEN".into(), "this".into())],
        };
        let config = Config { compiler: Some(program), compile_memory: 1 << 20, compile_time: 1, ..Config::default() };
        Compiler::new(&config).expect("an engine").compile(&vec![b'x'; 1 << 20]).await
    }

    #[tokio::test]
    async fn a_compiler_gets_the_component_the_limits_and_no_environment() {
        let answer = compiled_by("wc -c; echo $0 $1; echo $GIVEN$HOME$CARGO").await.expect("it succeeds");
        assert_eq!(String::from_utf8_lossy(&answer).trim(), "1048576\n1048576 1\nthis");
    }

    #[tokio::test]
    async fn why_a_compiler_failed_is_told_apart() {
        let error = compiled_by("echo no magic number >&2; exit 1").await;
        assert!(matches!(error, Err(Error::NotAComponent(reason)) if reason == "no magic number"));
        assert!(matches!(compiled_by("kill -ABRT $$").await, Err(Error::CompileMemory(_))));
        assert!(matches!(compiled_by("kill -XCPU $$").await, Err(Error::CompileTime(1))));
        assert!(matches!(compiled_by("exec sleep 100").await, Err(Error::CompileTime(1))));
        assert!(matches!(compiled_by("exit 101").await, Err(Error::Compiler(_))));
    }

    #[tokio::test]
    async fn a_compiler_that_complains_without_end_is_not_heard_to_the_end() {
        let error = compiled_by("yes >&2; exit 1").await.expect_err("it fails");
        assert!((error.to_string().len() as u64) < 2 * MAX_COMPLAINT, "{} bytes", error.to_string().len());
    }
}
