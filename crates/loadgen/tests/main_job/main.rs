//! The main job as its users see it: the command line, the streams, the files, the exit code.

mod connections;
mod failures;
mod large_answers;
#[cfg(target_os = "linux")]
mod others;
mod output;
mod own_servers;
#[cfg(target_os = "linux")]
mod processes;
mod runs;
mod support;
mod unix_sockets;
