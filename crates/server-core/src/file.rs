//! The file that `/file` reads.

use std::io::{self, Write};

use contract::workloads::file;
use tempfile::{NamedTempFile, TempPath};

/// Writes it; it is gone when the value is dropped.
///
/// # Errors
/// When there is no room for it.
pub fn temporary() -> io::Result<TempPath> {
    let mut written = NamedTempFile::new()?;
    written.write_all(file::content())?;
    Ok(written.into_temp_path())
}
