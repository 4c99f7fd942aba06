//! The blocking servers as a program of their own.

use std::process::ExitCode;

use clap::Parser;
use sync_server::cli::{Args, ModelName, serve};

/// A blocking web server: a thread per connection, or a bounded pool of threads.
#[derive(Parser)]
#[command(version)]
struct Program {
    /// Which threads serve
    #[arg(long, value_enum, default_value_t = ModelName::Thread)]
    model: ModelName,

    #[command(flatten)]
    args: Args,
}

#[expect(clippy::print_stderr, reason = "a program tells why it ends")]
fn main() -> ExitCode {
    let program = Program::parse();
    match serve(program.model, &program.args, std::io::stdout()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("sync-server: {error}");
            ExitCode::from(2)
        }
    }
}
