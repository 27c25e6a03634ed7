//! Links in folders.

use super::sides::{Sides, listing};
use crate::server::{Fate, Server, kind, status};
use crate::watch::Watch;
use hostler_model::{Direction, ErrorKind, Moved};
use hostler_remote::{Links, Transfer};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::Arc;
use tokio::sync::mpsc;

const BOTH: [Direction; 2] = [Direction::Upload, Direction::Download];

/// A folder with links of all sorts, and things outside that they lead to.
fn plant(folder: &Path) {
    let at = |path: &str| folder.join(path);
    fs::create_dir_all(at("top/within/deep")).expect("folders");
    fs::create_dir_all(at("outside")).expect("folder");
    fs::write(at("outside/secret"), "secret").expect("file");
    fs::write(at("top/within/file"), "content").expect("file");
    for (text, path) in [
        ("within/file", "top/to-file"),
        ("within", "top/to-folder"),
        ("../file", "top/within/deep/up"),
        ("nowhere", "top/dangling"),
        ("../outside/secret", "top/out"),
        ("../outside", "top/out-to-folder"),
        ("/etc/passwd", "top/absolute"),
        ("..", "top/within/deep/around"),
    ] {
        symlink(text, at(path)).expect("link");
    }
}

async fn moved(links: Links, direction: Direction) -> (Sides, Moved) {
    let sides = Sides::start().await;
    plant(&if direction == Direction::Upload { sides.local("") } else { sides.remote("") });
    let moved = sides.run(Transfer { links, ..sides.transfer(direction, "top", "to") }).await.expect("moved");
    (sides, moved)
}

fn failures(moved: &Moved) -> Vec<(&str, &str)> {
    let mut failures: Vec<_> =
        moved.failures.iter().map(|failure| (failure.path.as_str(), failure.reason.as_str())).collect();
    failures.sort_unstable();
    assert_eq!(moved.failed, failures.len() as u64);
    failures
}

#[tokio::test]
async fn links_that_are_copied_keep_their_text_on_the_server() {
    let (sides, moved) = moved(Links::Copy, Direction::Upload).await;
    assert_eq!((moved.files, failures(&moved)), (1, vec![]));
    assert_eq!(listing(&sides.remote("to")), listing(&sides.local("top")));
}

#[tokio::test]
async fn no_link_that_leads_out_is_made_here() {
    let (sides, moved) = moved(Links::Copy, Direction::Download).await;
    let out = "The link leads out of the folder.";
    assert_eq!(failures(&moved), [("absolute", out), ("out", out), ("out-to-folder", out)]);
    assert_eq!(moved.files, 1);
    for (path, _) in failures(&moved) {
        fs::remove_file(sides.remote("top").join(path)).expect("removed");
    }
    let (here, there) = (listing(&sides.local("to")), listing(&sides.remote("top")));
    assert_eq!(here.keys().collect::<Vec<_>>(), there.keys().collect::<Vec<_>>());
}

#[tokio::test]
async fn links_are_followed_inside_the_folder_only() {
    for direction in BOTH {
        let (sides, moved) = moved(Links::Follow, direction).await;
        let to = if direction == Direction::Upload { sides.remote("to") } else { sides.local("to") };
        let failures = failures(&moved);
        let paths: Vec<_> = failures.iter().map(|&(path, _)| path).collect();
        let expected = ["absolute", "dangling", "out", "out-to-folder", "to-folder/deep/around", "within/deep/around"];
        assert_eq!(paths, expected, "{failures:?}");
        for (path, reason) in failures {
            let words = match path {
                "dangling" => "",
                "to-folder/deep/around" | "within/deep/around" => "leads back",
                _ => "leads out",
            };
            assert!(reason.contains(words), "{path}: {reason}");
        }
        for file in ["to-file", "to-folder/file", "to-folder/deep/up", "within/deep/up", "within/file"] {
            assert_eq!(fs::read_to_string(to.join(file)).expect(file), "content");
            assert!(!to.join(file).is_symlink());
        }
        assert_eq!(moved.files, 5);
    }
}

#[tokio::test]
async fn links_that_are_skipped_are_no_failures() {
    for direction in BOTH {
        let (sides, moved) = moved(Links::Skip, direction).await;
        assert_eq!((moved.files, failures(&moved)), (1, vec![]));
        let to = if direction == Direction::Upload { sides.remote("to") } else { sides.local("to") };
        let names: Vec<_> = listing(&to).into_keys().collect();
        assert_eq!(names, ["", "within", "within/deep", "within/file"].map(Path::new));
    }
}

