//! The server as a process.

use testkit::server_process::{self, Program};

const PROGRAM: Program = Program {
    path: env!("CARGO_BIN_EXE_async-server"),
    models: [("bare", "async-bare"), ("axum", "async")],
};

#[test]
fn ends_with_sigterm() {
    server_process::ends_with_sigterm(&PROGRAM);
}

#[test]
fn ends_with_the_pipe_on_its_standard_input() {
    server_process::ends_with_the_pipe_on_its_standard_input(&PROGRAM);
}

#[test]
fn lives_on_without_a_standard_input() {
    server_process::lives_on_without_a_standard_input(&PROGRAM);
}

#[test]
fn says_why_it_can_t_start() {
    server_process::says_why_it_can_t_start(&PROGRAM);
}

#[test]
#[cfg(target_os = "linux")]
fn answers_that_nobody_reads_share_their_bytes() {
    server_process::answers_that_nobody_reads_share_their_bytes(&PROGRAM);
}
