//! Keeps every byte that a guest is given, and shows all of its memory, so that tests can look for a secret there.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hostler_sdk::log;
use std::arch::wasm32::memory_size;
use std::ptr::with_exposed_provenance;
use std::sync::Mutex;

static HOARD: Mutex<Vec<u8>> = Mutex::new(Vec::new());

/// Keeps them.
///
/// # Panics
///
/// Never: a guest has one thread.
pub fn keep(bytes: &[u8]) {
    HOARD.lock().expect("there is one thread").extend_from_slice(bytes);
}

/// Writes lines `MEMORY <base64>`, 48 KiB of memory each, from address 0 to the end.
pub fn dump() {
    const CHUNK: usize = 48 << 10;
    let mut chunk = Vec::with_capacity(CHUNK);
    let mut line = String::with_capacity(CHUNK / 3 * 4 + 16);
    let end = memory_size::<0>() << 16;
    for start in (0..end).step_by(CHUNK) {
        chunk.clear();
        chunk.extend((start..end.min(start + CHUNK)).map(peek));
        line.clear();
        line.push_str("MEMORY ");
        STANDARD.encode_string(&chunk, &mut line);
        log::info(&line);
    }
}

#[expect(unsafe_code, reason = "this guest reads all of its memory, whatever Rust keeps there")]
fn peek(address: usize) -> u8 {
    // SAFETY: all of linear memory can be read, address 0 included.
    unsafe { with_exposed_provenance::<u8>(address).read_volatile() }
}
