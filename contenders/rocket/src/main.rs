//! A Rocket server: its release defaults, without logging.

#![forbid(unsafe_code)]

use std::{
    env,
    net::Ipv4Addr,
    thread,
    time::{Duration, Instant},
};

use contract::{Blocked, Cpu, Data, Failure, Health, Kernel, Message, Query};
use rocket::{
    Build, Config, Request, Responder, Rocket,
    config::{LogLevel, Shutdown},
    get,
    outcome::Outcome,
    request::{self, FromRequest},
    routes,
    serde::json::Json,
    tokio::{
        join,
        task::{JoinError, spawn_blocking, yield_now},
        time::sleep,
    },
};

/// What follows the `?` of a request, as it was sent.
struct RawQuery<'r>(&'r str);

#[rocket::async_trait]
impl<'r> FromRequest<'r> for RawQuery<'r> {
    type Error = ();

    async fn from_request(request: &'r Request<'_>) -> request::Outcome<Self, ()> {
        let query = request.uri().query();
        Outcome::Success(Self(query.map_or("", |query| query.as_str())))
    }
}

/// An answer other than 200.
#[derive(Responder)]
enum Error {
    #[response(status = 400)]
    BadParameter(Json<Failure>),
    #[response(status = 500)]
    Task(Json<Failure>),
}

impl From<String> for Error {
    fn from(error: String) -> Self {
        Self::BadParameter(Json(Failure { error }))
    }
}

impl From<JoinError> for Error {
    fn from(error: JoinError) -> Self {
        Self::Task(Json(Failure {
            error: error.to_string(),
        }))
    }
}

#[derive(Responder)]
struct Timed {
    data: Json<Data>,
    execution_time: rocket::http::Header<'static>,
}

impl Timed {
    fn new(start: Instant, execution_mode: &'static str) -> Self {
        let data = Data::new(start.elapsed(), execution_mode);
        Self {
            execution_time: rocket::http::Header::new("x-execution-time", data.execution_time()),
            data: Json(data),
        }
    }
}

#[get("/")]
fn hello(query: RawQuery<'_>) -> Result<&'static str, Error> {
    Query::none(query.0)?;
    Ok(contract::HELLO)
}

#[get("/health")]
fn health(query: RawQuery<'_>) -> Result<Json<Health>, Error> {
    Query::none(query.0)?;
    Ok(Json(Health::OK))
}

#[get("/json")]
fn json(query: RawQuery<'_>) -> Result<Json<Message>, Error> {
    Query::none(query.0)?;
    Ok(Json(Message::HELLO))
}

#[get("/work")]
async fn work(query: RawQuery<'_>) -> Result<String, Error> {
    let parameters = [&contract::WAIT_MS, &contract::CPU_UNITS, &contract::BYTES];
    let [wait_ms, cpu_units, bytes] = Query::numbers(query.0, parameters)?;
    if wait_ms > 0 {
        sleep(Duration::from_millis(wait_ms)).await;
    }
    contract::compute(cpu_units);
    Ok("x".repeat(bytes as usize))
}

#[get("/sync-data")]
async fn sync_data(query: RawQuery<'_>) -> Result<Timed, Error> {
    Query::none(query.0)?;
    let start = Instant::now();
    for wait in contract::WAITS {
        sleep(wait).await;
    }
    Ok(Timed::new(start, "sequential"))
}

#[get("/async-data")]
async fn async_data(query: RawQuery<'_>) -> Result<Timed, Error> {
    Query::none(query.0)?;
    let start = Instant::now();
    let [database, api, file] = contract::WAITS;
    join!(sleep(database), sleep(api), sleep(file));
    Ok(Timed::new(start, "concurrent"))
}

#[get("/cpu")]
async fn cpu(query: RawQuery<'_>) -> Result<Json<Cpu>, Error> {
    let modes = ["inline", "offload", "yield"];
    let (units, mode) = Query::number_and_mode(query.0, &contract::UNITS, &modes)?;
    let checksum = match mode {
        "offload" => spawn_blocking(move || contract::compute(units)).await?,
        "yield" => compute_yielding(units).await,
        _ => contract::compute(units),
    };
    Ok(Json(Cpu { units, checksum }))
}

async fn compute_yielding(units: u64) -> u32 {
    let mut kernel = Kernel::default();
    for step in contract::steps(units) {
        kernel.run(step);
        yield_now().await;
    }
    kernel.checksum()
}

#[get("/block")]
async fn block(query: RawQuery<'_>) -> Result<Json<Blocked>, Error> {
    let modes = ["wrong", "right"];
    let (blocked_ms, mode) = Query::number_and_mode(query.0, &contract::BLOCK_MS, &modes)?;
    let duration = Duration::from_millis(blocked_ms);
    match mode {
        "right" => spawn_blocking(move || thread::sleep(duration)).await?,
        _ => thread::sleep(duration),
    }
    Ok(Json(Blocked { blocked_ms }))
}

#[rocket::launch]
fn server() -> Rocket<Build> {
    let port = env::args().nth(1).and_then(|port| port.parse().ok());
    let config = Config {
        address: Ipv4Addr::LOCALHOST.into(),
        port: port.expect("usage: rocket-contender PORT"),
        keep_alive: contract::IDLE_TIMEOUT.as_secs() as u32,
        log_level: LogLevel::Off,
        // Nothing in flight is worth waiting for.
        shutdown: Shutdown {
            grace: 0,
            mercy: 0,
            ..Shutdown::default()
        },
        ..Config::release_default()
    };
    let routes = routes![hello, health, json, work, sync_data, async_data, cpu, block];
    rocket::custom(config).mount("/", routes)
}
