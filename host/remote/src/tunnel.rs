//! A stream through a jump host: a `direct-tcpip` channel (RFC 4254 section 7.2).

use crate::handshake::Verifier;
use crate::link::Link;
use crate::stream::Stream;
use hostler_model::{ErrorKind, Failure, Phase, Target};
use russh::ChannelOpenFailure;
use russh::client::Handle;
use std::sync::Arc;
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};

/// Has `jump` connect to `target`. Dropping the future leaves no channel behind.
pub(crate) async fn open(jump: &Link, target: &Target, deadline: Instant) -> Result<Stream, Failure> {
    let (opened, tunnel) = oneshot::channel();
    // The task owns the channel from the start: one that opens late must be closed all the same.
    tokio::spawn(carry(jump.handle.clone(), target.host.clone(), target.port, opened));
    match timeout_at(deadline, tunnel).await {
        Ok(Ok(Ok(tunnel))) => Ok(tunnel),
        Ok(Ok(Err(error))) => Err(on_the_way(&jump.target, not_opened(&error, jump, target))),
        Ok(Err(_)) => Err(on_the_way(&jump.target, jump.notes.lost(Phase::Connect))),
        Err(_) => Err(on_the_way(
            &jump.target,
            failure(
                ErrorKind::Timeout,
                format!(
                    "It did not connect to `{}` port {} in time: check the way from there, or raise `timeout`.",
                    target.host, target.port
                ),
            ),
        )),
    }
}

/// Says at which jump host something failed.
pub(crate) fn on_the_way(jump: &Target, failure: Failure) -> Failure {
    let message = format!("On the way, at jump host `{}` port {}: {}", jump.host, jump.port, failure.message);
    Failure { message, ..failure }
}

fn failure(kind: ErrorKind, message: String) -> Failure {
    Failure::new(kind, Phase::Connect, message)
}

fn not_opened(error: &russh::Error, jump: &Link, target: &Target) -> Failure {
    let russh::Error::ChannelOpenFailure(reason) = error else { return jump.notes.lost(Phase::Connect) };
    let place = format!("`{}` port {}", target.host, target.port);
    let (kind, message) = match reason {
        ChannelOpenFailure::ConnectFailed => (
            ErrorKind::Unreachable,
            format!("It cannot connect to {place}: check that name, the port and the SSH server there."),
        ),
        ChannelOpenFailure::AdministrativelyProhibited => (
            ErrorKind::Denied,
            format!(
                "It does not allow a tunnel to {place}: allow it there, see AllowTcpForwarding and PermitOpen of sshd."
            ),
        ),
        ChannelOpenFailure::UnknownChannelType => {
            (ErrorKind::Unsupported, "It knows no tunnels: use a jump host whose SSH server forwards TCP.".to_owned())
        }
        ChannelOpenFailure::ResourceShortage | ChannelOpenFailure::Other { .. } => {
            (ErrorKind::Busy, format!("It has no room for a tunnel to {place}: try again later."))
        }
    };
    failure(kind, message).with_detail(error)
}

/// Opens the channel and carries bytes both ways until either side ends.
async fn carry(
    jump: Arc<Handle<Verifier>>,
    host: String,
    port: u16,
    opened: oneshot::Sender<Result<Stream, russh::Error>>,
) {
    let channel = match jump.channel_open_direct_tcpip(host, port.into(), "127.0.0.1", 0).await {
        Ok(channel) => channel,
        Err(error) => return drop(opened.send(Err(error))),
    };
    let (tunnel, carrying) = Stream::over(channel);
    // If nobody wants it any more, it is dropped here, which is what ends the transport.
    drop(opened.send(Ok(tunnel)));
    carrying.await;
}
