//! The accept loop.

use crate::{Api, Config};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
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

/// Takes connections for ever, no more at once than there is room for.
async fn accept(listener: &TcpListener, api: &Api, open: &TaskTracker) {
    let service = TowerToHyperService::new(api.router());
    let room = Arc::new(Semaphore::new(api.config.max_connections.get().into()));
    loop {
        let place = Arc::clone(&room).acquire_owned().await.expect("the semaphore is never closed");
        match listener.accept().await {
            Ok((stream, _)) => {
                let (service, api) = (service.clone(), api.clone());
                open.spawn(async move {
                    carry(stream, service, &api).await;
                    drop(place);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                sleep(BREATH).await;
            }
        }
    }
}

/// Answers the requests of one connection until it ends.
async fn carry(stream: TcpStream, service: TowerToHyperService<axum::Router>, api: &Api) {
    // Answers are small and whole; waiting to fill a packet would only cost time.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "TCP_NODELAY could not be set");
    }
    let connection = http(&api.config).serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => Ok(ended),
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

fn http(config: &Config) -> http1::Builder {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(config.header_read_timeout()).max_buf_size(HEAD_LIMIT);
    http
}
