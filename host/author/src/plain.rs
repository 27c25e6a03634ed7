//! Text that others chose, for people who read it in a terminal.

/// The text on one line: what would end the line or move the cursor is escaped.
pub(crate) fn plain(text: &str) -> String {
    let one = |character: char| match character {
        // These do neither.
        '"' | '\'' => character.to_string(),
        _ => character.escape_debug().to_string(),
    };
    text.trim_end().chars().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn others_make_no_lines_and_move_no_cursor() {
        assert_eq!(plain("id\n! forged\u{1b}[2K\u{9b}A\u{202e}\n"), "id\\n! forged\\u{1b}[2K\\u{9b}A\\u{202e}");
        assert_eq!(plain("echo \"it's fünf\""), "echo \"it's fünf\"");
    }
}
