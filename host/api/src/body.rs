//! Bodies of requests: how large they may be and how slow.

use crate::Config;
use crate::error::Error;
use axum::body::Body;
use http_body_util::BodyExt;
use tokio::time::timeout;

/// How many times the limit is read and thrown away, so that a client that only reads after it has sent
/// everything sees the answer and no broken connection.
const DISCARD: usize = 8;

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
