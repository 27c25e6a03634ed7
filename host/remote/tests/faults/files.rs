//! SFTP servers that misbehave. The path says how.

use crate::leftovers::Leftovers;
use crate::server::Server;
use crate::{exec, is, open, wait};
use hostler_model::{ErrorKind, Exit, Failure, Phase};
use hostler_remote::{Connector, FileKind, Files, MAX_ENTRIES};
use russh::Disconnect;
use russh::server::Handle;
use russh_sftp::protocol::{Attrs, Data, File, FileAttributes, Name, OpenFlags, Status, StatusCode};
use russh_sftp::server::Handler;
use tokio::sync::mpsc;

/// The server's side.
pub(crate) struct Faulty {
    pub(crate) saw: mpsc::UnboundedSender<String>,
    pub(crate) handle: Handle,
}

impl Drop for Faulty {
    fn drop(&mut self) {
        let _reader = self.saw.send("files closed".into());
    }
}

/// What a regular file shows.
fn plain() -> FileAttributes {
    FileAttributes { permissions: Some(0o100_644), ..FileAttributes::empty() }
}

impl Handler for Faulty {
    type Error = StatusCode;

    fn unimplemented(&self) -> StatusCode {
        StatusCode::OpUnsupported
    }

    async fn stat(&mut self, id: u32, path: String) -> Result<Attrs, StatusCode> {
        let _reader = self.saw.send(format!("stat {path}"));
        match path.as_str() {
            "missing" => return Err(StatusCode::NoSuchFile),
            "forbidden" => return Err(StatusCode::PermissionDenied),
            "failing" => return Err(StatusCode::Failure),
            "puzzling" => return Err(StatusCode::BadMessage),
            "lying" => return Err(StatusCode::Ok),
            "silent" => std::future::pending().await,
            "cut" => {
                let said = self.handle.disconnect(Disconnect::ByApplication, "maintenance".into(), String::new());
                let _sent = said.await;
            }
            "bare" => return Ok(Attrs { id, attrs: FileAttributes::empty() }),
            _ => {}
        }
        Ok(Attrs { id, attrs: plain() })
    }

    async fn open(
        &mut self,
        id: u32,
        path: String,
        _: OpenFlags,
        _: FileAttributes,
    ) -> Result<russh_sftp::protocol::Handle, StatusCode> {
        Ok(russh_sftp::protocol::Handle { id, handle: path })
    }

    async fn opendir(&mut self, id: u32, path: String) -> Result<russh_sftp::protocol::Handle, StatusCode> {
        Ok(russh_sftp::protocol::Handle { id, handle: path })
    }

    /// One byte more than was asked for, or none at all.
    async fn read(&mut self, id: u32, file: String, _: u64, size: u32) -> Result<Data, StatusCode> {
        let size = if file == "empty" { 0 } else { size as usize + 1 };
        Ok(Data { id, data: vec![b'x'; size] })
    }

    /// The second piece does not fit any more.
    async fn write(&mut self, id: u32, _: String, offset: u64, _: Vec<u8>) -> Result<Status, StatusCode> {
        if offset > 0 { Err(StatusCode::Failure) } else { Ok(done(id)) }
    }

    async fn readdir(&mut self, id: u32, folder: String) -> Result<Name, StatusCode> {
        let names: &[&str] = match folder.as_str() {
            "harmful" => &[".", "..", "../evil", "/etc", "", "nul\0", "good"],
            _ => &["again"; 500],
        };
        Ok(Name { id, files: names.iter().map(|name| File::new(*name, plain())).collect() })
    }

    async fn close(&mut self, id: u32, file: String) -> Result<Status, StatusCode> {
        if file == "full" { Err(StatusCode::Failure) } else { Ok(done(id)) }
    }
}

fn done(id: u32) -> Status {
    Status { id, status_code: StatusCode::Ok, error_message: String::new(), language_tag: String::new() }
}

async fn refusal(files: &dyn Files, path: &str) -> Failure {
    files.stat(path).await.expect_err(path)
}

