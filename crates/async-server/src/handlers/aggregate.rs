use contract::{
    Answer,
    workloads::{
        Composition,
        aggregate::{answer, no_backend, parse, services},
    },
};

use crate::app::App;

/// `GET /aggregate`: asks one service after another, or all at once on this task. When one fails,
/// the others are dropped, and with them their requests.
pub(crate) async fn aggregate(app: &App, query: &str) -> Result<Answer, Answer> {
    let mode = parse(query)?;
    let backend = app.backend.as_ref().ok_or_else(no_backend)?;
    let [user, order, stock] = services();
    let answered = match mode {
        Composition::Sequential => [
            backend.ask(&user).await?,
            backend.ask(&order).await?,
            backend.ask(&stock).await?,
        ],
        Composition::Concurrent => {
            let (user, order, stock) =
                tokio::try_join!(backend.ask(&user), backend.ask(&order), backend.ask(&stock))?;
            [user, order, stock]
        }
    };
    Ok(answer(&answered))
}
