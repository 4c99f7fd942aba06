use std::sync::Arc;

use axum::extract::{RawQuery, State};
use contract::{
    Answer,
    workloads::upload::{Handling, Received, parse},
};

use crate::{
    app::App,
    incoming::{BodyReader, Unread},
    offload,
    reply::Reply,
};

/// `POST /upload`: hashed while it arrives, or when all of it is there; then on a thread that may
/// be kept busy for so long.
pub(crate) async fn upload(
    State(app): State<Arc<App>>,
    RawQuery(query): RawQuery,
    mut body: BodyReader,
) -> Result<Reply, Unread> {
    let mode = parse(&query.unwrap_or_default()).map_err(Answer::from)?;
    let mut received = Received::default();
    match mode {
        Handling::Stream => {
            while let Some(bytes) = body.next().await? {
                received.take(&bytes);
            }
        }
        Handling::Whole => {
            let mut whole = Vec::new();
            while let Some(bytes) = body.next().await? {
                whole.extend_from_slice(&bytes);
            }
            let hash = move || {
                received.take(&whole);
                received
            };
            received = match offload::on_thread(&app, &app.compute, hash).await {
                Ok(received) => received,
                Err(answer) => return Ok(answer.into()),
            };
        }
    }
    Ok(received.answer().into())
}
