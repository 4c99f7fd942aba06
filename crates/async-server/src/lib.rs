//! The Tokio servers: the blocking server's HTTP code on tasks, and Axum.
