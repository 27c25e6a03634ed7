//! A way to a server on which something happens midway.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

/// What happens midway. The streams are those to the client and to the server.
type Event = Box<dyn FnOnce(&TcpStream, &TcpStream) + Send>;

/// Listens on a port of its own on 127.0.0.1, from where one connection goes on to another port.
pub struct Cutter {
    port: u16,
}

/// After how many bytes, in both directions together, and what then happens.
struct Fuse {
    left: u64,
    event: Option<Event>,
}

impl Cutter {
    /// Has `event` happen once so many bytes have passed, in both directions together.
    pub fn start(
        port: u16,
        bytes: u64,
        event: impl FnOnce(&TcpStream, &TcpStream) + Send + 'static,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let near = listener.local_addr()?.port();
        let fuse = Arc::new(Mutex::new(Fuse { left: bytes, event: Some(Box::new(event)) }));
        thread::spawn(move || -> io::Result<()> {
            let (client, _) = listener.accept()?;
            let server = TcpStream::connect(("127.0.0.1", port))?;
            for (from, to) in [(&client, &server), (&server, &client)] {
                let (from, to, fuse) = (from.try_clone()?, to.try_clone()?, Arc::clone(&fuse));
                let (client, server) = (client.try_clone()?, server.try_clone()?);
                thread::spawn(move || carry(from, to, |bytes| fuse_burns(&fuse, bytes, &client, &server)));
            }
            Ok(())
        });
        Ok(Self { port: near })
    }

    /// Has the connection end once so many bytes have passed.
    pub fn cut(port: u16, bytes: u64) -> io::Result<Self> {
        Self::start(port, bytes, |client, server| {
            for stream in [client, server] {
                // One that has ended already needs no end.
                let _ = stream.shutdown(Shutdown::Both);
            }
        })
    }

    /// Where it listens.
    pub fn port(&self) -> u16 {
        self.port
    }
}

fn carry(mut from: TcpStream, mut to: TcpStream, passes: impl Fn(usize)) {
    let mut buffer = vec![0; 1 << 15];
    while let Ok(size @ 1..) = from.read(&mut buffer) {
        passes(size);
        if to.write_all(&buffer[..size]).is_err() {
            break;
        }
    }
    // The other side may have gone first.
    let _ = to.shutdown(Shutdown::Write);
}

fn fuse_burns(fuse: &Mutex<Fuse>, bytes: usize, client: &TcpStream, server: &TcpStream) {
    let mut fuse = fuse.lock().unwrap_or_else(PoisonError::into_inner);
    fuse.left = fuse.left.saturating_sub(bytes as u64);
    if fuse.left == 0
        && let Some(event) = fuse.event.take()
    {
        event(client, server);
    }
}
