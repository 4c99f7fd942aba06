//! Contenders: external servers described by a manifest each, built, verified and made ready to be measured beside the
//! built-in ones.
//!
//! # Layout
//!
//! - `manifest`: a `contender.toml`, read strictly; `template`, `names`: placeholders in it.
//! - [`catalogue`]: all contenders of some folders, variants among them.
//! - `tools`: which tools are there; `build`: building; `conformance`: what each must answer.
//! - `inherited`: variables that a contender does not get.
//! - [`prepare`]: from a manifest to a server that may be measured, or the reason why not.

mod build;
pub mod catalogue;
mod conformance;
mod inherited;
mod manifest;
mod names;
pub mod prepare;
mod template;
mod tools;
