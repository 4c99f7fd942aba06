//! An Actix Web server: one single-threaded event loop per core.

#![forbid(unsafe_code)]

use std::{
    env, fmt, io,
    net::Ipv4Addr,
    thread,
    time::{Duration, Instant},
};

use actix_web::{
    App, HttpRequest, HttpResponse, HttpServer, ResponseError,
    error::BlockingError,
    get,
    http::StatusCode,
    rt::{task::yield_now, time::sleep},
    web,
};
use contract::{Blocked, Cpu, Data, Failure, Health, Kernel, Message, Query};
use futures_util::future::join_all;

const BACKLOG: u32 = 4096;

/// An answer other than 200.
#[derive(Debug)]
enum Error {
    BadParameter(String),
    Task(BlockingError),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BadParameter(error) => error.fmt(f),
            Self::Task(error) => error.fmt(f),
        }
    }
}

impl ResponseError for Error {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::BadParameter(_) => StatusCode::BAD_REQUEST,
            Self::Task(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    fn error_response(&self) -> HttpResponse {
        HttpResponse::build(self.status_code()).json(Failure {
            error: self.to_string(),
        })
    }
}

impl From<String> for Error {
    fn from(error: String) -> Self {
        Self::BadParameter(error)
    }
}

impl From<BlockingError> for Error {
    fn from(error: BlockingError) -> Self {
        Self::Task(error)
    }
}

#[get("/")]
async fn hello(request: HttpRequest) -> Result<&'static str, Error> {
    Query::none(request.query_string())?;
    Ok(contract::HELLO)
}

#[get("/health")]
async fn health(request: HttpRequest) -> Result<web::Json<Health>, Error> {
    Query::none(request.query_string())?;
    Ok(web::Json(Health::OK))
}

#[get("/json")]
async fn json(request: HttpRequest) -> Result<web::Json<Message>, Error> {
    Query::none(request.query_string())?;
    Ok(web::Json(Message::HELLO))
}

#[get("/work")]
async fn work(request: HttpRequest) -> Result<String, Error> {
    let parameters = [&contract::WAIT_MS, &contract::CPU_UNITS, &contract::BYTES];
    let [wait_ms, cpu_units, bytes] = Query::numbers(request.query_string(), parameters)?;
    if wait_ms > 0 {
        sleep(Duration::from_millis(wait_ms)).await;
    }
    contract::compute(cpu_units);
    Ok("x".repeat(bytes as usize))
}

#[get("/sync-data")]
async fn sync_data(request: HttpRequest) -> Result<HttpResponse, Error> {
    Query::none(request.query_string())?;
    let start = Instant::now();
    for wait in contract::WAITS {
        sleep(wait).await;
    }
    Ok(timed(start, "sequential"))
}

#[get("/async-data")]
async fn async_data(request: HttpRequest) -> Result<HttpResponse, Error> {
    Query::none(request.query_string())?;
    let start = Instant::now();
    join_all(contract::WAITS.map(sleep)).await;
    Ok(timed(start, "concurrent"))
}

fn timed(start: Instant, execution_mode: &'static str) -> HttpResponse {
    let data = Data::new(start.elapsed(), execution_mode);
    HttpResponse::Ok()
        .insert_header(("x-execution-time", data.execution_time()))
        .json(data)
}

#[get("/cpu")]
async fn cpu(request: HttpRequest) -> Result<web::Json<Cpu>, Error> {
    let modes = ["inline", "offload", "yield"];
    let (units, mode) = Query::number_and_mode(request.query_string(), &contract::UNITS, &modes)?;
    let checksum = match mode {
        "offload" => web::block(move || contract::compute(units)).await?,
        "yield" => compute_yielding(units).await,
        _ => contract::compute(units),
    };
    Ok(web::Json(Cpu { units, checksum }))
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
async fn block(request: HttpRequest) -> Result<web::Json<Blocked>, Error> {
    let modes = ["wrong", "right"];
    let (blocked_ms, mode) =
        Query::number_and_mode(request.query_string(), &contract::BLOCK_MS, &modes)?;
    let duration = Duration::from_millis(blocked_ms);
    match mode {
        "right" => web::block(move || thread::sleep(duration)).await?,
        _ => thread::sleep(duration),
    }
    Ok(web::Json(Blocked { blocked_ms }))
}

#[actix_web::main]
async fn main() -> io::Result<()> {
    let port = env::args().nth(1).and_then(|port| port.parse().ok());
    let port: u16 = port.ok_or_else(|| io::Error::other("usage: actix-contender PORT"))?;
    HttpServer::new(|| {
        App::new()
            .service(hello)
            .service(health)
            .service(json)
            .service(work)
            .service(sync_data)
            .service(async_data)
            .service(cpu)
            .service(block)
    })
    .backlog(BACKLOG)
    .keep_alive(contract::IDLE_TIMEOUT)
    .client_request_timeout(Duration::from_secs(10))
    .tcp_nodelay(true)
    // Nothing in flight is worth waiting for.
    .shutdown_timeout(0)
    .bind((Ipv4Addr::LOCALHOST, port))?
    .run()
    .await
}
