//! The record of a suite while it grows, written after every row.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::bail;
use record::any::{self, AnyRecord};
use record::suite::{KIND, SuiteRecord};
use record::{Environment, Record, SCHEMA_VERSION};

use super::plan::SuitePlan;
use bench::journal;
use experiments::saved;

/// A record, and where it is kept.
pub struct Journal {
    /// The record.
    pub record: SuiteRecord,
    path: Option<PathBuf>,
}

/// What became of a row.
pub struct Measured {
    /// What was measured.
    pub run: Option<Record>,
    /// What went wrong.
    pub failed: Option<String>,
    /// How long it took.
    pub took: Duration,
}

impl Journal {
    /// A record in which nothing has been measured yet; kept under `results/` if the plan says so.
    ///
    /// # Errors
    /// When there is no place to keep it.
    pub fn begin(plan: &SuitePlan, now: Environment) -> anyhow::Result<Self> {
        let started_at = journal::started_at();
        let path = journal::new_path(&started_at, KIND, plan.output.save)?;
        let rows = plan.rows.iter().map(|row| plan.unmeasured(row));
        Ok(Self {
            record: SuiteRecord {
                schema_version: SCHEMA_VERSION,
                kind: KIND.to_owned(),
                program_version: env!("CARGO_PKG_VERSION").to_owned(),
                started_at,
                interrupted: true,
                elapsed_s: 0.0,
                environment: now,
                config: plan.config.clone(),
                rows: rows.collect::<anyhow::Result<_>>()?,
            },
            path,
        })
    }

    /// The record of an interrupted suite, to be gone on with in the same file.
    ///
    /// # Errors
    /// When it cannot be read, was made on another machine or by another build, or counts requests by another rule.
    pub fn resume(path: &Path, now: &Environment) -> anyhow::Result<Self> {
        let record = match any::read(path)? {
            AnyRecord::Suite(record) => *record,
            other => bail!(
                "{}: not the record of a suite but of {}",
                path.display(),
                other.words()
            ),
        };
        let made = (&record.environment, &*record.config.counting_rule);
        journal::check_resumable(path, KIND, made, now)?;
        Ok(Self {
            record,
            path: Some(path.to_owned()),
        })
    }

    /// Where it is kept.
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// Rows that are not measured yet, or failed.
    pub fn to_do(&self) -> Vec<usize> {
        let rows = self.record.rows.iter().enumerate();
        rows.filter(|(_, row)| !row.is_done())
            .map(|(index, _)| index)
            .collect()
    }

    /// Notes what became of a row, and writes the record.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn add(&mut self, index: usize, measured: Measured) -> anyhow::Result<()> {
        let row = &mut self.record.rows[index];
        row.took_s = Some(measured.took.as_secs_f64());
        row.run = measured.run;
        row.failed = measured.failed;
        let rows = &self.record.rows;
        self.record.interrupted = rows.iter().any(|row| row.took_s.is_none());
        self.record.elapsed_s = rows.iter().filter_map(|row| row.took_s).sum();
        saved::keep(&self.record, self.path())
    }
}
