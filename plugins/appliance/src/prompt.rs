//! What is waited for, as regular expressions of Rust's crate `regex`: prompts, pages, questions.

/// A pager's question at the end of what is shown.
pub(crate) const MORE: &str = r"(?i)(?:^|[\r\n])[ <(\[-]{2,10}more\b[^\r\n]{0,80}$";

/// What asks for a password at the end of what is shown.
pub(crate) const PASSWORD: &str = r"(?i)(?:^|[\r\n])[^\r\n]{0,40}password[^\r\n]{0,20}: ?$";

/// Where a line starts: control sequences may stand before the prompt, or a pager's question that was erased.
const START: &str = r"(?:^|[\r\n\x08]|\x1b\[[0-9;?]*[A-Za-z])";

const NAME: &str = r"[A-Za-z0-9][A-Za-z0-9_.:/@~-]{0,63}";

/// A mode such as `(config-if)`, what ends a prompt, and nothing after it.
const END: &str = r"(?:\([A-Za-z0-9_.:/ -]{1,64}\))?[>#$] ?$";

/// What the appliance's prompt looks like, as far as it is known.
pub(crate) struct Prompt {
    given: Option<String>,
    name: Option<String>,
}

impl Prompt {
    pub(crate) fn new(given: Option<String>) -> Self {
        Self { given, name: None }
    }

    /// A prompt of any name: that of the first one is not known yet, and configuration may change it.
    pub(crate) fn any(&self) -> String {
        self.given.clone().unwrap_or_else(|| format!("{START}{NAME}{END}"))
    }

    /// A prompt of the name that was seen last, so that no other line is taken for one.
    pub(crate) fn same(&self) -> String {
        match (&self.given, &self.name) {
            (None, Some(name)) => format!("{START}{}{END}", name.replace('.', r"\.")),
            _ => self.any(),
        }
    }

    /// Takes the name out of a prompt.
    pub(crate) fn learn(&mut self, prompt: &str) {
        let end = prompt.find(['(', '>', '#', '$']).unwrap_or(prompt.len());
        self.name = Some(prompt[..end].to_owned()).filter(|name| !name.is_empty());
    }
}

/// A prompt as it is shown.
pub(crate) fn shown(matched: &[u8]) -> String {
    String::from_utf8_lossy(&crate::text::shown(matched)).trim().to_owned()
}

/// Whether a prompt is that of enable mode.
pub(crate) fn is_enabled(prompt: &str) -> bool {
    prompt.ends_with('#')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use regex::bytes::Regex;

    fn matched(pattern: &str, sent: &str) -> Option<String> {
        let pattern = Regex::new(pattern).expect("a pattern");
        pattern.find(sent.as_bytes()).map(|found| shown(found.as_bytes()))
    }

    #[test]
    fn prompts_are_known_from_other_lines() {
        let any = Prompt::new(None).any();
        for (sent, prompt) in [
            ("switch>", "switch>"),
            ("banner\r\nswitch> ", "switch>"),
            ("text\r\r\ncore-1.lab#", "core-1.lab#"),
            ("text\nadmin@fw:~$ ", "admin@fw:~$"),
            ("x\r\nswitch(config-if-range)# ", "switch(config-if-range)#"),
            ("\r          \rswitch#", "switch#"),
            ("\x08\x08\x08switch#", "switch#"),
            ("text\r\n\x1b[Kswitch#", "switch#"),
        ] {
            assert_eq!(matched(&any, sent).as_deref(), Some(prompt), "{sent:?}");
        }
        for sent in ["", "#", "######", "switch# show", "a b#", "interface Gi1 #", "switch#\r\n", "<a>", "--More--"] {
            assert_eq!(matched(&any, sent), None, "{sent:?}");
        }
    }

    #[test]
    fn once_seen_only_the_same_name_counts_in_any_mode() {
        let mut prompt = Prompt::new(None);
        prompt.learn("core.lab(config)#");
        let same = prompt.same();
        assert_eq!(matched(&same, "x\r\ncore.lab#").as_deref(), Some("core.lab#"));
        assert_eq!(matched(&same, "x\r\ncore.lab(vlan)# ").as_deref(), Some("core.lab(vlan)#"));
        assert_eq!(matched(&same, "x\r\ncore-lab#"), None);
        assert_eq!(matched(&prompt.any(), "x\r\ncore-lab#").as_deref(), Some("core-lab#"));
    }

    #[test]
    fn a_given_pattern_is_used_as_it_is() {
        let mut prompt = Prompt::new(Some("ready> $".into()));
        prompt.learn("switch#");
        assert_eq!((prompt.any(), prompt.same()), ("ready> $".into(), "ready> $".into()));
    }

    #[test]
    fn pagers_of_many_makers_are_known() {
        for sent in
            [" --More-- ", "x\r\n--More--", "\n<--- More --->", "\n---(more 50%)---", "\n-- MORE --, next page: Space"]
        {
            assert!(matched(MORE, sent).is_some(), "{sent:?}");
        }
        for sent in ["more", "once more", "--More--\r\nx", "--morello"] {
            assert_eq!(matched(MORE, sent), None, "{sent:?}");
        }
    }

    #[test]
    fn a_password_is_asked_for_at_the_end_only() {
        assert!(matched(PASSWORD, "enable\r\nPassword: ").is_some());
        assert!(matched(PASSWORD, "Enter enable password:").is_some());
        assert_eq!(matched(PASSWORD, "Password: \r\nswitch>"), None);
        assert_eq!(matched(PASSWORD, "no password"), None);
    }

    #[test]
    fn enable_mode_is_told_by_the_prompt() {
        assert!(is_enabled("switch#") && is_enabled("switch(config)#"));
        assert!(!is_enabled("switch>") && !is_enabled(""));
    }

    proptest! {
        #[test]
        fn whatever_was_seen_makes_a_pattern(seen in prop::collection::vec(any::<u8>(), 0..40)) {
            let any = Regex::new(&Prompt::new(None).any()).expect("a pattern");
            let mut prompt = Prompt::new(None);
            if let Some(found) = any.find(&seen) {
                prompt.learn(&shown(found.as_bytes()));
            }
            prop_assert!(Regex::new(&prompt.same()).is_ok());
        }

        #[test]
        fn a_name_that_was_seen_is_found_again(name in "[A-Za-z0-9][A-Za-z0-9_.:/@~-]{0,63}", mode in "(\\([a-z/ -]{1,10}\\))?", end in "[>#$]") {
            let first = format!("{name}{mode}{end}");
            let mut prompt = Prompt::new(None);
            prompt.learn(&matched(&prompt.any(), &format!("hello\r\n{first} ")).expect("a prompt"));
            prop_assert_eq!(matched(&prompt.same(), &format!("text\r\n{name}#")), Some(format!("{name}#")));
        }
    }
}
