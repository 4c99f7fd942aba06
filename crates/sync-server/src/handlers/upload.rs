use contract::{
    Answer,
    workloads::upload::{Handling, Received, parse},
};

use crate::body::{BodyReader, Unread};

/// `POST /upload`: hashed while it arrives, or when all of it is there.
pub(crate) fn upload(query: &str, body: &mut BodyReader<'_, '_>) -> Result<Answer, Unread> {
    let mode = parse(query).map_err(Answer::from)?;
    let mut received = Received::default();
    match mode {
        Handling::Stream => body.pieces(|bytes| {
            received.take(bytes);
            Ok(())
        })?,
        Handling::Whole => {
            let mut whole = Vec::new();
            body.pieces(|bytes| {
                whole.extend_from_slice(bytes);
                Ok(())
            })?;
            received.take(&whole);
        }
    }
    Ok(received.answer())
}
