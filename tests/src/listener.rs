//! A port at which connections are neither accepted nor refused.

use socket2::{Domain, Socket, Type};
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

/// A listener whose queue is full: whoever dials it next hears nothing, as from a host that is off.
pub struct FullListener {
    port: u16,
    _listener: Socket,
    _waiting: Vec<TcpStream>,
}

impl FullListener {
    /// Listens on a port of its own on 127.0.0.1.
    pub fn new() -> io::Result<Self> {
        let listener = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        listener.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into())?;
        listener.listen(0)?;
        let address = listener.local_addr()?.as_socket().ok_or(io::ErrorKind::AddrNotAvailable)?;
        let knock = || TcpStream::connect_timeout(&address, Duration::from_millis(200));
        let waiting = std::iter::from_fn(|| knock().ok()).collect();
        Ok(Self { port: address.port(), _listener: listener, _waiting: waiting })
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }
}
