//! An SFTP program that speaks byte by byte, so that it can say what no library would. The user's name says how it
//! misbehaves; otherwise it has one file of 100 kB under every path, and handles that are no text.

use crate::leftovers::Leftovers;
use crate::server::Server;
use crate::{exec, is, wait};
use futures::future::join_all;
use hostler_model::{ErrorKind, Exit, Failure, Phase};
use hostler_remote::{Connector, Create, FileChange, Files, MAX_ENTRIES, OpenMode, Session};
use russh::server::Msg;
use russh::{Channel, ChannelStream};
use std::io;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::mpsc;

/// What users are called who meet this program.
pub(crate) const USER: &str = "program: ";

const VERSION: u8 = 2;
const OPEN: u8 = 3;
const CLOSE: u8 = 4;
const READ: u8 = 5;
const LSTAT: u8 = 7;
const FSTAT: u8 = 8;
const OPENDIR: u8 = 11;
const READDIR: u8 = 12;
const STAT: u8 = 17;
const READLINK: u8 = 19;
const SYMLINK: u8 = 20;
const STATUS: u8 = 101;
const HANDLE: u8 = 102;
const DATA: u8 = 103;
const NAME: u8 = 104;
const ATTRS: u8 = 105;

const OK: u32 = 0;
const EOF: u32 = 1;
const UNSUPPORTED: u32 = 8;

/// A handle that is no text, and looks like the end of one.
const ODD: &[u8] = b"\xff\0\x80\n";

/// The attributes of a plain file: its mode, and no more.
const PLAIN: &[u8] = &[0, 0, 0, 4, 0, 0, 0o201, 0o244];

/// The content of each file.
fn content() -> Vec<u8> {
    (0..100_000_u32).map(|position| (position % 251) as u8).collect()
}

/// The server's side.
pub(crate) struct Program {
    stream: ChannelStream<Msg>,
    saw: mpsc::UnboundedSender<String>,
    /// How it misbehaves.
    manner: String,
}

/// A request: its kind, its number, and the rest.
type Request = (u8, u32, Vec<u8>);

fn text(text: &[u8]) -> Vec<u8> {
    [&u32::try_from(text.len()).expect("short").to_be_bytes()[..], text].concat()
}

/// What a listing or a link's text is made of.
fn names(names: &[&[u8]]) -> Vec<u8> {
    let count = u32::try_from(names.len()).expect("few").to_be_bytes();
    let names = names.iter().flat_map(|name| [&text(name), &text(b"-rw-r--r--"), PLAIN].concat());
    count.into_iter().chain(names).collect()
}

impl Program {
    /// Speaks until the client is gone.
    pub(crate) async fn run(channel: Channel<Msg>, manner: &str, saw: mpsc::UnboundedSender<String>) {
        let mut program = Self { stream: channel.into_stream(), saw, manner: manner.into() };
        let _client_gone = program.speak().await;
        let _reader = program.saw.send("the program ended".into());
    }

    async fn speak(&mut self) -> io::Result<()> {
        let (_, version, _) = self.next().await?;
        assert_eq!(version, 3, "what the client speaks");
        match self.manner.as_str() {
            "old" => self.say(VERSION, 2, b"").await?,
            "no greeting" => self.say(STATUS, 0, &[0; 12]).await?,
            _ => self.say(VERSION, 3, &[text(b"vendor@example.com"), text(b"\xff")].concat()).await?,
        }
        let mut kept: Vec<Request> = Vec::new();
        loop {
            let (kind, number, rest) = self.next().await?;
            match (self.manner.as_str(), kind) {
                ("wrong number", STAT) => self.say(ATTRS, number + 1000, PLAIN).await?,
                ("twice", STAT) => {
                    self.say(ATTRS, number, PLAIN).await?;
                    self.say(ATTRS, number, PLAIN).await?;
                }
                ("wrong kind", STAT) => self.say(HANDLE, number, &text(ODD)).await?,
                ("unknown kind", STAT) => self.say(99, number, PLAIN).await?,
                ("half", STAT) => {
                    self.stream.write_all(&[0, 0, 0, 17, ATTRS, 0, 0]).await?;
                    return self.stream.shutdown().await;
                }
                ("long packet", STAT) => self.stream.write_all(&[0x7f, 0xff, 0xff, 0xff, ATTRS]).await?,
                ("empty packet", STAT) => self.stream.write_all(&[0; 4]).await?,
                ("long handle", OPEN) => self.say(HANDLE, number, &text(&[b'h'; 257])).await?,
                ("generous", READ) => {
                    let size = u32::from_be_bytes(rest[rest.len() - 4..].try_into().expect("four bytes"));
                    self.say(DATA, number, &text(&vec![0; size as usize + 1025])).await?;
                }
                ("long name", READDIR) => self.say(NAME, number, &[0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff]).await?,
                ("many names", READDIR) => self.say(NAME, number, &[0xff; 4]).await?,
                ("huge names", READDIR) => self.say(NAME, number, &names(&[&b"x".repeat(200_000)[..]])).await?,
                ("endless", READDIR) => self.say(NAME, number, &names(&[&b"again"[..]].repeat(1000))).await?,
                ("no names", READLINK) => self.say(NAME, number, &names(&[])).await?,
                ("backwards", STAT) => {
                    kept.push((kind, number, rest));
                    if kept.len() == 10 {
                        for (_, number, path) in kept.drain(..).rev() {
                            // The size tells whose answer it is.
                            let size = [0, 0, 0, 0, 0, 0, 0, *path.last().expect("a path")];
                            self.say(ATTRS, number, &[&[0, 0, 0, 1][..], &size].concat()).await?;
                        }
                    }
                }
                ("late", OPEN) => {
                    kept.push((kind, number, rest));
                    let _reader = self.saw.send("asked for a handle".into());
                }
                ("late", STAT) => {
                    for (_, number, _) in kept.drain(..) {
                        self.say(HANDLE, number, &text(ODD)).await?;
                    }
                    self.say(ATTRS, number, PLAIN).await?;
                }
                _ => self.behave(kind, number, &rest).await?,
            }
        }
    }

