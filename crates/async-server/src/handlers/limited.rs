use contract::{
    Answer,
    workloads::limited::{HELD, WhenTaken, answer, parse, refusal},
};

use crate::app::App;

/// `GET /limited`: takes one of the places, holds it for a while, and gives it back.
pub(crate) async fn limited(app: &App, query: &str) -> Result<Answer, Answer> {
    let _place = match parse(query)? {
        // Never closed, so never an error.
        WhenTaken::Wait => app.places.acquire().await.map_err(|_| refusal())?,
        WhenTaken::Refuse => app.places.try_acquire().map_err(|_| refusal())?,
    };
    app.waiting.wait(HELD).await?;
    Ok(answer())
}
