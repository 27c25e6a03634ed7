//! What can be wrong with the settings. What goes wrong with a connection is a `Failure`.

/// Why an engine cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no place for host keys.
    #[error("set `known_hosts` to the path of a file for host keys; it need not exist yet")]
    NoKnownHosts,
    /// The setting named is 0.
    #[error("`{0}` is 0 seconds: give a positive number")]
    ZeroDuration(&'static str),
    /// The system gives no random numbers.
    #[error("the system gives no random numbers: {0}")]
    NoRandomNumbers(#[from] getrandom::Error),
    /// The system gives no threads.
    #[error("the system gives no threads for transfers: {0}; see the limits of the daemon's user")]
    NoThreads(std::io::Error),
}