#[tokio::test]
async fn a_server_without_sftp_is_told() {
    let server = Server::start().await;
    let session = server.engine().connect(server.connect("no files")).await.expect("a session");
    let failure = session.files().await.err().expect("refused");
    is(&failure, ErrorKind::Unsupported, Phase::Transfer, "Subsystem");
    assert_eq!(wait(session.start(exec("echo")).await.expect("started")).await.end, Ok(Exit::Status(0)));
}

#[tokio::test]
async fn each_status_has_a_kind() {
    let server = Server::start().await;
    let session = open(&server).await;
    let files = session.files().await.expect("files");
    for (path, kind, words) in [
        ("missing", ErrorKind::NotFound, "no `missing`"),
        ("forbidden", ErrorKind::PermissionDenied, "`user`"),
        ("failing", ErrorKind::TransferFailed, "`failing`"),
        ("puzzling", ErrorKind::InvalidRequest, "too long"),
        ("lying", ErrorKind::Protocol, "Subsystem"),
    ] {
        is(&refusal(&*files, path).await, kind, Phase::Transfer, words);
    }
    let bare = files.stat("bare").await.expect("attributes");
    assert_eq!((bare.kind, bare.size, bare.mode), (FileKind::Other, None, None), "nothing is made up");
}

#[tokio::test]
async fn a_connection_that_is_cut_midway_is_told() {
    let server = Server::start().await;
    let leftovers = Leftovers::before();
    let session = open(&server).await;
    let files = session.files().await.expect("files");
    is(&refusal(&*files, "cut").await, ErrorKind::ConnectionLost, Phase::Transfer, "lost");
    is(&refusal(&*files, "plain").await, ErrorKind::ConnectionLost, Phase::Transfer, "lost");
    drop((files, session));
    leftovers.none(server.address).await;
}

#[tokio::test]
async fn an_operation_that_is_given_up_leaves_no_channel() {
    let mut server = Server::start().await;
    let session = open(&server).await;
    let files = session.files().await.expect("files");
    tokio::select! {
        _ = files.stat("silent") => panic!("it does not answer"),
        _ = server.saw("stat silent") => {}
    }
    drop(files);
    server.saw("channel of files closed").await;
    assert_eq!(wait(session.start(exec("echo")).await.expect("started")).await.end, Ok(Exit::Status(0)));
}

#[tokio::test]
async fn the_end_of_the_session_ends_its_files() {
    let mut server = Server::start().await;
    let session = open(&server).await;
    let files = session.files().await.expect("files");
    files.stat("plain").await.expect("it answers");
    session.close().await;
    server.saw("files closed").await;
    is(&refusal(&*files, "plain").await, ErrorKind::InvalidRequest, Phase::Transfer, "connect again");
    let failure = session.files().await.err().expect("closed");
    is(&failure, ErrorKind::InvalidRequest, Phase::Exec, "connect again");
}

#[tokio::test]
async fn names_that_mean_harm_are_left_out_and_a_folder_without_end_is_cut() {
    let server = Server::start().await;
    let session = open(&server).await;
    let files = session.files().await.expect("files");
    let endless = files.list("endless").await.expect("a listing");
    assert_eq!((endless.entries.len(), endless.cut), (MAX_ENTRIES, true));
    // It never says that it has no more, so the same names come until the listing is full.
    let harmful = files.list("harmful").await.expect("a listing");
    assert!(harmful.entries.iter().all(|entry| entry.name == "good"));
    assert_eq!(harmful.unnameable as usize, 4 * harmful.entries.len());
}

#[tokio::test]
async fn more_than_was_asked_for_is_cut_and_nothing_is_an_end() {
    let server = Server::start().await;
    let session = open(&server).await;
    let files = session.files().await.expect("files");
    assert_eq!(files.read("generous", 0, 300_000).await.expect("content").len(), 300_000);
    assert_eq!(files.read("empty", 0, 10).await.expect("content"), b"");
}

#[tokio::test]
async fn what_could_not_be_written_is_told_wherever_it_fails() {
    let server = Server::start().await;
    let session = open(&server).await;
    let files = session.files().await.expect("files");
    files.write("plain", b"short").await.expect("it fits");
    for (path, content) in [("plain", vec![b'x'; 100_000]), ("full", b"short".to_vec())] {
        let failure = files.write(path, &content).await.expect_err(path);
        is(&failure, ErrorKind::TransferFailed, Phase::Transfer, "disk");
    }
}
