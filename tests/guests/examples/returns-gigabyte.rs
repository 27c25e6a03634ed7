//! Returns a list of 1 GiB: 1,024 items that share one text of 1 MiB. Proves that a host-side limit on what a
//! guest hands over holds where the limit on the guest's own memory does not.

use hostile_guests::{accept, driver};
use hostler_sdk::driver::{Description, Driver, Item, Normalised};
use hostler_sdk::{Error, Job, Problem, Request};

/// The driver.
pub struct ReturnsGigabyte;

impl Driver for ReturnsGigabyte {
    fn describe() -> Description {
        driver("returns-gigabyte")
    }

    fn validate(request: Request) -> Result<Normalised, Vec<Problem>> {
        accept(request)
    }

    fn execute(_job: Job) -> Result<Vec<Item>, Error> {
        let text = "x".repeat(1 << 20).leak();
        let share = |run| Item { command: alias(text), run };
        Ok((0..1024).map(share).collect())
    }
}

/// A text that lies where another lies. The copies are only lowered, never changed; freeing them would break
/// the guest, after it has done what it is for.
#[expect(unsafe_code, reason = "a guest is free to hand over whatever it likes")]
fn alias(text: &mut str) -> String {
    // SAFETY: see above; the memory was leaked by a `String` of this capacity.
    unsafe { String::from_raw_parts(text.as_mut_ptr(), text.len(), text.len()) }
}

hostler_sdk::driver!(ReturnsGigabyte);