    /// Answers as it should.
    async fn behave(&mut self, kind: u8, number: u32, rest: &[u8]) -> io::Result<()> {
        match kind {
            STAT | LSTAT | FSTAT => self.say(ATTRS, number, PLAIN).await,
            OPEN | OPENDIR => self.say(HANDLE, number, &text(ODD)).await,
            READ => {
                let rest = rest.strip_prefix(&text(ODD)[..]).expect("its own handle");
                let offset = u64::from_be_bytes(rest[..8].try_into().expect("eight bytes"));
                let size = u32::from_be_bytes(rest[8..].try_into().expect("four bytes"));
                assert!(size <= 32 << 10, "more than every server must take: {size}");
                let size = if self.manner == "short" { size.min(7000) } else { size };
                let (content, offset) = (content(), usize::try_from(offset).expect("small"));
                match content.get(offset..content.len().min(offset + size as usize)) {
                    Some(piece) if !piece.is_empty() => self.say(DATA, number, &text(piece)).await,
                    _ => self.status(number, EOF).await,
                }
            }
            READDIR => self.status(number, EOF).await,
            READLINK => self.say(NAME, number, &names(&[b"\xe9t\xe9"])).await,
            SYMLINK => {
                let _reader = self.saw.send(format!("link {}", String::from_utf8_lossy(rest).escape_debug()));
                self.status(number, OK).await
            }
            CLOSE => {
                assert_eq!(rest, text(ODD), "its own handle");
                let _reader = self.saw.send("closed a handle".into());
                self.status(number, OK).await
            }
            _ => self.status(number, UNSUPPORTED).await,
        }
    }

    async fn next(&mut self) -> io::Result<Request> {
        let size = self.stream.read_u32().await? as usize;
        let (kind, number) = (self.stream.read_u8().await?, self.stream.read_u32().await?);
        let mut rest = vec![0; size - 5];
        self.stream.read_exact(&mut rest).await?;
        Ok((kind, number, rest))
    }

    async fn say(&mut self, kind: u8, number: u32, rest: &[u8]) -> io::Result<()> {
        let packet = [&[kind][..], &number.to_be_bytes(), rest].concat();
        self.stream.write_all(&text(&packet)).await
    }

    /// As the oldest servers do, without any words.
    async fn status(&mut self, number: u32, code: u32) -> io::Result<()> {
        self.say(STATUS, number, &code.to_be_bytes()).await
    }
}

async fn session(server: &Server, manner: &str) -> Box<dyn Session> {
    server.engine().connect(server.connect(&format!("{USER}{manner}"))).await.expect("a session")
}

/// The session must outlive the files.
async fn files(server: &Server, manner: &str) -> (Box<dyn Session>, Box<dyn Files>) {
    let session = session(server, manner).await;
    let files = session.files().await.expect("files");
    (session, files)
}

fn nonsense(failure: &Failure) {
    is(failure, ErrorKind::Protocol, Phase::Transfer, "Subsystem");
}

#[tokio::test]
async fn a_program_that_does_not_speak_version_3_is_told() {
    let server = Server::start().await;
    for manner in ["old", "no greeting"] {
        let session = session(&server, manner).await;
        nonsense(&session.files().await.err().expect(manner));
        assert_eq!(wait(session.start(exec("echo")).await.expect("started")).await.end, Ok(Exit::Status(0)));
    }
}

