use contract::{
    Answer,
    kernel::{self, Kernel},
    workloads::cpu::{Params, Place, answer},
};
use tokio::task::yield_now;

use crate::{app::App, offload};

/// `GET /cpu`: on the worker, or on threads that may be kept busy.
pub(crate) async fn cpu(app: &App, query: &str) -> Result<Answer, Answer> {
    let params = Params::parse(query)?;
    let checksum = match params.mode {
        Place::Inline => kernel::compute(params.units),
        Place::Offload => {
            let work = move || kernel::compute(params.units);
            offload::on_thread(app, &app.compute, work).await?
        }
        Place::Yield => {
            let mut kernel = Kernel::default();
            for units in params.portions() {
                kernel.run(units);
                yield_now().await;
            }
            kernel.checksum()
        }
    };
    Ok(answer(params.units, checksum))
}
