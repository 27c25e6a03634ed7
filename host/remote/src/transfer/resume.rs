//! What of an earlier transfer is continued: what proves to be the beginning of the source, and nothing else.

use super::place;
use hostler_model::Failure;
use std::ops::Range;

/// Bytes at the end of a part that may have holes: requests that were on their way when it was cut off need not have
/// been carried out in their order.
pub(super) const HOLES: u64 = place::MOST as u64;

/// Bytes before them that are compared where the server cannot hash: as many again.
pub(super) const TAIL: u64 = HOLES;

/// What an earlier transfer may have left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Left {
    /// Our own part file. Its name tells that it was made from the same source.
    Part,
    /// The target itself, as tools leave it that write in place.
    Target,
}

/// What to do.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Plan {
    /// Nothing: the target is the same already.
    Nothing,
    /// Go on from this byte.
    GoOn(Left, u64),
    /// Begin anew; why what was there is not continued, if something was.
    Anew(Option<&'static str>),
}

/// What is known of both sides, and what can be compared.
pub(super) trait Comparison {
    /// Bytes of the source.
    fn source(&self) -> u64;

    /// Bytes of what was left.
    fn size(&self, left: Left) -> Option<u64>;

    /// Whether so many bytes at the beginning have the same hash; `None` where the server does not hash.
    fn same_hash(&self, left: Left, prefix: u64) -> impl Future<Output = Result<Option<bool>, Failure>> + Send;

    /// Whether these bytes are the same, which have to be moved for it.
    fn same_bytes(&self, left: Left, range: Range<u64>) -> impl Future<Output = Result<bool, Failure>> + Send;
}

/// Decides.
pub(super) async fn plan(sides: &impl Comparison) -> Result<Plan, Failure> {
    let source = sides.source();
    if sides.size(Left::Target) == Some(source) && is_prefix(sides, source).await? {
        return Ok(Plan::Nothing);
    }
    let mut why = None;
    match sides.size(Left::Part) {
        None | Some(0) => {}
        Some(size) if size > source => why = Some("The part of an earlier transfer is longer than the file."),
        Some(size) => match proved(sides, size).await? {
            Some(from) => return Ok(Plan::GoOn(Left::Part, from)),
            None => why = Some("The part of an earlier transfer differs from the file."),
        },
    }
    match sides.size(Left::Target) {
        None | Some(0) => {}
        Some(size) if size > source => why = Some("What was there is longer than the file."),
        Some(size) if size < source && is_prefix(sides, size).await? => return Ok(Plan::GoOn(Left::Target, size)),
        Some(_) => why = Some("What was there is not the beginning of the file."),
    }
    Ok(Plan::Anew(why))
}

/// Whether so many bytes of the target are the beginning of the source. Nobody knows who wrote it, so all of them are
/// compared.
async fn is_prefix(sides: &impl Comparison, size: u64) -> Result<bool, Failure> {
    match sides.same_hash(Left::Target, size).await? {
        Some(same) => Ok(same),
        None => sides.same_bytes(Left::Target, 0..size).await,
    }
}

/// How much of the part is the beginning of the source.
async fn proved(sides: &impl Comparison, size: u64) -> Result<Option<u64>, Failure> {
    let whole = size.saturating_sub(HOLES);
    let (same, from) = match sides.same_hash(Left::Part, size).await? {
        Some(true) => (true, size),
        Some(false) if whole == 0 => (false, 0),
        Some(false) => (sides.same_hash(Left::Part, whole).await? == Some(true), whole),
        None if whole == 0 => (sides.same_bytes(Left::Part, 0..size).await?, size),
        None => (sides.same_bytes(Left::Part, whole.saturating_sub(TAIL)..whole).await?, whole),
    };
    Ok(same.then_some(from))
}
