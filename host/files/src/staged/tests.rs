use super::*;
use crate::Files;
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::fs::PermissionsExt;
use tempfile::TempDir;

/// A data directory of its own, with room for 100 bytes.
fn data() -> (TempDir, Config) {
    let folder = TempDir::with_prefix("hostler-staged-").expect("a folder");
    for path in ["files", "staged"] {
        fs::create_dir(folder.path().join(path)).expect("a folder");
    }
    let config = Config {
        data: folder.path().to_owned(),
        staged_max_size: 60,
        staged_max_total: 100,
        staged_max_age: 3600,
        ..Config::default()
    };
    (folder, config)
}

fn open(config: &Config) -> Arc<Staged> {
    let Files { staged, .. } = config.clone().build().expect("it can be used");
    staged
}

fn put(staged: &Arc<Staged>, name: &str, content: &[u8]) -> StagedFile {
    let writer = staged.put(name, "me", false).and_then(|writer| writer.write(content));
    writer.and_then(Writer::finish).expect("there is room")
}

fn content(staged: &Staged, id: Uuid) -> Result<Vec<u8>, ErrorKind> {
    let (_, mut file) = staged.get(&id.to_string()).map_err(|failure| failure.kind)?;
    let mut content = Vec::new();
    file.read_to_end(&mut content).expect("readable");
    Ok(content)
}

/// How many there are on the disk, complete or not.
fn folders(config: &Config) -> usize {
    fs::read_dir(config.data.join("staged")).expect("it is there").count()
}

#[test]
fn what_was_put_is_fetched_by_its_id_from_any_offset_and_after_a_restart() {
    let (_folder, config) = data();
    let staged = open(&config);
    let writer = staged.put("notes/today.txt", "me", false).and_then(|writer| writer.write(b"abc"));
    let about = writer.and_then(|writer| writer.write(b"defgh")).and_then(Writer::finish).expect("there is room");
    assert_eq!((&*about.name, about.size, about.id.get_version_num()), ("today.txt", 8, 7));
    assert_eq!(about.sha256, "9c56cc51b374c3ba189210d5b6d4bf57790d351c96c47c02190ecf1e430635ab");
    assert_eq!(about.expires_at.duration_since(about.created_at).as_secs(), 3600);
    for staged in [staged, open(&config)] {
        let (found, mut file) = staged.get(&about.id.to_string()).expect("it is there");
        assert_eq!(found, about);
        file.seek(SeekFrom::Start(3)).expect("a file");
        let mut range = [0; 4];
        file.read_exact(&mut range).expect("long enough");
        assert_eq!(&range, b"defg");
    }
}

#[test]
fn nobody_else_on_the_machine_can_read_them() {
    let (_folder, config) = data();
    let staged = open(&config);
    let about = put(&staged, "x", b"content");
    let mode = |path: PathBuf| fs::metadata(path).expect("it is there").permissions().mode() & 0o777;
    let folder = staged.path(about.id);
    assert_eq!((mode(folder.join(ABOUT)), mode(folder)), (0o600, 0o700));
}

#[test]
fn only_an_id_that_was_given_out_finds_something() {
    let (_folder, config) = data();
    let staged = open(&config);
    let about = put(&staged, "x", b"content");
    fs::write(config.data.join("secret"), "secret").expect("a file");
    let known = format!("{}/../{}", about.id, about.id);
    for id in ["", "..", "../secret", "/etc/shadow", "content", &known, &Uuid::now_v7().to_string(), "a\0b"] {
        assert_eq!(staged.get(id).map(|_| ()).map_err(|failure| failure.kind), Err(ErrorKind::NotFound), "{id}");
        assert_eq!(staged.remove(id).map_err(|failure| failure.kind), Err(ErrorKind::NotFound), "{id}");
    }
    assert_eq!(content(&staged, about.id), Ok(b"content".to_vec()));
}

#[test]
fn a_removed_file_is_gone_but_for_those_who_read_it() {
    let (_folder, config) = data();
    let staged = open(&config);
    let about = put(&staged, "x", b"content");
    let (_, mut reading) = staged.get(&about.id.to_string()).expect("it is there");
    staged.remove(&about.id.to_string()).expect("it is there");
    assert_eq!(content(&staged, about.id), Err(ErrorKind::NotFound));
    assert_eq!(folders(&config), 0);
    let mut text = String::new();
    reading.read_to_string(&mut text).expect("readable");
    assert_eq!(text, "content");
}

