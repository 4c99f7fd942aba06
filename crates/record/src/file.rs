//! Records as files: reading them back with errors that name file and place.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};

use crate::run::{Record, SCHEMA_VERSION};

/// Files beyond this size are refused: a record of a long run has a few MiB.
pub const MAX_FILE_BYTES: u64 = 256 * 1024 * 1024;

/// Some programs begin a file in UTF-8 with this. It is no part of what follows.
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// Why a record could not be read.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The file could not be opened or read.
    #[error("{}: cannot be read: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file is larger than any record.
    #[error("{}: {bytes} bytes are more than the {MAX_FILE_BYTES} a record may have", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Its size in bytes.
        bytes: u64,
    },
    /// The file ends in the middle.
    #[error("{}:{line}:{column}: the file ends in the middle of a record; it was cut off", path.display())]
    Truncated {
        /// The file.
        path: PathBuf,
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
    },
    /// The file is no JSON.
    #[error("{}:{line}:{column}: not JSON: {message}", path.display())]
    NotJson {
        /// The file.
        path: PathBuf,
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
        /// What is wrong there.
        message: String,
    },
    /// JSON, but of another program.
    #[error("{}: JSON, but not a record of loadgen: it has no \"schema_version\"", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// Written by a newer program.
    #[error("{}: schema version {found} is newer than the {SCHEMA_VERSION} this program reads; use a newer loadgen", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: u64,
    },
    /// A record of a known version that does not follow it.
    #[error("{}:{line}:{column}: not a record of schema version {version}: {message}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// Its version.
        version: u64,
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
        /// What is wrong there.
        message: String,
    },
}

/// Reads a record.
///
/// # Errors
/// See [`FileError`]; every message names the file, and the place in it where there is one.
pub fn read(path: &Path) -> Result<Record, FileError> {
    parse(&read_bytes(path)?, path)
}

/// Reads the contents of a file that should be a record of some kind.
///
/// # Errors
/// When it cannot be read, or is larger than any record.
pub fn read_bytes(path: &Path) -> Result<Vec<u8>, FileError> {
    let fail = |source| FileError::Read {
        path: path.to_owned(),
        source,
    };
    let file = File::open(path).map_err(fail)?;
    let mut bytes = Vec::new();
    // A size that was asked for beforehand could grow, or be that of a pipe.
    let limited = file.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes);
    let read = limited.map_err(fail)? as u64;
    if read > MAX_FILE_BYTES {
        return Err(FileError::TooLarge {
            path: path.to_owned(),
            bytes: std::fs::metadata(path).map_or(read, |metadata| metadata.len()),
        });
    }
    if bytes.starts_with(BYTE_ORDER_MARK) {
        bytes.drain(..BYTE_ORDER_MARK.len());
    }
    Ok(bytes)
}

/// Reads a record of a known kind from the contents of a file; `path` is what errors name.
///
/// # Errors
/// As [`read`], without those of the system.
pub fn parse<T: DeserializeOwned>(bytes: &[u8], path: &Path) -> Result<T, FileError> {
    let version = version(bytes, path)?;
    serde_json::from_slice(bytes).map_err(|error| FileError::Malformed {
        path: path.to_owned(),
        version,
        line: error.line(),
        column: error.column(),
        message: without_place(&error),
    })
}

/// The version of a record of any kind, which is one that this program reads.
fn version(bytes: &[u8], path: &Path) -> Result<u64, FileError> {
    let path = path.to_owned();
    let first = bytes.iter().find(|byte| !byte.is_ascii_whitespace());
    if first != Some(&b'{') && serde_json::from_slice::<IgnoredAny>(bytes).is_ok() {
        return Err(FileError::Foreign { path });
    }
    let version = match serde_json::from_slice::<Version>(bytes) {
        Ok(Version {
            schema_version: Some(version),
        }) => version,
        Ok(Version {
            schema_version: None,
        }) => return Err(FileError::Foreign { path }),
        Err(error) => return Err(syntax_error(&error, path)),
    };
    if version > u64::from(SCHEMA_VERSION) {
        return Err(FileError::Newer {
            path,
            found: version,
        });
    }
    Ok(version)
}

/// The one field that every version has.
#[derive(Deserialize)]
struct Version {
    schema_version: Option<u64>,
}

fn syntax_error(error: &serde_json::Error, path: PathBuf) -> FileError {
    let (line, column) = (error.line(), error.column());
    match error.classify() {
        serde_json::error::Category::Eof => FileError::Truncated { path, line, column },
        serde_json::error::Category::Data => FileError::Foreign { path },
        _ => FileError::NotJson {
            path,
            line,
            column,
            message: without_place(error),
        },
    }
}

/// The message without the "at line … column …" that stands in front of it already.
fn without_place(error: &serde_json::Error) -> String {
    let message = error.to_string();
    match message.rfind(" at line ") {
        Some(end) => message[..end].to_owned(),
        None => message,
    }
}
