//! Drivers: what may be asked of a kind of server, and how it is carried out.
//!
//! The daemon calls [`Driver::describe`] once, [`Driver::validate`] for each request before it is accepted (and again when
//! its turn comes), and [`Driver::execute`] once for each job. Each call is made in a fresh instance; only `execute` and
//! [`Driver::connect`] can ask the daemon for something.
//!
//! A driver names in [`Item`]s which results the job shows, in order: commands by [`Run::id`](crate::ssh::Run::id), what it
//! read itself by the number that [`results::keep`](crate::results::keep) gave. The bytes stay with the daemon.
//!
//! The root of this crate has a whole driver as its example.

use crate::ssh::Session;
use crate::{Error, Job, Problem, Request, bindings::driver::exports::hostler::plugin::driving::Guest, panic};
use std::marker::PhantomData;

#[doc(inline)]
pub use crate::bindings::driver::exports::hostler::plugin::driving::{Description, Item, Normalised};

/// A driver. Name the type in [`driver!`](crate::driver!) to make its crate a plugin.
pub trait Driver {
    /// Who the driver is and what it takes. Called once, when the plugin is loaded.
    fn describe() -> Description;

    /// Checks what the schemas cannot say, and fills in defaults. What it returns must pass a second
    /// call unchanged, because a policy may amend the request in between. Nothing that
    /// acts works here, and what it answers should depend on the request alone.
    ///
    /// # Errors
    ///
    /// All that is wrong with the request, each with its path.
    fn validate(request: Request) -> Result<Normalised, Vec<Problem>>;

    /// Carries the job out, in an instance of its own, and says which run shows what.
    ///
    /// # Errors
    ///
    /// Why the job could not be carried out to its end. The runs that ended before stay in its result.
    fn execute(job: Job) -> Result<Vec<Item>, Error>;

    /// Connects as [`Driver::execute`] would, and does nothing else: for a look at the target, and for what the daemon
    /// itself does there.
    ///
    /// # Errors
    ///
    /// Why there is no session. A driver that does not say how to connect has none.
    fn connect(_job: Job) -> Result<Session, Error> {
        Err(Error::new("unsupported", "plugin", "This driver cannot connect without a job: submit one."))
    }
}

/// The generated exports, over an author's type.
#[doc(hidden)]
pub struct Exports<D>(PhantomData<D>);

impl<D: Driver> Guest for Exports<D> {
    fn describe() -> Description {
        panic::report();
        D::describe()
    }

    fn validate(request: Request) -> Result<Normalised, Vec<Problem>> {
        panic::report();
        D::validate(request)
    }

    fn execute(job: Job) -> Result<Vec<Item>, Error> {
        panic::report();
        D::execute(job)
    }

    fn connect(job: Job) -> Result<Session, Error> {
        panic::report();
        D::connect(job)
    }
}

/// Makes the crate a driver plugin: takes the type that implements [`Driver`].
#[macro_export]
macro_rules! driver {
    ($driver:ty) => {
        // Elsewhere than in WebAssembly there is nobody to export to: unit tests link without it.
        #[cfg(target_family = "wasm")]
        #[allow(unsafe_code, reason = "the symbols that a component exports")]
        const _: () = {
            type HostlerExports = $crate::driver::Exports<$driver>;
    $crate::bindings::driver::__export_driver!(HostlerExports with_types_in $crate::bindings::driver);
        };
    };
}
