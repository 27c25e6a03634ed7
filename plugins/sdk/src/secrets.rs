//! Values that a plugin may use but not see.

use crate::{Error, Request};

#[doc(inline)]
pub use crate::bindings::driver::hostler::plugin::secrets::{Secret, get};

impl Request {
    /// The secret at a path such as `connection_args.password`, or `None` if the client gave none.
    ///
    /// # Errors
    ///
    /// `limit`: too many handles are open.
    pub fn secret(&self, path: &str) -> Result<Option<Secret>, Error> {
        self.has_secret(path).then(|| get(path)).transpose()
    }

    /// Whether the client gave the secret at a path. Works in `validate` too.
    pub fn has_secret(&self, path: &str) -> bool {
        self.secrets.iter().any(|given| given == path)
    }
}
