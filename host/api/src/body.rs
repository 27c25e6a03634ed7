//! Bodies of requests: how large they may be and how slow.

use crate::Config;
use crate::error::Error;
use axum::body::{Body, Bytes};
use futures::stream::try_unfold;
use futures::{Stream, StreamExt};
use http_body_util::BodyExt;
use tokio::time::timeout;

/// How many times the limit is read and thrown away, so that a client that only reads after it has sent
/// everything sees the answer and no broken connection.
const DISCARD: usize = 8;

/// The pieces of a body of any size. The next has to come within the time that a whole small body may take.
pub(crate) fn pieces(body: Body, config: &Config) -> impl Stream<Item = Result<Bytes, Error>> + Send + Unpin + use<> {
    let patience = config.body_read_timeout();
    Box::pin(try_unfold(body, move |mut body| async move {
        loop {
            let frame = timeout(patience, body.frame()).await.map_err(|_| Error::SlowBody)?;
            let Some(frame) = frame else { return Ok(None) };
            if let Ok(data) = frame.map_err(|_| Error::BrokenBody)?.into_data() {
                return Ok(Some((data, body)));
            }
        }
    }))
}

/// Reads what is left of a body that was refused, as far as it is not too long.
pub(crate) async fn discard(mut pieces: impl Stream<Item = Result<Bytes, Error>> + Unpin, config: &Config) {
    let mut left = config.body_limit.saturating_mul(DISCARD);
    while let Some(Ok(piece)) = pieces.next().await {
        left = left.saturating_sub(piece.len());
        if left == 0 {
            break;
        }
    }
}

/// The whole body, within the limits of `config`.
pub(crate) async fn read(body: Body, config: &Config) -> Result<Vec<u8>, Error> {
    read_up_to(body, config.body_limit, config).await
}

/// The same, where a body may be of another size.
pub(crate) async fn read_up_to(body: Body, limit: usize, config: &Config) -> Result<Vec<u8>, Error> {
    timeout(config.body_read_timeout(), collect(body, limit)).await.unwrap_or(Err(Error::SlowBody))
}

async fn collect(mut body: Body, limit: usize) -> Result<Vec<u8>, Error> {
    let (mut kept, mut seen) = (Vec::new(), 0_usize);
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| Error::BrokenBody)?.into_data() else { continue };
        seen = seen.saturating_add(data.len());
        if seen <= limit {
            kept.extend_from_slice(&data);
        } else if seen / DISCARD > limit {
            break;
        }
    }
    if seen > limit { Err(Error::TooLarge { limit }) } else { Ok(kept) }
}
