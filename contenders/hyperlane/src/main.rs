//! A Hyperlane server: a hook per route, and one after them that sends what they have set.

#![forbid(unsafe_code)]

mod routes;

use std::{env, io};

use hyperlane::{
    CLOSE, CONNECTION, Context, RequestConfig, Server, ServerConfig, ServerHook, Status, Stream,
    epilogue_macros, hyperlane, response_middleware,
};

/// Sends the response that a route has set: Hyperlane leaves sending to the application.
#[response_middleware]
struct SendAnswer;

impl ServerHook for SendAnswer {
    async fn new(_: &mut Stream, ctx: &mut Context) -> Self {
        // Every route sets a content type, so there was none for this path.
        if ctx.get_response().get_headers().is_empty() {
            ctx.get_mut_response().set_status_code(404);
        }
        // Hyperlane closes the connection when the client asks for it, and says keep-alive all the same.
        if ctx.get_request().is_disable_keep_alive() {
            ctx.get_mut_response().set_header(CONNECTION, CLOSE);
        }
        Self
    }

    #[epilogue_macros(try_send)]
    async fn handle(self, stream: &mut Stream, ctx: &mut Context) -> Status {
        Status::Continue
    }
}

#[tokio::main]
#[hyperlane(server: Server)]
#[hyperlane(server_config: ServerConfig)]
#[hyperlane(request_config: RequestConfig)]
async fn main() -> io::Result<()> {
    let port = env::args().nth(1).and_then(|port| port.parse().ok());
    let port = port.ok_or_else(|| io::Error::other("usage: hyperlane-contender PORT"))?;
    server_config
        .set_address(Server::format_bind_address("127.0.0.1", port))
        .set_nodelay(Some(true));
    // It limits how long a connection may be idle, too.
    request_config.set_read_timeout_ms(contract::IDLE_TIMEOUT.as_millis() as u64);
    server
        .server_config(server_config)
        .request_config(request_config);
    let control = server
        .run()
        .await
        .map_err(|error| io::Error::other(error.to_string()))?;
    control.wait().await;
    Ok(())
}
