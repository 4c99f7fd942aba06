//! The routes: each sets a response.

use std::{
    thread,
    time::{Duration, Instant},
};

use contract::{Blocked, Cpu, Data, Failure, Health, Kernel, Message, Query};
use hyperlane::{CONTENT_TYPE, Context, ServerHook, Status, Stream, route};
use serde::Serialize;
use tokio::{
    join,
    task::{JoinError, spawn_blocking, yield_now},
    time::sleep,
};

/// Why a route answers something other than 200.
enum Error {
    BadParameter(String),
    Task(JoinError),
}

impl From<String> for Error {
    fn from(error: String) -> Self {
        Self::BadParameter(error)
    }
}

impl From<JoinError> for Error {
    fn from(error: JoinError) -> Self {
        Self::Task(error)
    }
}

/// The route of a path: a hook that answers with what a function gives.
macro_rules! route {
    ($path:literal, $name:ident, $answer:expr) => {
        #[route($path)]
        struct $name;

        impl ServerHook for $name {
            async fn new(_: &mut Stream, _: &mut Context) -> Self {
                Self
            }

            async fn handle(self, _: &mut Stream, ctx: &mut Context) -> Status {
                if let Err(error) = $answer(ctx).await {
                    refuse(ctx, error);
                }
                Status::Continue
            }
        }
    };
}

route!("/", Hello, hello);
route!("/health", HealthRoute, health);
route!("/json", Json, json);
route!("/work", Work, work);
route!("/sync-data", SyncData, sync_data);
route!("/async-data", AsyncData, async_data);
route!("/cpu", CpuRoute, cpu);
route!("/block", Block, block);

async fn hello(ctx: &mut Context) -> Result<(), Error> {
    Query::none(&query(ctx))?;
    set_text(ctx, contract::HELLO);
    Ok(())
}

async fn health(ctx: &mut Context) -> Result<(), Error> {
    Query::none(&query(ctx))?;
    set_json(ctx, &Health::OK);
    Ok(())
}

async fn json(ctx: &mut Context) -> Result<(), Error> {
    Query::none(&query(ctx))?;
    set_json(ctx, &Message::HELLO);
    Ok(())
}

async fn work(ctx: &mut Context) -> Result<(), Error> {
    let parameters = [&contract::WAIT_MS, &contract::CPU_UNITS, &contract::BYTES];
    let [wait_ms, cpu_units, bytes] = Query::numbers(&query(ctx), parameters)?;
    if wait_ms > 0 {
        sleep(Duration::from_millis(wait_ms)).await;
    }
    contract::compute(cpu_units);
    set_text(ctx, "x".repeat(bytes as usize));
    Ok(())
}

async fn sync_data(ctx: &mut Context) -> Result<(), Error> {
    Query::none(&query(ctx))?;
    let start = Instant::now();
    for wait in contract::WAITS {
        sleep(wait).await;
    }
    set_data(ctx, start, "sequential");
    Ok(())
}

async fn async_data(ctx: &mut Context) -> Result<(), Error> {
    Query::none(&query(ctx))?;
    let start = Instant::now();
    let [database, api, file] = contract::WAITS;
    join!(sleep(database), sleep(api), sleep(file));
    set_data(ctx, start, "concurrent");
    Ok(())
}

async fn cpu(ctx: &mut Context) -> Result<(), Error> {
    let modes = ["inline", "offload", "yield"];
    let (units, mode) = Query::number_and_mode(&query(ctx), &contract::UNITS, &modes)?;
    let checksum = match mode {
        "offload" => spawn_blocking(move || contract::compute(units)).await?,
        "yield" => compute_yielding(units).await,
        _ => contract::compute(units),
    };
    set_json(ctx, &Cpu { units, checksum });
    Ok(())
}

async fn compute_yielding(units: u64) -> u32 {
    let mut kernel = Kernel::default();
    for step in contract::steps(units) {
        kernel.run(step);
        yield_now().await;
    }
    kernel.checksum()
}

async fn block(ctx: &mut Context) -> Result<(), Error> {
    let modes = ["wrong", "right"];
    let (blocked_ms, mode) = Query::number_and_mode(&query(ctx), &contract::BLOCK_MS, &modes)?;
    let duration = Duration::from_millis(blocked_ms);
    match mode {
        "right" => spawn_blocking(move || thread::sleep(duration)).await?,
        _ => thread::sleep(duration),
    }
    set_json(ctx, &Blocked { blocked_ms });
    Ok(())
}

/// The query as it was sent: Hyperlane hands it out taken apart.
fn query(ctx: &Context) -> String {
    let mut query = String::new();
    for (name, values) in ctx.get_request().get_querys() {
        if values.is_empty() {
            query.push_str(name);
            query.push('&');
        }
        for value in values {
            query.push_str(name);
            query.push('=');
            query.push_str(value);
            query.push('&');
        }
    }
    query
}

fn set_data(ctx: &mut Context, start: Instant, execution_mode: &'static str) {
    let data = Data::new(start.elapsed(), execution_mode);
    ctx.get_mut_response()
        .set_header("x-execution-time", data.execution_time());
    set_json(ctx, &data);
}

fn set_text(ctx: &mut Context, body: impl AsRef<[u8]>) {
    ctx.get_mut_response()
        .set_header(CONTENT_TYPE, "text/plain; charset=utf-8")
        .set_body(body);
}

fn set_json(ctx: &mut Context, value: &impl Serialize) {
    let body = serde_json::to_vec(value).expect("these values have only text as keys");
    ctx.get_mut_response()
        .set_header(CONTENT_TYPE, "application/json")
        .set_body(body);
}

fn refuse(ctx: &mut Context, error: Error) {
    let (status, error) = match error {
        Error::BadParameter(error) => (400, error),
        Error::Task(error) => (500, error.to_string()),
    };
    ctx.get_mut_response().set_status_code(status);
    set_json(ctx, &Failure { error });
}
