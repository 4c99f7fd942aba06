//! Reading records back: what is wrong with a file is said with its name and place.

use std::path::Path;

use proptest::prelude::*;
use record::{Record, SCHEMA_VERSION, file};
use render::json;

fn error_of(text: &str) -> String {
    file::parse::<Record>(text.as_bytes(), Path::new("run.json"))
        .unwrap_err()
        .to_string()
}

#[test]
fn a_record_reads_back_as_it_was_written() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("run.json");
    let record = crate::support::main_job();
    std::fs::write(&path, json::render(&record)).unwrap();
    assert!(
        file::read(&path).unwrap() == record,
        "the record lost something"
    );
}

#[test]
fn json_is_exactly_one_document() {
    let text = json::render(&crate::support::main_job());
    let documents: Vec<serde_json::Value> = serde_json::Deserializer::from_str(&text)
        .into_iter()
        .collect::<Result<_, _>>()
        .unwrap();
    assert_eq!(documents.len(), 1);
    assert_eq!(documents[0]["schema_version"], SCHEMA_VERSION);
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let error = file::read(Path::new("/nowhere/run.json"))
        .unwrap_err()
        .to_string();
    assert!(
        error.starts_with("/nowhere/run.json: cannot be read: "),
        "{error}"
    );
}

#[test]
fn a_byte_order_mark_is_no_part_of_a_record() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("marked.json");
    let record = crate::support::main_job();
    let text = serde_json::to_string(&record).unwrap();
    std::fs::write(&path, format!("\u{feff}{text}")).unwrap();
    assert_eq!(file::read(&path).unwrap(), record);
    assert_eq!(
        record::any::read(&path).unwrap(),
        record::any::AnyRecord::Run(Box::new(record))
    );
}

#[test]
fn a_truncated_file_names_the_place_where_it_ends() {
    let text = json::render(&crate::support::main_job());
    for end in [0, 1, 200, text.len() / 2, text.len() - 3] {
        let error = error_of(&text[..end]);
        assert!(error.starts_with("run.json:"), "{error}");
        assert!(error.contains("ends in the middle of a record"), "{error}");
    }
}

#[test]
fn a_newer_record_is_refused_whatever_else_it_holds() {
    let error = error_of(r#"{"schema_version": 99, "results": "something new"}"#);
    assert_eq!(
        error,
        format!(
            "run.json: schema version 99 is newer than the {SCHEMA_VERSION} this program reads; use a newer loadgen"
        )
    );
}

#[test]
fn foreign_files_are_told_from_broken_ones() {
    assert!(error_of(r#"{"rps": 3}"#).contains("not a record of loadgen"));
    assert!(error_of("[1, 2]").contains("not a record of loadgen"));
    assert_eq!(
        error_of("Running 10s test @ http"),
        "run.json:1:1: not JSON: expected value"
    );
    assert!(error_of("\u{0}\u{1}\u{2}").contains("not JSON"));
}

#[test]
fn a_wrong_field_is_named_with_its_place() {
    let text = json::render(&crate::support::main_job());
    let error = error_of(&text.replacen("\"requests\": 6240000", "\"requests\": \"many\"", 1));
    assert!(
        error.contains("not a record of schema version 1"),
        "{error}"
    );
    assert!(error.contains("string \"many\""), "{error}");
    let line: usize = error.split(':').nth(1).unwrap().parse().unwrap();
    assert!(line > 10, "{error}");
}

#[test]
fn a_huge_file_is_refused_without_being_read() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("huge.json");
    let file = std::fs::File::create(&path).unwrap();
    // Sparse: takes no room on the disk.
    file.set_len(file::MAX_FILE_BYTES * 4).unwrap();
    let error = file::read(&path).unwrap_err().to_string();
    assert!(error.contains("huge.json"), "{error}");
    assert!(error.contains("are more than the"), "{error}");
}

proptest! {
    #[test]
    fn no_file_makes_reading_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let _ = file::parse::<Record>(&bytes, Path::new("run.json"));
    }

    #[test]
    fn no_cut_through_a_record_makes_reading_panic(share in 0.0..1.0_f64) {
        let text = json::render(&crate::support::record(&[crate::support::CellSpec { duration_s: 1.0, ..Default::default() }]));
        let end = (text.len() as f64 * share) as usize;
        prop_assert!(file::parse::<Record>(&text.as_bytes()[..end], Path::new("run.json")).is_err());
    }
}
