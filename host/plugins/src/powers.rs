//! The power that a plugin has: what it asked for, as far as the operator gave it.

use crate::grant::{Capability, Grant, Need, Place, keep_links};

/// What one plugin may do. Both sides must cover what it needs.
#[derive(Clone)]
pub(crate) struct Powers {
    plugin: String,
    /// From its manifest.
    asked: Vec<Grant>,
    /// From the operator.
    granted: Vec<Grant>,
}

/// Why something is not granted.
#[derive(Debug, PartialEq)]
pub(crate) struct Refusal {
    /// Names what decided: a line of the grants, or the list where a line is missing.
    pub(crate) rule: String,
    /// One sentence.
    pub(crate) reason: String,
}

impl Powers {
    pub(crate) fn new(plugin: &str, asked: Vec<Grant>, granted: Vec<Grant>) -> Self {
        Self { plugin: plugin.into(), asked, granted }
    }

    /// What the operator gave.
    pub(crate) fn granted(&self) -> &[Grant] {
        &self.granted
    }

    /// Whether it has a capability at all, somewhere.
    pub(crate) fn has(&self, capability: Capability) -> bool {
        [&self.asked, &self.granted].iter().all(|side| side.iter().any(|grant| grant.capability == capability))
    }

    /// Whether the interfaces that serve a capability are there for it: also where it lacks the capability and says that
    /// it can do without. Each call is then refused.
    pub(crate) fn links(&self, capability: Capability) -> bool {
        let is_optional = |grant: &Grant| grant.capability == capability && grant.is_optional();
        self.has(capability) || self.asked.iter().any(is_optional)
    }

    /// Whether it has what an action needs, there.
    pub(crate) fn check(&self, need: &Need<'_>, place: &Place<'_>) -> Result<(), Refusal> {
        for (lines, list, whose) in
            [(&self.asked, "request", "its manifest asks for"), (&self.granted, "grants", "the operator granted it")]
        {
            covering(lines, need, place).map_err(|near| self.refusal(list, whose, need, &near))?;
        }
        Ok(())
    }

    fn refusal(&self, list: &str, whose: &str, need: &Need<'_>, near: &[usize]) -> Refusal {
        let Self { plugin, .. } = self;
        let capability = need.capability();
        let wanted = match *need {
            Need::Exec(line, []) => format!(" for `{}`", shortened(line)),
            Need::Exec(line, variables) => {
                let names: Vec<_> = variables.iter().map(|(name, _)| name.as_str()).collect();
                format!(" for `{}` with {}", shortened(line), shortened(&names.join(", ")))
            }
            Need::Elevation(user) => format!(" to {}", shortened(user)),
            Need::SecretInput(path) => format!(" of {}", shortened(path)),
            Need::File { path, .. } | Need::LocalFile { path, .. } => format!(" for {}", shortened(path)),
            Need::Link { to, .. } if to.starts_with('/') => format!(" for a link to {}", shortened(to)),
            Need::Link { to, .. } => {
                let to = shortened(to);
                format!(" for a link to {to}, which may lead elsewhere when it is moved: write its path out")
            }
            Need::Connect | Need::Stdin | Need::Detach | Need::Pty | Need::Shell => String::new(),
        };
        if near.is_empty() {
            let rule = format!("plugin.{plugin}.{list}");
            return Refusal { rule, reason: format!("{whose} no `{capability}`") };
        }
        let numbers: Vec<_> = near.iter().map(|index| format!("plugin.{plugin}.{list}[{index}]")).collect();
        let place = if capability == Capability::LocalFiles { "" } else { " at this server" };
        Refusal { rule: numbers.join(", "), reason: format!("{whose} `{capability}`, but not{wanted}{place}") }
    }
}

/// Fails with the lines that are about the capability, but not about this.
fn covering(lines: &[Grant], need: &Need<'_>, place: &Place<'_>) -> Result<(), Vec<usize>> {
    let stays = match *need {
        Need::Link { to, access, .. } => to.starts_with('/') || keep_links(lines, access, place),
        _ => true,
    };
    let mut near = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        if stays && line.covers(need, place) {
            return Ok(());
        }
        if line.capability == need.capability() {
            near.push(index);
        }
    }
    Err(near)
}

/// A long command says enough with its beginning.
fn shortened(text: &str) -> String {
    const ENOUGH: usize = 120;
    if text.chars().nth(ENOUGH).is_none() { text.into() } else { text.chars().take(ENOUGH).collect::<String>() + "…" }
}

#[cfg(test)]
mod tests;
