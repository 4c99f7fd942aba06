//! One file per workload. A handler is suspended while it waits; an error is an answer too.

mod health;
mod hello;
mod json;
mod stats;
mod waits;
mod work;

pub(crate) use self::{
    health::health,
    hello::hello,
    json::json,
    stats::stats,
    waits::{async_data, sync_data},
    work::work,
};
