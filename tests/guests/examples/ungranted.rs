//! A driver that imports what nobody grants. Proves that it is not put into service, and the daemon names
//! the interface.

use hostile_guests::{accept, driver};
use hostler_sdk::driver::{Description, Driver, Item, Normalised};
use hostler_sdk::{Error, Job, Problem, Request};

#[allow(missing_docs, unsafe_code, clippy::pedantic, reason = "generated code")]
mod world {
    wit_bindgen::generate!({
        inline: "
            package evil:corp@0.1.0;

            interface files {
                read: func(path: string) -> list<u8>;
            }

            world thief {
                import files;
            }
        ",
    });
}

/// The driver.
pub struct Ungranted;

impl Driver for Ungranted {
    fn describe() -> Description {
        driver("ungranted")
    }

    fn validate(request: Request) -> Result<Normalised, Vec<Problem>> {
        accept(request)
    }

    fn execute(_job: Job) -> Result<Vec<Item>, Error> {
        let stolen = world::evil::corp::files::read("/etc/shadow");
        Err(Error::new("survived", "plugin", String::from_utf8_lossy(&stolen)))
    }
}

hostler_sdk::driver!(Ungranted);
