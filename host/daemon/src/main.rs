//! The binary `hostler`.

use std::process::ExitCode;

fn main() -> ExitCode {
    hostler::main()
}
