use actix_web::{App, HttpServer, web};

#[actix_web::main]
async fn main() -> std::io::Result<()> {
    let port: u16 = std::env::args().nth(1).expect("a port").parse().expect("a port");
    HttpServer::new(|| App::new().route("/", web::get().to(|| async { "ok" })))
        .bind(("127.0.0.1", port))?
        .run()
        .await
}
