//! One file per workload. A handler is suspended while it waits; an error is an answer too.

mod aggregate;
mod backend;
mod batch;
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
mod upload;
mod waits;
mod websocket;
mod work;

pub(crate) use self::{
    aggregate::aggregate,
    backend::backend,
    batch::batch,
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
    upload::upload,
    waits::{async_data, sync_data},
    websocket::{rooms, websocket},
    work::work,
};
