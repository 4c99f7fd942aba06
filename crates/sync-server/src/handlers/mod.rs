//! One file per workload. A handler blocks until its answer is ready; an error is an answer too.

mod aggregate;
mod backend;
mod blocking;
mod concurrent_ops;
mod cpu;
mod errors;
mod file;
mod health;
mod hello;
mod json;
mod limited;
mod scenarios;
mod stats;
mod stream;
mod timeout;
mod waits;
mod work;

pub(crate) use self::{
    aggregate::aggregate,
    backend::backend,
    blocking::block,
    concurrent_ops::concurrent_ops,
    cpu::cpu,
    errors::errors,
    file::file,
    health::health,
    hello::hello,
    json::json,
    limited::limited,
    scenarios::scenarios,
    stats::stats,
    stream::stream,
    timeout::timeout,
    waits::{async_data, sync_data},
    work::work,
};
