//! What a panic says before it ends the instance.

use crate::log;
use std::sync::Once;

/// Sees to it that the message of a panic is logged: the trap that follows carries none.
pub(crate) fn report() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| std::panic::set_hook(Box::new(|panic| log::error(&panic.to_string()))));
}
