//! What records that grow have in common: when they start, where they are kept, and whether they may be resumed.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use jiff::Timestamp;
use record::{COUNTING_RULE, Environment, counting};

use crate::{environment, files};

/// Now, as a record tells when it started: UTC by RFC 3339, `2026-11-22T10:15:00Z`.
pub fn started_at() -> String {
    Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// The file of a new record of a kind, `results/20261122T101500Z-KIND.json`; none where nothing is saved.
///
/// # Errors
/// When there is no place to keep it.
pub fn new_path(started_at: &str, kind: &str, save: bool) -> anyhow::Result<Option<PathBuf>> {
    let name = || format!("{}-{kind}", files::time_slug(started_at));
    save.then(|| files::new_file(&name())).transpose()
}

/// Fails where what is measured now does not belong into the record of a `kind` that was interrupted.
///
/// # Errors
/// When it was made on another machine or by another build, or counts requests by another rule.
pub fn check_resumable(
    path: &Path,
    kind: &str,
    (then, counting_rule): (&Environment, &str),
    now: &Environment,
) -> anyhow::Result<()> {
    environment::check_same(then, now)
        .with_context(|| format!("{}: cannot go on with this {kind}", path.display()))?;
    counting::check_same(counting_rule, COUNTING_RULE)
        .with_context(|| format!("{}: begin a {kind} anew without --resume", path.display()))
}
