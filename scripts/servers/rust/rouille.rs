fn main() {
    let port = std::env::args().nth(1).expect("a port");
    rouille::start_server(format!("127.0.0.1:{port}"), |_| rouille::Response::text("ok"));
}
