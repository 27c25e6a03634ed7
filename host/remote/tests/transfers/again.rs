//! Transfers that go on where earlier ones ended.

use crate::server::{Fate, Server, kind, status};
use crate::{Case, SIZE, content, holds, names, write};
use hostler_model::{Direction, ErrorKind, Moved};
use hostler_remote::Transfer;
use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::PathBuf;

/// A source on one side, and what the other one has.
struct Remains {
    direction: Direction,
    case: Case,
    /// Bytes of the source.
    size: usize,
}

impl Remains {
    async fn new(direction: Direction, server: Server) -> Self {
        Self::of(SIZE, direction, server).await
    }

    async fn of(size: usize, direction: Direction, server: Server) -> Self {
        let it = Self { direction, case: Case::on(server).await, size };
        write(&it.source(), &content(size, 1), 0o640);
        it
    }

    fn source(&self) -> PathBuf {
        match self.direction {
            Direction::Upload => self.case.here("source"),
            Direction::Download => self.case.there("source"),
        }
    }

    fn target(&self) -> PathBuf {
        match self.direction {
            Direction::Upload => self.case.there("target"),
            Direction::Download => self.case.here("target"),
        }
    }

    fn transfer(&self) -> Transfer {
        let plain = match self.direction {
            Direction::Upload => self.case.up("source", "target"),
            Direction::Download => self.case.down("source", "target"),
        };
        Transfer { resume: true, ..plain }
    }

    /// Moves it, and looks whether that went well.
    async fn moved(&self) -> Moved {
        let moved = self.case.moved(self.transfer()).await;
        holds(&self.target(), &content(self.size, 1));
        let folder = self.target().parent().expect("a folder").to_owned();
        assert_eq!(names(&folder), ["target"], "no part is left");
        assert_eq!(moved.total, self.size as u64);
        assert_eq!(moved.skipped == 1, moved.bytes == 0);
        assert_eq!(moved.bytes + moved.resumed, self.size as u64);
        moved
    }

    /// Runs a transfer on a connection that is cut at that byte.
    async fn cut_at(&mut self, offset: u64) {
        let cut = match self.direction {
            Direction::Upload => kind::WRITE,
            Direction::Download => kind::READ,
        };
        self.case.server.rule(move |request| match request.kind {
            kind if kind == cut && request.offset() >= offset => Fate::Cut,
            _ => Fate::Pass,
        });
        // A download is asked for all at once, so that its first answers must be had before it is cut.
        let request_size = 4096;
        let transfer = Transfer { request_size, ..self.transfer() };
        self.case.refused(transfer, ErrorKind::ConnectionLost, "lost").await;
        self.case.server.no_rule();
        self.case.session = self.case.server.session().await;
    }
}

#[tokio::test]
async fn a_transfer_that_was_cut_off_goes_on() {
    for direction in [Direction::Upload, Direction::Download] {
        let mut it = Remains::new(direction, Server::start().await).await;
        write(&it.target(), b"what was there before", 0o600);
        for offset in [1 << 20, 3 << 20, 5 << 20] {
            it.cut_at(offset).await;
            holds(&it.target(), b"what was there before");
        }
        let moved = it.moved().await;
        assert!(moved.resumed > 1 << 20 && moved.atomic && moved.restarted.is_none(), "{moved:?}");
    }
}

#[tokio::test]
async fn wherever_the_connection_is_cut_a_repetition_ends_with_the_same_file() {
    let size = 1_500_000;
    for (direction, refused) in
        [(Direction::Upload, "none"), (Direction::Upload, "posix-rename"), (Direction::Download, "none")]
    {
        for nth in 0.. {
            let mut it = Remains::of(size, direction, Server::without(refused).await).await;
            write(&it.target(), b"what was there before", 0o600);
            let mut left = nth;
            it.case.server.rule(move |_| {
                left -= 1;
                if left < 0 { Fate::Cut } else { Fate::Pass }
            });
            if it.case.run(it.transfer()).await.is_ok() {
                assert!(nth > 8, "all requests were cut off once");
                break;
            }
            it.case.server.no_rule();
            // Either nothing has changed, or all has; a server that cannot replace may have neither for a moment.
            match fs::read(it.target()) {
                Ok(there) => assert!(there == b"what was there before" || there == content(size, 1), "{nth}"),
                Err(_) => assert_eq!(refused, "posix-rename"),
            }
            it.case.session = it.case.server.session().await;
            let moved = it.case.moved(it.transfer()).await;
            assert_eq!((moved.bytes + moved.resumed, moved.total), (size as u64, size as u64), "{nth}");
            holds(&it.target(), &content(size, 1));
            assert_eq!(names(it.target().parent().expect("a folder")), ["target"], "{nth}");
        }
    }
}

#[tokio::test]
async fn without_commands_the_end_of_a_part_is_compared() {
    for direction in [Direction::Upload, Direction::Download] {
        let mut it = Remains::new(direction, Server::without_commands().await).await;
        it.cut_at(6 << 20).await;
        let moved = it.moved().await;
        assert!(moved.resumed > 0 && moved.restarted.is_none(), "{moved:?}");
    }
}

