//! Values that a plugin may use but not see.
//!
//! The daemon takes them out of a request before a driver reads it: fields that the driver's schema marks `writeOnly`, and
//! those whose names say it (`password`, `pkey`, `token`, ...). What is left is a handle, good for one use:
//! [`Authentication`](crate::ssh::Authentication), [`Elevation`](crate::ssh::Elevation),
//! [`Shell::write_secret`](crate::shell::Shell::write_secret).
//!
//! ```no_run
//! # use hostler_sdk::{Error, Request, ssh::Authentication, secrets::Secret};
//! # fn look(request: &Request) -> Result<(), Error> {
//! let password: Option<Secret> = request.secret("connection_args.password")?;
//! let ways: Vec<Authentication> = password.as_ref().map(Authentication::Password).into_iter().collect();
//! # Ok(())
//! # }
//! ```

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
