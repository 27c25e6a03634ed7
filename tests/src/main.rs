//! The daemon as the integration tests start it: cargo names to them only binaries of their own package.

use std::process::ExitCode;

fn main() -> ExitCode {
    hostler::main()
}
