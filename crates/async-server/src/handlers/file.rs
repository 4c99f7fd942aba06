use std::io::{self, Read};

use contract::{
    Answer,
    workloads::file::{Params, Reading, answer, unreadable},
};
use tokio::io::AsyncReadExt;

use crate::app::App;

/// `GET /file`: by `tokio::fs`, which takes every call to a thread that may be blocked; or by
/// `std::fs` on the worker.
pub(crate) async fn file(app: &App, query: &str) -> Result<Answer, Answer> {
    let params = Params::parse(query)?;
    let read = async || -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; params.bytes()];
        match params.mode {
            Reading::Idiomatic => {
                let mut file = tokio::fs::File::open(&app.file).await?;
                file.read_exact(&mut bytes).await?;
            }
            Reading::Blocking => {
                let mut file = std::fs::File::open(&app.file)?;
                file.read_exact(&mut bytes)?;
            }
        }
        Ok(bytes)
    };
    read().await.map(answer).map_err(|error| unreadable(&error))
}
