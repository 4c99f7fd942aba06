//! `loadgen init`: a commented settings file to begin with.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write as _};

use anyhow::{Context as _, bail};

use super::args::InitArgs;
use super::settings::TEMPLATE;
use crate::{exit, output};

/// Writes the file.
///
/// # Errors
/// When it exists already, or cannot be written.
pub fn run(args: &InitArgs) -> anyhow::Result<u8> {
    let file = args.file.display();
    let mut options = OpenOptions::new();
    let mut opened = match options.write(true).create_new(true).open(&args.file) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            bail!("{file} exists already, and is left as it is")
        }
        opened => opened.with_context(|| format!("cannot write {file}"))?,
    };
    opened
        .write_all(TEMPLATE.as_bytes())
        .with_context(|| format!("cannot write {file}"))?;
    output::print(&format!(
        "{file} written: say in it how your servers are started, then run `loadgen gate`\n"
    ))?;
    Ok(exit::MEASURED)
}
