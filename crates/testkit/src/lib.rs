//! What the tests of several crates share.
//!
//! [`server_process`]: what both servers' programs must do as processes.

pub mod server_process;