#[tokio::test]
async fn a_link_takes_the_place_of_a_file_but_not_of_a_folder() {
    for direction in BOTH {
        let sides = Sides::start().await;
        let (from, to) = match direction {
            Direction::Upload => (sides.local("from"), sides.remote("to")),
            Direction::Download => (sides.remote("from"), sides.local("to")),
        };
        fs::create_dir(&from).expect("folder");
        fs::create_dir_all(to.join("folder")).expect("folder");
        fs::write(to.join("file"), "old").expect("file");
        symlink("old", to.join("link")).expect("link");
        for name in ["file", "folder", "link", "fresh"] {
            symlink("new", from.join(name)).expect("link");
        }
        let transfer = sides.transfer(direction, "from", "to");
        let kept = sides.run(Transfer { overwrite: false, ..transfer.clone() }).await.expect("moved");
        assert_eq!(failures(&kept).iter().map(|&(path, _)| path).collect::<Vec<_>>(), ["file", "folder", "link"]);
        let moved = sides.run(transfer).await.expect("moved");
        assert_eq!(failures(&moved).iter().map(|&(path, _)| path).collect::<Vec<_>>(), ["folder"]);
        assert!(moved.atomic);
        for name in ["file", "link", "fresh"] {
            assert_eq!(fs::read_link(to.join(name)).expect(name), Path::new("new"));
        }
        let names = fs::read_dir(&to).expect("folder").count();
        assert_eq!(names, 4, "no part is left");
    }
}

#[tokio::test]
async fn where_nothing_can_be_replaced_at_once_the_answer_says_so() {
    let sides = Sides::start().await;
    fs::create_dir(sides.local("from")).expect("folder");
    fs::create_dir(sides.remote("to")).expect("folder");
    symlink("new", sides.local("from/link")).expect("link");
    symlink("old", sides.remote("to/link")).expect("link");
    sides.server().lie(b"posix-rename@openssh.com", b"posix-rename@unknown.com");
    let moved = sides.up("from", "to").await.expect("moved");
    assert_eq!((moved.failed, moved.atomic), (0, false));
    assert_eq!(fs::read_link(sides.remote("to/link")).expect("link"), Path::new("new"));
}

#[tokio::test]
async fn a_link_that_is_denied_is_not_made() {
    let sides = Sides::start().await;
    plant(&sides.local(""));
    let watch = Watch::denying("/etc/passwd", ErrorKind::Denied);
    let moved = sides.watched(sides.transfer(Direction::Upload, "top", "to"), watch).await.expect("moved");
    assert_eq!(failures(&moved).iter().map(|&(path, _)| path).collect::<Vec<_>>(), ["absolute"]);
    assert!(!sides.remote("to/absolute").is_symlink());
}

/// Two links in each folder to the next one: a few folders become more than anybody moves.
#[tokio::test]
async fn links_that_multiply_come_to_an_end() {
    let sides = Sides::start().await;
    for number in 0..20 {
        let folder = sides.local("bomb").join(number.to_string());
        fs::create_dir_all(&folder).expect("folder");
        for name in ["a", "b"] {
            symlink(format!("../{}", number + 1), folder.join(name)).expect("link");
        }
    }
    let transfer = Transfer { links: Links::Follow, ..sides.transfer(Direction::Upload, "bomb", "bomb") };
    let failure = sides.watched(transfer, Arc::default()).await.expect_err("too many");
    assert_eq!(failure.kind, ErrorKind::Limit);
    assert!(!sides.remote("bomb").exists(), "nothing was begun");
}

#[tokio::test]
async fn a_file_stays_until_the_link_is_there() {
    let sides = Sides::on(Server::without("posix-rename").await).await;
    fs::create_dir(sides.local("from")).expect("folder");
    fs::create_dir(sides.remote("to")).expect("folder");
    symlink("new", sides.local("from/link")).expect("link");
    fs::write(sides.remote("to/link"), "old").expect("file");
    sides.server().rule(|request| match request.kind {
        kind::SYMLINK => Fate::Refuse(status::FAILURE),
        _ => Fate::Pass,
    });
    let moved = sides.up("from", "to").await.expect("moved");
    assert_eq!(failures(&moved).len(), 1);
    assert_eq!(fs::read_to_string(sides.remote("to/link")).expect("file"), "old");
    sides.server().no_rule();
    assert_eq!(sides.up("from", "to").await.expect("moved").failed, 0);
    assert_eq!(fs::read_link(sides.remote("to/link")).expect("link"), Path::new("new"));
    assert_eq!(fs::read_dir(sides.remote("to")).expect("folder").count(), 1, "no part is left");
}

#[tokio::test]
async fn a_link_that_is_given_up_leaves_no_part() {
    let sides = Sides::start().await;
    fs::create_dir(sides.local("from")).expect("folder");
    fs::create_dir(sides.remote("to")).expect("folder");
    symlink("new", sides.local("from/link")).expect("link");
    symlink("old", sides.remote("to/link")).expect("link");
    let (saw, mut seen) = mpsc::unbounded_channel();
    sides.server().rule(move |request| {
        if request.kind == kind::EXTENDED && request.name().starts_with("posix-rename") {
            let _nobody_waits = saw.send(());
            return Fate::Swallow;
        }
        Fate::Pass
    });
    tokio::select! {
        outcome = sides.up("from", "to") => panic!("it cannot be over: {outcome:?}"),
        _ = seen.recv() => {}
    }
    sides.closed().await;
    assert_eq!(fs::read_link(sides.remote("to/link")).expect("link"), Path::new("old"));
    assert_eq!(fs::read_dir(sides.remote("to")).expect("folder").count(), 1, "no part is left");
}
