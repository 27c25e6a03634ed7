//! What a rule says about paths on a server.

use crate::wildcard::matches;

/// The one form of a path in which it is compared: absolute, and without `//`, `/.` and a `/` at the end.
///
/// `None` for a path that nobody can judge by its letters: a relative one, one with `..` (the folder before it
/// may be a link), one with a NUL.
pub fn normal(path: &str) -> Option<String> {
    if !path.starts_with('/') || path.contains('\0') {
        return None;
    }
    let parts: Vec<&str> = components(path).filter(|&part| part != ".").collect();
    (!parts.contains(&"..")).then(|| format!("/{}", parts.join("/")))
}

/// How the path of a staged file begins, which is followed by its name and is none on any machine.
pub const STAGED: &str = "staged:";

/// The same for the daemon's own machine, where staged files are as well.
pub fn local(path: &str) -> Option<String> {
    match path.strip_prefix(STAGED) {
        Some(name) => (!name.is_empty() && !name.contains(['/', '\0'])).then(|| path.to_owned()),
        None => normal(path),
    }
}

/// What a symbolic link at `path` leads to, whose text is `to`, in the same form. `None` where [`normal`] says so of it.
pub fn led_to(path: &str, to: &str) -> Option<String> {
    let (folder, _) = path.rsplit_once('/')?;
    normal(&if to.starts_with('/') { to.to_owned() } else { format!("{folder}/{to}") })
}

/// Paths that a rule is about.
#[derive(Clone, Debug, PartialEq)]
pub struct PathPattern {
    /// One for each component: `*` for any number of characters, `?` for one.
    parts: Vec<String>,
    /// Whether everything below is meant too.
    below: bool,
    /// Whether staged files are meant, and nothing else.
    staged: bool,
}

impl PathPattern {
    /// Reads what an operator wrote: an absolute path, where `*` and `?` stay within a component, and `**` as
    /// the last component means the folder itself and everything below; or `staged:` and a name, in which `*` and `?` may
    /// be too. A sentence says what is wrong with it.
    pub fn read(text: &str) -> Result<Self, &'static str> {
        let normal = local(text).ok_or("A path begins with /, and has no .. and no NUL in it.")?;
        let mut parts: Vec<String> = components(&normal).map(str::to_owned).collect();
        let below = parts.pop_if(|last| last == "**").is_some();
        if parts.iter().any(|part| part == "**") {
            return Err("** means everything below a folder: it can only be the last component.");
        }
        Ok(Self { parts, below, staged: text.starts_with(STAGED) })
    }

    /// Whether it means a path. `path` comes from [`normal`] or [`local`].
    pub fn covers(&self, path: &str) -> bool {
        if self.staged != path.starts_with(STAGED) {
            return false;
        }
        let mut parts = components(path);
        let begins = self.parts.iter().all(|pattern| parts.next().is_some_and(|part| matches(pattern, part)));
        begins && (self.below || parts.next().is_none())
    }

    /// Whether it means a folder and everything below. `folder` comes from [`normal`].
    pub fn covers_all_below(&self, folder: &str) -> bool {
        self.below && self.covers(folder)
    }

    /// Whether all that it means is one folder, which it names letter by letter, with everything below: a tree.
    fn is_tree(&self) -> bool {
        self.below && !self.staged && !self.parts.iter().any(|part| part.contains(['*', '?']))
    }

    /// Whether it means nothing outside of what another one means, which must be a tree: a folder without
    /// wildcards in its path, and everything below.
    pub fn lies_in(&self, tree: &Self) -> bool {
        !self.staged && tree.is_tree() && self.parts.starts_with(&tree.parts)
    }

    /// Whether it means all that another one means, which must be a tree.
    pub fn holds(&self, tree: &Self) -> bool {
        tree.is_tree() && self.covers_all_below(&format!("/{}", tree.parts.join("/")))
    }

    /// Whether it means anything below a folder. `folder` comes from [`normal`].
    pub fn reaches_below(&self, folder: &str) -> bool {
        let folders: Vec<&str> = components(folder).collect();
        let begins = !self.staged && self.parts.iter().zip(&folders).all(|(pattern, part)| matches(pattern, part));
        begins && (self.below || self.parts.len() > folders.len())
    }
}

