use std::{thread, time::Instant};

use contract::{
    Answer,
    workloads::concurrent_ops::{On, Piece, TASKS, answer, parse},
};
use tokio::task::yield_now;

use crate::{app::App, offload};

/// `GET /concurrent-ops`: a task per piece of work, all at once or as many as there are cores.
pub(crate) async fn concurrent_ops(app: &App, query: &str) -> Result<Answer, Answer> {
    let start = Instant::now();
    let most = match parse(query)? {
        On::Spawn => TASKS,
        On::Pool => thread::available_parallelism().map_or(1, usize::from),
    };
    let successes = offload::on_tasks(app, most, (0..TASKS).map(|_| add())).await?;
    let successful = successes.iter().filter(|&&succeeded| succeeded).count();
    Ok(answer(successful, start.elapsed()))
}

async fn add() -> bool {
    let mut piece = Piece::default();
    while piece.step() {
        yield_now().await;
    }
    piece.succeeded()
}