#[tokio::test]
async fn a_part_of_another_content_is_not_continued() {
    for direction in [Direction::Upload, Direction::Download] {
        let mut it = Remains::new(direction, Server::start().await).await;
        it.cut_at(3 << 20).await;
        let folder = it.target().parent().expect("a folder").to_owned();
        let part = folder.join(&names(&folder)[0]);
        for damage in [content(SIZE + 1, 1), content(1 << 20, 2)] {
            fs::write(&part, damage).expect("written");
            let moved = it.moved().await;
            let why = moved.restarted.expect("a reason");
            assert!(why.contains("The part of an earlier transfer"), "{why}");
            fs::remove_file(it.target()).expect("removed");
        }
        // Another source does not even look at it.
        fs::write(&part, content(3 << 20, 1)).expect("written");
        fs::write(it.source(), "another source").expect("written");
        assert_eq!(it.case.moved(it.transfer()).await.resumed, 0);
        holds(&it.target(), b"another source");
        assert!(part.exists());
    }
}

#[tokio::test]
async fn a_target_is_continued_only_if_it_is_the_beginning() {
    let size = 1_234_567;
    for direction in [Direction::Upload, Direction::Download] {
        for commands in [true, false] {
            let server = if commands { Server::start().await } else { Server::without_commands().await };
            let it = Remains::of(size, direction, server).await;
            let bytes = content(size, 1);
            write(&it.target(), &bytes[..1_000_000], 0o600);
            let moved = it.moved().await;
            assert_eq!((moved.resumed, moved.atomic, moved.restarted), (1_000_000, false, None));
            let moved = it.moved().await;
            assert_eq!((moved.skipped, moved.files, moved.atomic, moved.restarted), (1, 0, true, None));
            let mut damaged = bytes[..1_000_000].to_vec();
            damaged[500_000] ^= 1;
            for (other, why) in [
                (damaged, "not the beginning"),
                (content(size, 2), "not the beginning"),
                (content(size + 1, 1), "longer"),
            ] {
                write(&it.target(), &other, 0o600);
                let moved = it.moved().await;
                assert_eq!((moved.resumed, moved.atomic), (0, true));
                assert!(moved.restarted.as_ref().is_some_and(|it| it.contains(why)), "{moved:?}");
            }
            assert!(!it.case.server.commands().is_empty());
        }
    }
}

#[tokio::test]
async fn holes_at_the_end_of_a_part_are_filled() {
    for commands in [true, false] {
        let server = if commands { Server::start().await } else { Server::without_commands().await };
        let it = Remains::new(Direction::Upload, server).await;
        let name = part_name(&it).await;
        let mut part = content(SIZE - 1000, 1);
        part[SIZE - 100_000..SIZE - 50_000].fill(0);
        fs::write(it.case.there(&name), part).expect("written");
        let moved = it.moved().await;
        assert!(moved.resumed > 1 << 20 && moved.resumed < SIZE as u64 - 100_000, "{moved:?}");
    }
}

/// What a part is called.
async fn part_name(it: &Remains) -> String {
    it.case.server.rule(|request| match request.kind {
        kind::WRITE => Fate::Refuse(status::FAILURE),
        _ => Fate::Pass,
    });
    it.case.refused(it.transfer(), ErrorKind::TransferFailed, "`target`").await;
    it.case.server.no_rule();
    names(&it.case.there("")).remove(0)
}

#[tokio::test]
async fn a_part_stays_only_where_it_can_be_continued() {
    let it = Remains::new(Direction::Upload, Server::start().await).await;
    let name = part_name(&it).await;
    assert!(name.strip_suffix(".part").is_some_and(|name| name.starts_with(".target.")), "{name}");
}

#[tokio::test]
async fn what_is_to_be_written_in_place_is_although_there_is_a_part() {
    let number = |path: &PathBuf| fs::metadata(path).expect("a file").ino();
    for direction in [Direction::Upload, Direction::Download] {
        let mut it = Remains::new(direction, Server::start().await).await;
        it.cut_at(5 << 20).await;
        write(&it.target(), b"what was there before", 0o600);
        let before = number(&it.target());
        let moved = it.case.moved(Transfer { in_place: true, ..it.transfer() }).await;
        assert_eq!((moved.atomic, moved.resumed, number(&it.target())), (false, 0, before));
        holds(&it.target(), &content(SIZE, 1));
    }
    let mut it = Remains::new(Direction::Upload, Server::start().await).await;
    it.cut_at(5 << 20).await;
    write(&it.case.there("real"), b"what was there before", 0o600);
    symlink("real", it.target()).expect("link");
    assert!(!it.case.moved(it.transfer()).await.atomic);
    assert!(it.target().is_symlink());
    holds(&it.case.there("real"), &content(SIZE, 1));
}

/// Where nothing is hashed, most of a part is taken for granted: its name has to tell what it is of.
#[tokio::test]
async fn a_part_of_another_source_with_the_same_size_and_time_is_not_continued() {
    let size = 12 << 20;
    let (first, mut second) = (content(size, 1), content(size, 1));
    second[..1000].fill(0);
    for direction in [Direction::Upload, Direction::Download] {
        let mut it = Remains::of(size, direction, Server::without_commands().await).await;
        it.cut_at(11 << 20).await;
        let transfer = match direction {
            Direction::Upload => {
                write(&it.source(), &second, 0o640);
                it.transfer()
            }
            Direction::Download => {
                write(&it.case.there("second"), &second, 0o640);
                Transfer { remote: "second".into(), ..it.transfer() }
            }
        };
        let moved = it.case.moved(transfer).await;
        assert_eq!(moved.resumed, 0);
        holds(&it.target(), &second);
        // The other one is.
        if direction == Direction::Download {
            fs::remove_file(it.target()).expect("removed");
            assert!(it.case.moved(it.transfer()).await.resumed > 0);
            holds(&it.target(), &first);
        }
    }
}
