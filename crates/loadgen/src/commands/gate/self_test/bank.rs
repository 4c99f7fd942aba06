//! The bank as a file: written line by line, gone on with where it ended.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use record::gate::bank::{BANK_VERSION, BankHeader, BankLoad, BankedBlock};
use record::{COUNTING_RULE, Environment, counting, machine};
use serde::de::DeserializeOwned;

/// A bank, open for more blocks.
pub struct Bank {
    path: PathBuf,
    file: File,
    /// What its blocks have in common.
    pub header: BankHeader,
    /// Its blocks, in the order measured.
    pub blocks: Vec<BankedBlock>,
}

impl Bank {
    /// Opens a bank that exists; `None` when it does not.
    ///
    /// A last line that was not written to its end is cut off: the run that wrote it was broken off.
    ///
    /// # Errors
    /// When the file is no bank, with the line, or counts requests by another rule.
    pub fn open(path: &Path) -> anyhow::Result<Option<Self>> {
        if !path.exists() {
            return Ok(None);
        }
        let name = path.display();
        let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {name}"))?;
        let whole = text.rfind('\n').map_or(0, |end| end + 1);
        let mut lines = text[..whole].lines().enumerate();
        let Some((_, first)) = lines.next() else {
            bail!("{name} is not a bank of the self-test: it has no line");
        };
        let first = first.strip_prefix('\u{feff}').unwrap_or(first);
        let header: BankHeader = line(first, 0, path)?;
        if header.bank_version != BANK_VERSION {
            bail!(
                "{name}: version {} of the bank; this program reads {BANK_VERSION}",
                header.bank_version
            );
        }
        counting::check_same(&header.counting_rule, COUNTING_RULE).with_context(|| {
            format!("{name} cannot be judged or gone on with: name another file with --bank")
        })?;
        let blocks = lines
            .map(|(number, text)| line(text, number, path))
            .collect::<anyhow::Result<_>>()?;
        let file = OpenOptions::new()
            .append(true)
            .open(path)
            .with_context(|| format!("cannot write {name}"))?;
        file.set_len(whole as u64)
            .with_context(|| format!("cannot write {name}"))?;
        Ok(Some(Self {
            path: path.to_owned(),
            file,
            header,
            blocks,
        }))
    }

    /// Begins a bank.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn create(path: &Path, header: BankHeader) -> anyhow::Result<Self> {
        let name = path.display();
        if let Some(folder) = path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty())
        {
            std::fs::create_dir_all(folder)
                .with_context(|| format!("cannot make the folder {}", folder.display()))?;
        }
        let file = OpenOptions::new().append(true).create_new(true).open(path);
        let file = file.with_context(|| format!("cannot write {name}"))?;
        let mut bank = Self {
            path: path.to_owned(),
            file,
            header,
            blocks: Vec::new(),
        };
        let header = serde_json::to_string(&bank.header)?;
        bank.write(&header)?;
        Ok(bank)
    }

    /// Adds a block, in the file at once.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn add(&mut self, block: BankedBlock) -> anyhow::Result<()> {
        self.write(&serde_json::to_string(&block)?)?;
        self.blocks.push(block);
        Ok(())
    }

    /// Fails when blocks measured now would not belong with those in the bank.
    ///
    /// # Errors
    /// Then, with what differs.
    pub fn check_same(&self, environment: &Environment, load: &BankLoad) -> anyhow::Result<()> {
        let mut differences = machine::differences(&self.header.environment, environment);
        let builds = machine::build_differences(&self.header.environment, environment);
        differences.extend(builds);
        if !differences.is_empty() {
            bail!(
                "{} was measured on another machine or build ({}): name another file with --bank",
                self.path.display(),
                machine::listed(&differences)
            );
        }
        if &self.header.load != load {
            bail!(
                "{} was measured with another load ({:?}, now {load:?}): name another file with --bank",
                self.path.display(),
                self.header.load
            );
        }
        Ok(())
    }

    fn write(&mut self, line: &str) -> anyhow::Result<()> {
        let written = self
            .file
            .write_all(format!("{line}\n").as_bytes())
            .and_then(|()| self.file.flush());
        written.with_context(|| format!("cannot write {}", self.path.display()))
    }
}

