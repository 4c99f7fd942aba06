//! Runs the async servers on their own.

fn main() {}