#[test]
fn a_file_that_is_not_finished_leaves_nothing_and_takes_no_room() {
    let (_folder, config) = data();
    let staged = open(&config);
    for _ in 0..5 {
        let writer = staged.put("x", "me", false).and_then(|writer| writer.write(&[1; 60])).expect("there is room");
        assert_eq!(folders(&config), 1);
        drop(writer);
        assert_eq!(folders(&config), 0);
    }
}

#[test]
fn a_file_that_is_too_large_is_refused_and_leaves_nothing() {
    let (_folder, config) = data();
    let staged = open(&config);
    let writer = staged.put("x", "me", false).and_then(|writer| writer.write(&[1; 60])).expect("as much as allowed");
    let failure = writer.write(&[1]).err().expect("too much");
    assert!(failure.kind == ErrorKind::Limit && failure.message.contains("60 bytes"), "{failure}");
    assert_eq!(folders(&config), 0);
}

#[test]
fn the_oldest_make_way_and_what_is_being_sent_does_not() {
    let (_folder, config) = data();
    let staged = open(&config);
    let [first, second, third] = [30, 30, 30].map(|size| put(&staged, "x", &vec![7; size]).id);
    let sending = staged.put("x", "me", false).and_then(|writer| writer.write(&[8; 60])).expect("two make way");
    let kinds = [first, second, third].map(|id| content(&staged, id).map(|content| content.len()));
    assert_eq!(kinds, [Err(ErrorKind::NotFound), Err(ErrorKind::NotFound), Ok(30)]);
    let failure = staged.put("x", "me", false).and_then(|writer| writer.write(&[9; 41])).err().expect("no room");
    assert_eq!(failure.kind, ErrorKind::Busy);
    assert!(content(&staged, third).is_ok(), "nothing goes for what is refused");
    let sent = sending.finish().expect("it has its room").id;
    assert_eq!(content(&staged, sent), Ok(vec![8; 60]));
    assert_eq!(folders(&config), 2);
}

#[test]
fn a_restart_with_less_room_keeps_the_newest() {
    let (_folder, config) = data();
    let staged = open(&config);
    let [old, new] = [50, 50].map(|size| put(&staged, "x", &vec![7; size]).id);
    let staged = open(&Config { staged_max_total: 60, ..config.clone() });
    assert_eq!((content(&staged, old), content(&staged, new)), (Err(ErrorKind::NotFound), Ok(vec![7; 50])));
    assert_eq!(folders(&config), 1);
}

/// Makes a file as old as it may become.
fn age(staged: &Staged, about: &StagedFile) {
    let mut about = about.clone();
    about.expires_at = Timestamp::now();
    fs::write(staged.path(about.id).join(ABOUT), serde_json::to_vec(&about).expect("JSON")).expect("it is ours");
    staged.shelf().remove(about.id);
    staged.shelf().put(about);
}

#[test]
fn a_file_that_is_too_old_is_not_served_and_is_swept() {
    let (_folder, config) = data();
    let staged = open(&config);
    let (old, new) = (put(&staged, "old", b"old"), put(&staged, "new", b"new"));
    age(&staged, &old);
    assert_eq!(content(&staged, old.id), Err(ErrorKind::NotFound));
    assert_eq!(folders(&config), 2);
    staged.sweep();
    assert_eq!((folders(&config), content(&staged, new.id)), (1, Ok(b"new".to_vec())));
    age(&staged, &new);
    open(&config);
    assert_eq!(folders(&config), 0, "the start sweeps, too");
}

