//! The async servers as a program of their own.

use std::process::ExitCode;

use async_server::{
    Model,
    cli::{Args, serve},
};
use clap::Parser;

/// An async web server: Axum, or the blocking server's own HTTP code on Tokio tasks.
#[derive(Parser)]
#[command(version)]
struct Program {
    /// By which door requests come in
    #[arg(long, value_enum, default_value_t = Model::Axum)]
    model: Model,

    #[command(flatten)]
    args: Args,
}

#[expect(clippy::print_stderr, reason = "a program tells why it ends")]
fn main() -> ExitCode {
    let program = Program::parse();
    match serve(program.model, &program.args, std::io::stdout()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("async-server: {error}");
            ExitCode::from(2)
        }
    }
}
