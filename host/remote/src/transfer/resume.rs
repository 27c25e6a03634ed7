//! What of an earlier transfer is continued: what proves to be the beginning of the source, and nothing else.

use super::place;
use hostler_model::Failure;
use std::ops::Range;

/// Which bytes of a part are not taken for granted.
#[derive(Debug)]
pub(super) struct Windows {
    /// At the end there may be holes: requests that were on their way when it was cut off need not have been carried out
    /// in their order.
    holes: u64,
    /// Before them, so many are compared where the server cannot hash.
    tail: u64,
}

/// Those of our own parts.
pub(super) const WINDOWS: Windows = Windows { holes: place::MOST as u64, tail: place::MOST as u64 };

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
pub(super) async fn plan(sides: &impl Comparison, windows: &Windows) -> Result<Plan, Failure> {
    let source = sides.source();
    if sides.size(Left::Target) == Some(source) && is_prefix(sides, source).await? {
        return Ok(Plan::Nothing);
    }
    let mut why = None;
    match sides.size(Left::Part) {
        None | Some(0) => {}
        Some(size) if size > source => why = Some("The part of an earlier transfer is longer than the file."),
        Some(size) => match proved(sides, windows, size).await? {
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
async fn proved(sides: &impl Comparison, Windows { holes, tail }: &Windows, size: u64) -> Result<Option<u64>, Failure> {
    let whole = size.saturating_sub(*holes);
    let (same, from) = match sides.same_hash(Left::Part, size).await? {
        Some(true) => (true, size),
        Some(false) if whole == 0 => (false, 0),
        Some(false) => (sides.same_hash(Left::Part, whole).await? == Some(true), whole),
        None if whole == 0 => (sides.same_bytes(Left::Part, 0..size).await?, size),
        None => (sides.same_bytes(Left::Part, whole.saturating_sub(*tail)..whole).await?, whole),
    };
    Ok(same.then_some(from))
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;
    use proptest::prelude::*;

    /// Both sides as bytes.
    #[derive(Clone, Debug)]
    struct Model {
        source: Vec<u8>,
        part: Option<Vec<u8>>,
        target: Option<Vec<u8>>,
        hashes: bool,
    }

    impl Model {
        fn left(&self, left: Left) -> &[u8] {
            let left = if left == Left::Part { &self.part } else { &self.target };
            left.as_deref().expect("it is compared only if it is there")
        }

        fn same(&self, left: Left, range: Range<u64>) -> bool {
            let range = usize::try_from(range.start).expect("small")..usize::try_from(range.end).expect("small");
            self.left(left)[range.clone()] == self.source[range]
        }

        /// What the target holds after the plan was carried out, and how many bytes were sent for it.
        fn carried_out(&self, plan: &Plan) -> (Vec<u8>, usize) {
            let from = |left, from| {
                let from = usize::try_from(from).expect("small");
                let there: &[u8] = self.left(left);
                // What is there stays where nothing is written.
                let rest = there.get(self.source.len()..).unwrap_or_default();
                ([&there[..from], &self.source[from..], rest].concat(), self.source.len() - from)
            };
            match plan {
                Plan::Nothing => (self.left(Left::Target).to_vec(), 0),
                Plan::GoOn(left, offset) => from(*left, *offset),
                Plan::Anew(_) => (self.source.clone(), self.source.len()),
            }
        }
    }

    impl Comparison for Model {
        fn source(&self) -> u64 {
            self.source.len() as u64
        }

        fn size(&self, left: Left) -> Option<u64> {
            let left = if left == Left::Part { &self.part } else { &self.target };
            left.as_ref().map(|left| left.len() as u64)
        }

        async fn same_hash(&self, left: Left, prefix: u64) -> Result<Option<bool>, Failure> {
            Ok(self.hashes.then(|| self.same(left, 0..prefix)))
        }

        async fn same_bytes(&self, left: Left, range: Range<u64>) -> Result<bool, Failure> {
            Ok(self.same(left, range))
        }
    }

    /// What may be on the disk: a beginning of the source with damage behind `sound` bytes, and perhaps more than that.
    fn remains(source: &[u8], size: usize, sound: usize, damage: u8, more: &[u8]) -> Vec<u8> {
        let mut left = source[..size.min(source.len())].to_vec();
        let sound = sound.min(left.len());
        left[sound..].iter_mut().for_each(|byte| *byte ^= damage);
        left.extend_from_slice(more);
        left
    }

    prop_compose! {
        fn models()(
            source in prop::collection::vec(any::<u8>(), 0..40),
            holes in 0..12_u64,
            tail in 0..12_u64,
            hashes: bool,
            part in prop::option::of((0..50_usize, 0..50_usize, 0..2_u8)),
            target in prop::option::of((0..50_usize, 0..50_usize, 0..2_u8, prop::collection::vec(any::<u8>(), 0..3))),
        ) -> (Model, Windows) {
            let part = part.map(|(size, sound, damage)| {
                let size = size.min(source.len());
                // Where nothing hashes, only holes are found: the name tells the rest.
                let whole = size - size.min(usize::try_from(holes).expect("small"));
                remains(&source, size, if hashes { sound } else { sound.max(whole) }, damage, &[])
            });
            let target = target.map(|(size, sound, damage, more)| remains(&source, size, sound, damage, &more));
            (Model { source, part, target, hashes }, Windows { holes, tail })
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 20_000, ..ProptestConfig::default() })]

        #[test]
        fn whatever_is_there_the_result_is_the_source((model, windows) in models()) {
            let plan = plan(&model, &windows).now_or_never().expect("nothing waits").expect("nothing fails");
            let (result, sent) = model.carried_out(&plan);
            prop_assert_eq!(&result, &model.source, "{:?}", plan);
            let is_beginning = |left: &Option<Vec<u8>>| left.as_ref().is_some_and(|left| model.source.starts_with(left));
            let size = |left: &Option<Vec<u8>>| left.as_ref().map_or(0, Vec::len);
            // What can be known to be the same is not sent again.
            if is_beginning(&model.target) && size(&model.target) == model.source.len() {
                prop_assert_eq!(&plan, &Plan::Nothing);
            } else if is_beginning(&model.part) && model.hashes && size(&model.part) > 0 {
                prop_assert_eq!(sent, model.source.len() - size(&model.part));
            }
            // Whoever begins anew says why, unless there was nothing.
            if let Plan::Anew(why) = plan {
                prop_assert_eq!(why.is_some(), size(&model.part) + size(&model.target) > 0);
            }
        }
    }
}