fn line<T: DeserializeOwned>(text: &str, number: usize, path: &Path) -> anyhow::Result<T> {
    serde_json::from_str(text).with_context(|| {
        format!(
            "{}:{}: not a line of the self-test's bank",
            path.display(),
            number + 1
        )
    })
}

#[cfg(test)]
mod tests {
    use record::Block;
    use record::gate::bank::{ArmPair, Pilot};

    use super::*;

    fn header() -> BankHeader {
        BankHeader {
            bank_version: BANK_VERSION,
            started_at: "2026-11-22T10:00:00Z".to_owned(),
            environment: Environment::default(),
            counting_rule: COUNTING_RULE.to_owned(),
            load: load(50),
            pilot: Pilot {
                rate_rps: 1.0,
                cpu_us_per_request: 1.0,
                throughput_rps: 2.0,
                unit_us: 1.0,
            },
        }
    }

    fn load(concurrency: u32) -> BankLoad {
        BankLoad {
            server: "async".to_owned(),
            path: "/".to_owned(),
            concurrency,
            threads: 2,
            block_s: 4.0,
            warmup_s: 0.5,
        }
    }

    fn block(scenario: &str) -> BankedBlock {
        let pair = || ArmPair {
            baseline: Block::default(),
            candidate: Block::default(),
        };
        BankedBlock {
            scenario: scenario.to_owned(),
            closed: pair(),
            open: pair(),
        }
    }

    #[test]
    fn a_bank_is_gone_on_with_and_a_torn_line_is_cut_off() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/bank.jsonl");
        assert!(Bank::open(&path).unwrap().is_none());
        Bank::create(&path, header())
            .unwrap()
            .add(block("aa"))
            .unwrap();
        OpenOptions::new()
            .append(true)
            .open(&path)
            .unwrap()
            .write_all(b"{\"scenario\":")
            .unwrap();
        let mut bank = Bank::open(&path).unwrap().unwrap();
        bank.add(block("cpu:10")).unwrap();
        let bank = Bank::open(&path).unwrap().unwrap();
        let names: Vec<_> = bank
            .blocks
            .iter()
            .map(|block| block.scenario.as_str())
            .collect();
        assert_eq!((bank.header, names), (header(), vec!["aa", "cpu:10"]));
    }

    #[test]
    fn what_is_no_bank_is_told_with_its_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bank.jsonl");
        let told = |text: &str| {
            std::fs::write(&path, text).unwrap();
            format!("{:#}", Bank::open(&path).err().expect(text))
        };
        assert!(told("").contains("no line"));
        assert!(told("{}\n").contains("bank.jsonl:1"));
        let header = serde_json::to_string(&header()).unwrap();
        assert!(told(&format!("{header}\nnonsense\n")).contains("bank.jsonl:2"));
        assert!(
            told(&format!(
                "{}\n",
                header.replace("\"bank_version\":1", "\"bank_version\":9")
            ))
            .contains("version 9")
        );
    }

    #[test]
    fn a_bank_of_another_counting_rule_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bank.jsonl");
        let older = BankHeader {
            counting_rule: String::new(),
            ..header()
        };
        Bank::create(&path, older).unwrap();
        let told = format!("{:#}", Bank::open(&path).err().unwrap());
        assert!(told.contains("another counting rule"), "{told}");
        assert!(told.contains("--bank"), "{told}");
    }

    #[test]
    fn blocks_of_another_load_or_machine_do_not_mix() {
        let folder = tempfile::tempdir().unwrap();
        let bank = Bank::create(&folder.path().join("bank.jsonl"), header()).unwrap();
        let here = Environment::default();
        bank.check_same(&here, &load(50)).unwrap();
        assert!(
            bank.check_same(&here, &load(60))
                .unwrap_err()
                .to_string()
                .contains("another load")
        );
        let other = Environment { cores: 9, ..here };
        assert!(
            bank.check_same(&other, &load(50))
                .unwrap_err()
                .to_string()
                .contains("another machine")
        );
    }
}
