//! Writes the description of the records to `docs/`: `cargo run -p crossover-pages --example schema`.

use std::fs;
use std::path::Path;

fn main() -> std::io::Result<()> {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs");
    fs::write(
        docs.join("record.schema.json"),
        record::schema::json_schema(),
    )?;
    fs::write(
        docs.join("suite.schema.json"),
        record::schema::suite_json_schema(),
    )?;
    fs::write(docs.join("record.md"), record::schema::page())
}
