//! What benchmarks measure: what a process has used up, and the middle of many figures.

use anyhow::Context;
use std::fs;

/// Whose CPU time counts.
#[derive(Clone, Copy, Debug)]
pub enum Spent {
    /// The process's own.
    Itself,
    /// That of its children that it waited for.
    ByChildren,
}

/// User and system time of a process, in seconds, in the kernel's steps of 10 ms (proc(5)).
pub fn cpu(process: u32, spent: Spent) -> anyhow::Result<f64> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat"))?;
    let (_, fields) = stat.rsplit_once(')').context("the name stands in parentheses")?;
    let first = match spent {
        Spent::Itself => 12,
        Spent::ByChildren => 14,
    };
    let ticks = fields.split(' ').skip(first).take(2).map(str::parse::<f64>);
    Ok(ticks.sum::<Result<f64, _>>()? / 100.0)
}

/// Bytes of memory that a process had at most (proc(5), `VmHWM`).
pub fn peak_memory(process: u32) -> anyhow::Result<u64> {
    bytes(process, "status", "VmHWM:")
}

/// Bytes of memory that a process has, of what it shares only its part (proc(5), `Pss`).
pub fn memory(process: u32) -> anyhow::Result<u64> {
    bytes(process, "smaps_rollup", "Pss:")
}

fn bytes(process: u32, file: &str, word: &str) -> anyhow::Result<u64> {
    let text = fs::read_to_string(format!("/proc/{process}/{file}"))?;
    let value =
        text.lines().find_map(|line| line.strip_prefix(word)).with_context(|| format!("no {word} in {text}"))?;
    Ok(value.trim().trim_end_matches(" kB").parse::<u64>()? << 10)
}

/// The middle one of these; of an even number, the higher one in the middle.
///
/// # Panics
///
/// If there are none, or one is not a number.
pub fn median<T: Copy + PartialOrd>(values: impl IntoIterator<Item = T>) -> T {
    let mut values: Vec<T> = values.into_iter().collect();
    values.sort_by(|a, b| a.partial_cmp(b).expect("they can be compared"));
    values[values.len() / 2]
}