#[test]
fn what_a_crash_left_is_gone_after_the_next_start() {
    let (_folder, config) = data();
    let staged = open(&config);
    let whole = put(&staged, "whole", b"whole");
    // Ended in the middle of a write, and after a loss of power with only a part on the disk.
    std::mem::forget(staged.put("x", "me", false).and_then(|writer| writer.write(b"half")).expect("there is room"));
    let [short, headless, nonsense, bare] =
        ["s", "h", "n", "b"].map(|name| staged.path(put(&staged, name, b"1234").id));
    fs::write(short.join(CONTENT), "12").expect("it is ours");
    fs::remove_file(headless.join(ABOUT)).expect("it is ours");
    fs::write(nonsense.join(ABOUT), "{").expect("it is ours");
    fs::remove_file(bare.join(CONTENT)).expect("it is ours");
    fs::create_dir(config.data.join("staged/lost+found")).expect("a folder");
    let staged = open(&config);
    assert_eq!(content(&staged, whole.id), Ok(b"whole".to_vec()));
    assert_eq!(folders(&config), 2, "what is whole, and what is not ours");
}

#[test]
fn a_name_is_no_path() {
    for (given, kept) in [
        ("report.pdf", "report.pdf"),
        ("/etc/passwd", "passwd"),
        (r"C:\Users\me\report.pdf", "report.pdf"),
        ("..", "file"),
        ("a/", "file"),
        ("", "file"),
        ("a\r\nSet-Cookie: b\0", "aSet-Cookie: b"),
        ("caf\u{e9}", "caf\u{e9}"),
    ] {
        assert_eq!(plain(given), kept, "{given:?}");
    }
    let long = plain(&"\u{e9}".repeat(200));
    assert_eq!((long.len(), long.chars().count()), (254, 127));
}

#[test]
fn limits_that_make_no_sense_are_refused_at_the_start() {
    let (_folder, config) = data();
    let refused = |config: Config| config.build().err().expect("refused").to_string();
    assert!(refused(Config { staged_max_age: 0, ..config.clone() }).contains("`files.staged_max_age`"));
    assert!(refused(Config { staged_max_total: 59, ..config.clone() }).contains("`files.staged_max_total`"));
    fs::remove_dir(config.data.join("staged")).expect("it is empty");
    assert!(refused(config).contains("/staged"));
}

#[test]
fn a_file_that_came_for_a_job_goes_with_it_and_others_stay() {
    let (_folder, config) = data();
    let staged = open(&config);
    let once = |name: &str| {
        let writer = staged.put(name, "me", true).and_then(|writer| writer.write(b"once"));
        writer.and_then(Writer::finish).expect("there is room")
    };
    let (left, first, second) = (put(&staged, "left", b"left"), once("first"), once("second"));
    staged.used(first.id);
    staged.used(left.id);
    assert_eq!(content(&staged, first.id), Err(ErrorKind::NotFound));
    staged.keep_for(&HashSet::from([second.id]));
    assert_eq!(content(&staged, second.id), Ok(b"once".to_vec()), "its job has not ended");
    staged.keep_for(&HashSet::new());
    assert_eq!((content(&staged, second.id), folders(&config)), (Err(ErrorKind::NotFound), 1));
    assert_eq!(content(&staged, left.id), Ok(b"left".to_vec()), "its client said nothing of a job");
}

#[test]
fn what_somebody_else_writes_into_a_slot_becomes_a_file_within_the_limits() {
    let (_folder, config) = data();
    let staged = open(&config);
    let mut slot = staged.slot("../log/syslog", "me").expect("there is room");
    assert_eq!(slot.name(), "syslog");
    let refused = slot.claim(61).expect_err("more than a file may have");
    assert_eq!(refused.kind, ErrorKind::Limit);
    slot.claim(8).expect("there is room");
    let (folder, name) = slot.folder().expect("it is there");
    folder.write(name, b"abcdefgh").expect("it can be written");
    let about = slot.finish().expect("it is whole");
    assert_eq!((&*about.owner, about.once, about.size), ("me", false, 8));
    assert_eq!(about.sha256, "9c56cc51b374c3ba189210d5b6d4bf57790d351c96c47c02190ecf1e430635ab");
    assert_eq!(content(&staged, about.id), Ok(b"abcdefgh".to_vec()));
    let slot = staged.slot("x", "me").expect("there is room");
    let (folder, name) = slot.folder().expect("it is there");
    folder.write(name, [7; 61]).expect("it can be written");
    assert_eq!(slot.finish().expect_err("nobody said how large it was").kind, ErrorKind::Limit);
    drop(folder);
    assert_eq!(folders(&config), 1);
}
