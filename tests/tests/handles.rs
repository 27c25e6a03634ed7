//! Open files of the SSH engine itself, without the daemon around it.

use crate::engine::connect;
use anyhow::Context;
use futures::future::try_join_all;
use hostler_model::ErrorKind;
use hostler_remote::{Config, Connector, Create, FileChange, FileKind, Files, OpenMode, Session};
use hostler_tests::Sshd;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use tempfile::TempDir;

/// What must be kept for as long as the files are used.
struct Opened {
    files: Box<dyn Files>,
    _session: Box<dyn Session>,
    _folder: TempDir,
}

async fn open(sshd: &Sshd) -> anyhow::Result<Opened> {
    let folder = TempDir::new()?;
    let engine = Config { known_hosts: folder.path().join("known_hosts"), ..Config::default() }.build()?;
    let session = engine.connect(connect(sshd)).await?;
    Ok(Opened { files: session.files().await?, _session: session, _folder: folder })
}

/// OpenSSH numbers its handles, and from the 128th on they are not UTF-8.
#[tokio::test]
async fn three_hundred_files_are_open_at_once_again_and_again() -> anyhow::Result<()> {
    let sshd = Sshd::start(&["ForceCommand=ulimit -n 400; exec /usr/lib/openssh/sftp-server"])?;
    let folder = sshd.home().join("three hundred");
    fs::create_dir(&folder)?;
    for number in 0..300 {
        fs::write(folder.join(number.to_string()), format!("content of {number}"))?;
    }
    let opened = open(&sshd).await?;
    // More than it allows altogether, so each must have been closed.
    for _ in 0..3 {
        let all =
            (0..300).map(async |number| opened.files.open(&format!("three hundred/{number}"), OpenMode::READ).await);
        let all = try_join_all(all).await?;
        for (number, file) in all.iter().enumerate() {
            assert_eq!(file.read(0, 100).await?, format!("content of {number}").as_bytes());
        }
    }
    Ok(())
}

#[tokio::test]
async fn an_open_file_is_read_and_written_anywhere() -> anyhow::Result<()> {
    let sshd = Sshd::shared()?;
    let opened = open(&sshd).await?;
    let files = &opened.files;
    let file = files.open("piecewise", OpenMode { read: true, write: true, create: Create::New }).await?;
    let (start, end) = (vec![b'a'; 1_000_000], vec![b'z'; 300_000]);
    file.write(700_000, &end).await?;
    file.write(0, &start[..700_000]).await?;
    assert_eq!(file.stat().await?.size, Some(1_000_000));
    assert_eq!(file.read(699_999, 2).await?, b"az");
    let all = file.read(0, 1 << 20).await?;
    assert!(all == [&start[..700_000], &end].concat());
    assert_eq!(file.read(1_000_000, 1).await?, b"");
    assert_eq!(file.read(0, (1 << 20) + 1).await.expect_err("too much").kind, ErrorKind::Limit);
    file.close().await?;
    assert!(fs::read(sshd.home().join("piecewise"))? == all);

    let again = OpenMode { read: false, write: true, create: Create::New };
    let failure = files.open("piecewise", again).await.err().context("it exists")?;
    assert_eq!(failure.kind, ErrorKind::TransferFailed, "{failure}");
    assert!(failure.message.contains("`piecewise`"), "{failure}");
    let existing = OpenMode { read: true, write: true, create: Create::Never };
    assert_eq!(files.open("missing", existing).await.err().context("no such file")?.kind, ErrorKind::NotFound);
    let kept = files.open("piecewise", OpenMode { create: Create::Missing, ..existing }).await?;
    assert_eq!(kept.stat().await?.size, Some(1_000_000));
    let emptied = files.open("piecewise", OpenMode::WRITE).await?;
    assert_eq!(emptied.stat().await?.size, Some(0));
    assert_eq!(emptied.read(0, 1).await.expect_err("not to be read").kind, ErrorKind::InvalidRequest);
    let to_read = files.open("piecewise", OpenMode::READ).await?;
    assert_eq!(to_read.write(0, b"x").await.expect_err("not to be written").kind, ErrorKind::InvalidRequest);
    Ok(())
}

#[tokio::test]
async fn a_link_is_made_seen_and_read_as_it_is() -> anyhow::Result<()> {
    let sshd = Sshd::shared()?;
    let opened = open(&sshd).await?;
    let files = &opened.files;
    files.write("led to", b"content").await?;
    fs::set_permissions(sshd.home().join("led to"), fs::Permissions::from_mode(0o640))?;
    files.change(&FileChange::Link { path: "leads".into(), to: "led to".into() }).await?;
    assert_eq!(fs::read_link(sshd.home().join("leads"))?, std::path::Path::new("led to"));
    assert_eq!(files.read_link("leads").await?, "led to");
    let (link, target) = (files.link_stat("leads").await?, files.stat("leads").await?);
    assert_eq!((link.kind, target.kind, target.mode), (FileKind::Link, FileKind::File, Some(0o640)));
    assert_eq!(files.read_link("led to").await.expect_err("no link").kind, ErrorKind::InvalidRequest);
    let failure =
        files.change(&FileChange::Link { path: "leads".into(), to: "x".into() }).await.expect_err("it exists");
    assert_eq!(failure.kind, ErrorKind::TransferFailed);
    Ok(())
}
