//! Runs the sync servers on their own.

fn main() {}