#[tokio::test]
async fn an_answer_that_makes_no_sense_ends_the_way_to_the_files_and_no_more() {
    let mut server = Server::start().await;
    for manner in ["wrong number", "wrong kind", "unknown kind", "half", "long packet", "empty packet"] {
        let (session, files) = files(&server, manner).await;
        nonsense(&files.stat("a").await.expect_err(manner));
        nonsense(&files.stat("b").await.expect_err(manner));
        drop(files);
        server.saw("the program ended").await;
        assert_eq!(wait(session.start(exec("echo")).await.expect("started")).await.end, Ok(Exit::Status(0)));
    }
    let (_session, files) = files(&server, "twice").await;
    files.stat("a").await.expect("the first answer counts");
    nonsense(&files.list("a").await.expect_err("nobody waited for the second"));
}

#[tokio::test]
async fn what_is_longer_than_it_can_be_is_not_gathered() {
    let server = Server::start().await;
    let leftovers = Leftovers::before();
    for manner in ["long handle", "generous", "long name", "many names"] {
        let (_session, files) = files(&server, manner).await;
        let failure = match manner {
            "long handle" | "generous" => files.read("a", 0, 10).await.expect_err(manner),
            _ => files.list("a").await.expect_err(manner),
        };
        nonsense(&failure);
    }
    leftovers.none(server.address).await;
}

#[tokio::test]
async fn listings_are_cut_by_number_and_by_size() {
    let server = Server::start().await;
    let (_session, files) = files(&server, "endless").await;
    let listing = files.list("a").await.expect("a listing");
    assert_eq!((listing.entries.len(), listing.cut), (MAX_ENTRIES, true));
    let (_session, files) = self::files(&server, "huge names").await;
    let listing = files.list("a").await.expect("a listing");
    assert_eq!((listing.entries.len(), listing.cut), (20, true), "4 MiB of names");
}

#[tokio::test]
async fn answers_may_come_in_any_order() {
    let server = Server::start().await;
    let (_session, files) = files(&server, "backwards").await;
    let paths: Vec<String> = ('a'..='j').map(String::from).collect();
    let answers = join_all(paths.iter().map(|path| files.stat(path))).await;
    for (path, answer) in paths.iter().zip(answers) {
        assert_eq!(answer.expect("attributes").size, Some(u64::from(path.as_bytes()[0])));
    }
}

#[tokio::test]
async fn handles_may_be_any_bytes_reads_may_be_short_and_extensions_may_be_missing() {
    let mut server = Server::start().await;
    for manner in ["", "short"] {
        let (_session, files) = files(&server, manner).await;
        assert_eq!(files.read("a", 0, 1 << 20).await.expect("content"), content(), "{manner}");
        assert_eq!(files.read("a", 99_000, 5000).await.expect("content"), content()[99_000..], "{manner}");
        assert_eq!(files.read("a", 1_000_000, 10).await.expect("content"), b"", "{manner}");
        for _ in 0..3 {
            server.saw("closed a handle").await;
        }
    }
}

#[tokio::test]
async fn a_handle_is_closed_whenever_nobody_has_it_any_more() {
    let mut server = Server::start().await;
    let (_session, files) = files(&server, "late").await;
    let mode = OpenMode { read: true, write: true, create: Create::New };
    tokio::select! {
        _ = files.open("a", mode) => panic!("it is not answered yet"),
        _ = server.saw("asked for a handle") => {}
    }
    files.stat("b").await.expect("attributes");
    server.saw("closed a handle").await;

    let (_session, files) = self::files(&server, "").await;
    let file = files.open("a", mode).await.expect("a file");
    assert_eq!(file.stat().await.expect("attributes").mode, Some(0o644));
    assert_eq!(file.read(5, 3).await.expect("content"), [5, 6, 7]);
    drop(file);
    server.saw("closed a handle").await;
}

#[tokio::test]
async fn links_are_made_as_openssh_does_and_their_texts_must_be_text() {
    let mut server = Server::start().await;
    let (_session, files) = files(&server, "").await;
    files.change(&FileChange::Link { path: "new".into(), to: "../old".into() }).await.expect("made");
    server.saw(r"link \0\0\0\u{6}../old\0\0\0\u{3}new").await;
    let failure = files.read_link("a").await.expect_err("not UTF-8");
    is(&failure, ErrorKind::Unsupported, Phase::Transfer, "not UTF-8");
    let (_session, files) = self::files(&server, "no names").await;
    nonsense(&files.read_link("a").await.expect_err("no name"));
}
