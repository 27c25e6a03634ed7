use super::*;
use cap_std::fs::OpenOptions;
use proptest::prelude::*;
use std::io::{Read, Write};
use std::os::unix::fs::symlink;
use tempfile::TempDir;

const CANARY: &str = "nobody may read this";

/// A data directory, two roots of which one lies in the other, and a file outside.
struct World {
    folder: TempDir,
    roots: Roots,
}

impl World {
    fn new() -> Self {
        let folder = TempDir::with_prefix("hostler-roots-").expect("a folder");
        let at = |path: &str| folder.path().join(path);
        for path in ["data/files", "srv/sub/deep", "srv/inner", "srv-other"] {
            fs::create_dir_all(at(path)).expect("a folder");
        }
        fs::write(at("canary"), CANARY).expect("a file");
        fs::write(at("srv-other/canary"), CANARY).expect("a file");
        fs::write(at("srv/file"), "file").expect("a file");
        fs::write(at("srv/sub/deep/file"), "deep").expect("a file");
        fs::write(at("srv/inner/file"), "inner").expect("a file");
        for (target, link) in [
            (at("canary"), "srv/absolute"),
            ("../canary".into(), "srv/relative"),
            ("../srv-other".into(), "srv/sideways"),
            ("../none".into(), "srv/nowhere"),
            ("sub/deep".into(), "srv/inside"),
            (at("srv/sub"), "srv/homeward"),
            ("deep/../../file".into(), "srv/sub/around"),
            ("../../../canary".into(), "srv/sub/deep/up"),
            ("/".into(), "srv/inner/top"),
            ("loop".into(), "srv/loop"),
        ] {
            symlink(target, at(link)).expect("a link");
        }
        let roots = Roots::open(&[at("srv"), at("srv/inner")], &at("data")).expect("two roots");
        Self { folder, roots }
    }

    fn path(&self, path: &str) -> String {
        self.folder.path().join(path).display().to_string()
    }

    fn read(&self, path: &str) -> Result<String, Failure> {
        let place = self.roots.find(path)?;
        Ok(place.folder.read_to_string(place.path).expect("a file"))
    }

    fn refused(&self, path: &str) -> Failure {
        self.roots.find(path).expect_err(path)
    }
}

#[test]
fn a_path_is_looked_for_in_the_roots() {
    let world = World::new();
    for (path, content) in
        [("file", "file"), ("sub/deep/file", "deep"), ("inside/file", "deep"), ("sub/around", "file")]
    {
        assert_eq!(world.read(path).as_deref(), Ok(content), "{path}");
        assert_eq!(world.read(&world.path(&format!("srv/{path}"))).as_deref(), Ok(content), "{path}");
    }
    let place = world.roots.find("sub/new").expect("what is not there yet can be made");
    assert_eq!((place.path, place.shown), ("sub/new".into(), world.path("srv/sub/new")));
    let root = world.roots.find(&world.path("srv")).expect("a root itself");
    assert_eq!((root.path, root.shown), (".".into(), world.path("srv")));
    assert!(root.folder.entries().expect("it can be listed").count() > 5);
}

#[test]
fn of_two_roots_the_inner_one_counts_however_it_is_spelled() {
    let world = World::new();
    for path in ["inner/file", &world.path("srv/inner/file")] {
        let place = world.roots.find(path).expect("it is there");
        assert_eq!((place.path, place.shown), ("file".into(), world.path("srv/inner/file")));
    }
}

#[test]
fn what_leads_out_is_refused_with_the_same_words_whether_it_exists_or_not() {
    let world = World::new();
    let other = world.path("srv-other/canary");
    let out = ["/etc/shadow", "/etc/none", "/srv", &other, "absolute", "relative", "sideways/canary", "sideways/none"];
    for path in
        out.into_iter().chain(["nowhere", "homeward", "sub/deep/up", "inner/top", "inner/top/etc/shadow", "inside/up"])
    {
        let Failure { kind, phase, message, .. } = world.refused(path);
        assert_eq!((kind, phase), (ErrorKind::Denied, Phase::Transfer), "{path}");
        assert_eq!(message, outside(path).message);
        assert!(message.contains(path) && message.contains("`files.roots`"), "{message}");
    }
}

#[test]
fn a_path_has_one_spelling() {
    let world = World::new();
    for path in ["", ".", "/", "../x", "x/..", "sub/"] {
        assert_eq!(world.refused(path).kind, ErrorKind::InvalidRequest, "{path:?}");
    }
    for path in ["...", "a..b", "a\nb", " ", "\u{fffd}"] {
        assert!(world.roots.find(path).is_ok(), "{path:?}");
    }
}

#[test]
fn a_root_may_be_a_link_and_the_files_keep_its_name() {
    let world = World::new();
    let (link, elsewhere) = (world.folder.path().join("local"), world.folder.path().join("srv-other"));
    symlink(&elsewhere, &link).expect("a link");
    let roots = Roots::open(&[link], &world.folder.path().join("data")).expect("a root");
    let place = roots.find(&world.path("local/canary")).expect("it is there");
    assert_eq!(place.folder.read_to_string(place.path).expect("a file"), CANARY);
    assert_eq!(place.shown, world.path("local/canary"));
    assert_eq!(roots.find(&world.path("srv-other/canary")).expect_err("another name").kind, ErrorKind::Denied);
}

