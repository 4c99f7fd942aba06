//! The record format, and everything derived from records.

pub mod record;
pub mod summary;
