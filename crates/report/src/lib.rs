//! The record format, and everything derived from records.

pub mod analysis;
pub mod article;
pub mod format;
pub mod record;
pub mod summary;