fn components(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter(|part| !part.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn covers(pattern: &str, path: &str) -> bool {
        let path = normal(path).expect("a path that can be judged");
        PathPattern::read(pattern).expect("a pattern").covers(&path)
    }

    proptest! {
        #[test]
        fn no_text_makes_reading_panic(pattern in ".{0,30}", path in ".{0,30}") {
            if let (Ok(pattern), Some(path)) = (PathPattern::read(&pattern), normal(&path)) {
                pattern.covers(&path);
            }
        }

        #[test]
        fn a_normal_path_is_its_own_normal_form_and_never_goes_up(path in "/[a./]{0,12}") {
            if let Some(once) = normal(&path) {
                prop_assert_eq!(normal(&once), Some(once.clone()));
                prop_assert!(!once.contains("//") && !once.contains("/./") && !once.contains("/../"));
            } else {
                prop_assert!(path.split('/').any(|part| part == ".."));
            }
        }

        #[test]
        fn a_path_without_wildcards_covers_itself_and_nothing_below(path in "(/[a-z.]{1,5}){1,4}") {
            if let Some(path) = normal(&path) {
                prop_assert!(covers(&path, &path));
                prop_assert_eq!(covers(&path, &format!("{path}/x")), false);
                let (all, below) = (format!("{path}/**"), format!("{path}/x/y"));
                prop_assert!(covers(&all, &path));
                prop_assert!(covers(&all, &below));
            }
        }
    }

    #[test]
    fn staged_files_are_apart_from_all_that_have_a_path() {
        let covers =
            |pattern, path| PathPattern::read(pattern).expect("a pattern").covers(&local(path).expect("a path"));
        assert!(covers("staged:*", "staged:a.txt") && covers("staged:*.txt", "staged:a.txt"));
        assert!(!covers("staged:*.txt", "staged:a.sh"));
        assert!(!covers("/**", "staged:a.txt") && !covers("staged:*", "/staged:a.txt"));
        for path in ["staged:", "staged:a/b", "staged:a\0b"] {
            assert_eq!(local(path), None, "{path:?}");
        }
        assert_eq!(normal("staged:a"), None, "a server may have a file of that name");
    }

    #[test]
    fn spellings_of_one_path_have_one_form() {
        for path in ["/etc/motd", "//etc///motd", "/./etc/./motd/", "/etc/motd/."] {
            assert_eq!(normal(path).as_deref(), Some("/etc/motd"), "{path}");
        }
        assert_eq!(normal("//").as_deref(), Some("/"));
    }

    #[test]
    fn what_cannot_be_judged_has_no_form() {
        for path in ["", "etc/motd", "./motd", "~/motd", "/etc/../etc/motd", "/..", "/etc/mo\0td"] {
            assert_eq!(normal(path), None, "{path:?}");
        }
    }

    #[test]
    fn a_wildcard_stays_within_its_component() {
        assert!(covers("/home/*/.profile", "/home/ada/.profile"));
        assert!(!covers("/home/*/.profile", "/home/ada/x/.profile"));
        assert!(!covers("/srv/*", "/srv"));
        assert!(covers("/srv/data-?", "/srv/data-1"));
    }

    #[test]
    fn two_stars_mean_everything_below() {
        assert!(covers("/srv/*/**", "/srv/a/b/c"));
        assert!(!covers("/srv/**", "/srvx"));
        assert!(covers("/**", "/"));
        assert!(!covers("/", "/etc"));
    }

    #[test]
    fn a_pattern_reaches_below_every_folder_on_its_way() {
        let reaches =
            |pattern: &str, folder: &str| PathPattern::read(pattern).expect("a pattern").reaches_below(folder);
        for folder in ["/", "/srv", "/srv/a"] {
            assert!(reaches("/srv/*/key", folder), "{folder}");
        }
        for folder in ["/etc", "/srv/a/key", "/srv/a/b", "/srv/a/key/b"] {
            assert!(!reaches("/srv/*/key", folder), "{folder}");
        }
        assert!(reaches("/srv/**", "/srv") && reaches("/srv/**", "/srv/a/b"));
    }

    #[test]
    fn a_tree_is_a_folder_by_its_name_with_all_that_is_in_it() {
        let read = |pattern: &str| PathPattern::read(pattern).expect("a pattern");
        let tree = read("/srv/app/**");
        assert!(tree.is_tree() && read("/**").is_tree());
        for pattern in ["/srv/app", "/srv/*/**", "/srv/ap?/**", "staged:**"] {
            assert!(!read(pattern).is_tree(), "{pattern}");
        }
        for (pattern, lies_in, holds) in [
            ("/srv/app/**", true, true),
            ("/srv/app", true, false),
            ("/srv/app/*/x", true, false),
            ("/srv/*/**", false, true),
            ("/**", false, true),
            ("/srv/*", false, false),
            ("/srv/apps/**", false, false),
            ("staged:x", false, false),
        ] {
            assert_eq!((read(pattern).lies_in(&tree), read(pattern).holds(&tree)), (lies_in, holds), "{pattern}");
        }
        assert!(read("/srv/**").covers_all_below("/srv") && !read("/srv/*").covers_all_below("/srv/a"));
    }

    #[test]
    fn a_wrong_pattern_is_refused() {
        for wrong in ["", "srv/*", "*", "/srv/../etc", "/srv/**/x"] {
            assert!(PathPattern::read(wrong).is_err(), "{wrong}");
        }
    }
}