#[test]
fn a_root_that_vanishes_is_told_and_serves_again_when_it_is_back() {
    let world = World::new();
    let place = world.roots.find("file").expect("it is there");
    let (root, aside) = (world.folder.path().join("srv"), world.folder.path().join("aside"));
    fs::rename(&root, &aside).expect("moved");
    let Failure { kind, message, .. } = world.refused("file");
    assert!(kind == ErrorKind::Internal && message.contains(&world.path("srv")), "{message}");
    // A link in its place is not what the operator named.
    symlink(world.folder.path().join("srv-other"), &root).expect("a link");
    assert_eq!(world.refused("canary").kind, ErrorKind::Internal);
    fs::remove_file(&root).expect("removed");
    fs::create_dir(&root).expect("a folder");
    fs::write(root.join("file"), "new").expect("a file");
    assert_eq!(world.read("file").as_deref(), Ok("new"));
    assert_eq!(place.folder.read_to_string("file").expect("what was found stays"), "file");
}

#[test]
fn a_folder_in_a_root_cannot_turn_another_root_elsewhere() {
    let world = World::new();
    let inner = world.folder.path().join("srv/inner");
    fs::remove_dir_all(&inner).expect("removed");
    symlink(world.folder.path().join("srv-other"), &inner).expect("a link");
    assert_eq!(world.refused(&world.path("srv/inner/canary")).kind, ErrorKind::Internal);
}

#[test]
fn a_link_that_turns_after_the_look_leads_nowhere() {
    let world = World::new();
    let place = world.roots.find("sub/later").expect("nothing is there");
    symlink("../../canary", world.folder.path().join("srv/sub/later")).expect("a link");
    assert!(leads_out(&place.folder.open(&place.path).expect_err("it leads out")));
    assert!(leads_out(&place.folder.create(&place.path).expect_err("it leads out")));
}

#[test]
fn roots_that_cannot_serve_are_named_at_the_start() {
    let world = World::new();
    let open = |path: &str| Roots::open(&[world.folder.path().join(path)], &world.folder.path().join("data"));
    for path in ["none", "canary", "srv/file"] {
        let error = open(path).err().expect(path);
        assert!(matches!(error, Error::Root { .. }) && error.to_string().contains(&world.path(path)), "{error}");
    }
    for path in ["", "data", "data/plugins", "data/../data"] {
        fs::create_dir_all(world.folder.path().join("data/plugins")).expect("a folder");
        let error = open(path).err().expect(path);
        assert!(matches!(error, Error::OwnFiles { .. } | Error::NotPlain(_)), "{error}");
    }
    symlink("data", world.folder.path().join("alias")).expect("a link");
    assert!(matches!(open("alias"), Err(Error::OwnFiles { .. })));
    assert!(matches!(Roots::open(&["srv".into()], Path::new("/none")), Err(Error::NotPlain(_))));
    assert!(open("data/files").is_ok());
}

#[test]
fn without_roots_it_is_the_folder_of_the_data_directory() {
    let world = World::new();
    let roots = Roots::open(&[], &world.folder.path().join("data")).expect("the default");
    assert_eq!(roots.find("notes").expect("inside").shown, world.path("data/files/notes"));
    assert_eq!(roots.find(&world.path("data/api-key")).expect_err("outside").kind, ErrorKind::Denied);
}

/// What a path is made of: all that is in the world, and what has a meaning.
const PARTS: [&str; 25] = [
    "",
    ".",
    "..",
    "file",
    "sub",
    "deep",
    "inner",
    "absolute",
    "relative",
    "sideways",
    "nowhere",
    "inside",
    "around",
    "up",
    "top",
    "loop",
    "canary",
    "etc",
    "\0",
    "WORLD",
    "srv",
    "srv-other",
    "proc",
    "self",
    "root",
];

fn part() -> impl Strategy<Value = String> {
    prop_oneof![9 => prop::sample::select(&PARTS[..]).prop_map(str::to_owned), 1 => any::<String>()]
}

#[test]
fn nothing_outside_is_ever_opened() {
    let world = World::new();
    let top = world.folder.path().display().to_string();
    proptest!(ProptestConfig::with_cases(4096), |(parts in prop::collection::vec(part(), 0..8))| {
        let path = parts.join("/").replace("WORLD", &top);
        if let Ok(Place { folder, path: below, .. }) = world.roots.find(&path) {
            let mut text = String::new();
            if let Ok(mut file) = folder.open(&below) {
                // A folder cannot be read.
                let _ = file.read_to_string(&mut text);
            }
            prop_assert!(["", "file", "deep", "inner", "written"].contains(&&*text), "{path:?} was {text:?}");
            if let Ok(mut file) = folder.open_with(&below, OpenOptions::new().create(true).write(true).truncate(true)) {
                file.write_all(b"written").expect("it can be written");
            }
        }
        for outside in ["canary", "srv-other/canary"] {
            prop_assert_eq!(fs::read_to_string(world.path(outside)).expect("it is there"), CANARY);
        }
        prop_assert_eq!(fs::read_dir(&top).expect("it is there").count(), 4);
        prop_assert_eq!(fs::read_dir(world.path("srv-other")).expect("it is there").count(), 1);
    });
}
