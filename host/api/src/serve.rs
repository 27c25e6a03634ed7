//! The accept loop.

use crate::answer::until_sent;
use crate::connections::{Connections, Place};
use crate::{Api, Config};
use axum::Router;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use socket2::SockRef;
use std::convert::Infallible;
use std::future::pending;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// How much of a request's head is read before it is refused with 431, in bytes.
const HEAD_LIMIT: usize = 64 << 10;

/// How long to wait when the system has no descriptor left for a new connection.
const BREATH: Duration = Duration::from_millis(100);

/// Answers HTTP/1.1 (RFC 9112) on `listener` until `shutdown` is cancelled; then lets the requests under way end,
/// no longer than [`Config::drain_timeout`].
pub async fn serve(listener: TcpListener, api: Api, shutdown: CancellationToken) {
    let open = TaskTracker::new();
    shutdown.run_until_cancelled(accept(&listener, &api, &open)).await;
    drop(listener);
    api.closing.cancel();
    open.close();
    open.wait().await;
}

/// Takes connections for ever. One that finds no place waits until another has made room, and all behind it in the backlog.
async fn accept(listener: &TcpListener, api: &Api, open: &TaskTracker) {
    let service = TowerToHyperService::new(api.router());
    let connections = Connections::new(api.config.max_connections.get().into());
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                let place = connections.place().await;
                let (service, api) = (service.clone(), api.clone());
                open.spawn(async move { carry(stream, service, &api, place).await });
            }
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                sleep(BREATH).await;
            }
        }
    }
}

/// Answers the requests of one connection until it ends.
async fn carry(stream: TcpStream, service: TowerToHyperService<Router>, api: &Api, place: Arc<Place>) {
    if let Err(error) = prepare(&stream, &api.config) {
        tracing::debug!(%error, "a connection keeps the system's own settings");
    }
    let service = service_fn(|request| {
        let under_way = place.begin();
        let answer = under_way.map(|under_way| (service.call(request), under_way));
        async {
            match answer {
                Some((answer, under_way)) => Ok::<_, Infallible>(until_sent(answer.await?, under_way)),
                // The connection ends before this does.
                None => pending().await,
            }
        }
    });
    let connection = http(&api.config).serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => Ok(ended),
        () = place.closed() => return,
        () = api.closing.cancelled() => {
            connection.as_mut().graceful_shutdown();
            timeout(api.config.drain_timeout(), connection).await
        }
    };
    match ended {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!(%error, "a connection broke"),
        Err(_) => tracing::warn!("a request did not end in time for the shutdown and was dropped"),
    }
}

fn prepare(stream: &TcpStream, config: &Config) -> io::Result<()> {
    // Answers are small and whole; waiting to fill a packet would only cost time.
    stream.set_nodelay(true)?;
    // The kernel counts (RFC 5482): it alone knows what the client has taken.
    SockRef::from(stream).set_tcp_user_timeout(Some(config.write_timeout()))
}

fn http(config: &Config) -> http1::Builder {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(config.header_read_timeout()).max_buf_size(HEAD_LIMIT);
    http
}
