//! Tables for people.

use std::fmt::Write;

/// Lines whose columns stand below each other, but for the last one, which may be long.
pub(crate) struct Table<const N: usize>(Vec<[String; N]>);

impl<const N: usize> Table<N> {
    /// A table with these words above its columns.
    pub(crate) fn new(head: [&str; N]) -> Self {
        Self(vec![head.map(str::to_owned)])
    }

    /// Adds a line. What would move the cursor is shown as a space, because others may have chosen it.
    pub(crate) fn line(&mut self, cells: [String; N]) {
        self.0.push(cells.map(|cell| cell.replace(char::is_control, " ")));
    }

    /// The whole.
    pub(crate) fn text(&self) -> String {
        let width = |column: usize| self.0.iter().map(|line| line[column].chars().count()).max().unwrap_or_default();
        let widths: [usize; N] = std::array::from_fn(width);
        let mut text = String::new();
        for line in &self.0 {
            let mut shown = String::new();
            for (cell, width) in line.iter().zip(widths) {
                // Writing to a string cannot fail.
                let _written = write!(shown, "{cell:width$}  ");
            }
            text += shown.trim_end();
            text.push('\n');
        }
        text
    }
}
