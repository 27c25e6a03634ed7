//! A long line to a server on this machine: what goes in at one end comes out at the other one later, however much
//! it is.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::{Duration, Instant};

/// Listens on a port of its own, from where connections go to `port`, both on 127.0.0.1. Whatever is sent is `delay` on
/// its way, in each direction. Lasts until the process ends.
pub(crate) fn slow_link(port: u16, delay: Duration) -> io::Result<u16> {
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    let near = listener.local_addr()?.port();
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            // Whoever dials sees the connection end if the server is not there.
            if let Ok(server) = TcpStream::connect(("127.0.0.1", port)) {
                let _ended = connect(&client, &server, delay);
            }
        }
    });
    Ok(near)
}

fn connect(client: &TcpStream, server: &TcpStream, delay: Duration) -> io::Result<()> {
    for (from, to) in [(client, server), (server, client)] {
        to.set_nodelay(true)?;
        let (from, to) = (from.try_clone()?, to.try_clone()?);
        let (entrance, exit) = mpsc::channel();
        thread::spawn(move || take(from, &entrance, delay));
        thread::spawn(move || give(to, &exit));
    }
    Ok(())
}

/// Takes what comes, and says when it is due at the other end.
fn take(mut from: TcpStream, entrance: &Sender<(Instant, Vec<u8>)>, delay: Duration) {
    let mut buffer = vec![0; 1 << 18];
    while let Ok(size @ 1..) = from.read(&mut buffer) {
        if entrance.send((Instant::now() + delay, buffer[..size].to_vec())).is_err() {
            return;
        }
    }
}

fn give(mut to: TcpStream, exit: &Receiver<(Instant, Vec<u8>)>) {
    for (due, bytes) in exit {
        thread::sleep(due.saturating_duration_since(Instant::now()));
        if to.write_all(&bytes).is_err() {
            return;
        }
    }
    // The other side may have gone first.
    let _gone = to.shutdown(Shutdown::Write);
}
