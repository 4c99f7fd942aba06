use std::thread;

use contract::{
    Answer,
    kernel::{self, Kernel},
    workloads::cpu::{Params, Place, answer},
};

use crate::{app::App, offload, peers::Peer};

/// `GET /cpu`: on the connection's thread, or on the threads kept for computing.
pub(crate) fn cpu(app: &App, peer: &Peer, query: &str) -> Result<Answer, Answer> {
    let params = Params::parse(query)?;
    let checksum = match params.mode {
        Place::Inline => kernel::compute(params.units),
        Place::Offload => offload::on_pool(app, move || kernel::compute(params.units))?.wait()?,
        Place::Yield => {
            let mut kernel = Kernel::default();
            for units in params.portions() {
                kernel.run(units);
                thread::yield_now();
                peer.still_there(&app.counters)?;
            }
            kernel.checksum()
        }
    };
    if params.mode != Place::Yield {
        peer.still_there(&app.counters)?;
    }
    Ok(answer(params.units, checksum))
}
