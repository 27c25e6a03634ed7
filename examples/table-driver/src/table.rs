//! Tables as commands print them: a line with the names of the columns, and rows whose cells stand below.

use serde::{Serialize, Serializer};
use std::ops::Range;

/// One row: the name of each column, and what stands there.
#[derive(Debug, PartialEq)]
pub(crate) struct Row(Vec<(String, String)>);

impl Serialize for Row {
    /// An object, in the order of the columns.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, cell)| (name, cell)))
    }
}

/// The rows of the table in a text. It begins with the line that holds `header`, or else with the first that is not empty,
/// and ends before the next empty line. None if there is no such line.
///
/// A line of dashes below the names says where the columns are. Without one, columns are what blanks separate from the
/// first line to the last. A row with nothing in the first column goes on with the one above it.
pub(crate) fn read(text: &str, header: Option<&str>) -> Option<Vec<Row>> {
    let is_header = |line: &&str| header.map_or(!line.trim().is_empty(), |header| line.contains(header));
    let lines: Vec<Vec<char>> = text
        .lines()
        .skip_while(|line| !is_header(line))
        .take_while(|line| !line.trim().is_empty())
        .map(|line| line.trim_end().chars().collect())
        .collect();
    let (names, below) = lines.split_first()?;
    let (columns, rows) = match below.split_first() {
        Some((rule, rows)) if is_rule(rule) => (ruled(rule), rows),
        _ => (separated(&lines), below),
    };
    let names = distinct(columns.iter().map(|column| cell(names, column)));
    let mut read: Vec<Row> = Vec::new();
    for row in rows {
        let cells = columns.iter().map(|column| cell(row, column));
        match read.last_mut() {
            Some(above) if cell(row, &columns[0]).is_empty() => above.go_on(cells),
            _ => read.push(Row(names.iter().cloned().zip(cells).collect())),
        }
    }
    Some(read)
}

impl Row {
    fn go_on(&mut self, cells: impl Iterator<Item = String>) {
        for ((_, above), cell) in self.0.iter_mut().zip(cells).filter(|(_, cell)| !cell.is_empty()) {
            above.push(' ');
            above.push_str(&cell);
        }
    }
}

fn is_rule(line: &[char]) -> bool {
    line.iter().all(|char| matches!(char, '-' | '=' | ' '))
}

/// Each run of dashes begins a column, which goes on to the next; the last one has no end.
fn ruled(rule: &[char]) -> Vec<Range<usize>> {
    let begins = |at: &usize| rule[*at] != ' ' && (*at == 0 || rule[at - 1] == ' ');
    until_next(&(0..rule.len()).filter(begins).collect::<Vec<_>>())
}

/// What is between two places that are blank in all lines is a column, if it has a name and something stands below it;
/// what has only one of them belongs to the column on its left.
fn separated(lines: &[Vec<char>]) -> Vec<Range<usize>> {
    let is_blank = |line: &[char], at: usize| line.get(at).is_none_or(|char| char.is_whitespace());
    let width = lines.iter().map(Vec::len).max().unwrap_or_default();
    let begins = |at: &usize| {
        let used = |at: usize| lines.iter().any(|line| !is_blank(line, at));
        used(*at) && (*at == 0 || !used(at - 1))
    };
    let mut begin: Vec<usize> = Vec::new();
    for column in until_next(&(0..width).filter(begins).collect::<Vec<_>>()) {
        let column = column.start..column.end.min(width);
        let stands = |line: &Vec<char>| column.clone().any(|at| !is_blank(line, at));
        let is_whole = stands(&lines[0]) && (lines.len() == 1 || lines[1..].iter().any(stands));
        if is_whole || begin.is_empty() {
            begin.push(column.start);
        }
    }
    until_next(&begin)
}

fn until_next(begin: &[usize]) -> Vec<Range<usize>> {
    let ends = begin.iter().skip(1).copied().chain([usize::MAX]);
    begin.iter().copied().zip(ends).map(|(start, end)| start..end).collect()
}

fn cell(line: &[char], column: &Range<usize>) -> String {
    let end = column.end.min(line.len());
    line.get(column.start..end).unwrap_or_default().iter().collect::<String>().trim().to_owned()
}

/// The second column of a name is called `name (2)`.
fn distinct(names: impl Iterator<Item = String>) -> Vec<String> {
    let mut seen: Vec<String> = Vec::new();
    let mut distinct = Vec::new();
    for name in names {
        let before = seen.iter().filter(|other| **other == name).count();
        distinct.push(if before == 0 { name.clone() } else { format!("{name} ({})", before + 1) });
        seen.push(name);
    }
    distinct
}

#[cfg(test)]
mod tests;
