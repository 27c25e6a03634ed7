//! The codes that the verbs end with. With one host, `run` ends with the command's own status, and with 128 + N
//! where signal N ended it, as a shell says it.

/// All went well.
pub const SUCCESS: u8 = 0;
/// `run` with several hosts: a command ended with another status than 0.
pub const COMMAND_FAILED: u8 = 1;
/// The command line is wrong, or a file that it names cannot be read.
pub const USAGE: u8 = 2;
/// Somebody pressed Ctrl-C.
pub const INTERRUPTED: u8 = 130;
/// Nobody reads standard output any more.
pub const CLOSED: u8 = 141;
/// A job failed: not reached, not let in, denied, out of time; or the daemon refused what was asked.
pub const FAILED: u8 = 254;
/// The daemon cannot be reached, or does not take the key.
pub const UNREACHABLE: u8 = 255;

/// What a shell adds to the number of a signal.
const SIGNALLED: u8 = 128;

/// The signals that a server may name (RFC 4254 section 6.10), with their numbers.
const SIGNALS: [(&str, u8); 13] = [
    ("HUP", 1),
    ("INT", 2),
    ("QUIT", 3),
    ("ILL", 4),
    ("ABRT", 6),
    ("FPE", 8),
    ("KILL", 9),
    ("USR1", 10),
    ("SEGV", 11),
    ("USR2", 12),
    ("PIPE", 13),
    ("ALRM", 14),
    ("TERM", 15),
];

/// What a shell says of a program that this signal ended.
pub(crate) fn of_signal(name: &str) -> u8 {
    let known = SIGNALS.iter().find(|(signal, _)| *signal == name);
    known.map_or(SIGNALLED, |(_, number)| SIGNALLED + number)
}

/// What the exit code of this process can say of a status. A server may name a larger one, which must not become 0.
pub(crate) fn of_status(status: u64) -> u8 {
    u8::try_from(status).unwrap_or(u8::MAX)
}
