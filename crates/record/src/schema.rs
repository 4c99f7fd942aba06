//! The description of a record, made from its types: a JSON Schema for programs, a page for people.

use std::fmt::Write as _;

use schemars::schema_for;
use serde_json::{Map, Value};

use crate::run::{Record, SCHEMA_VERSION};
use crate::suite::SuiteRecord;

/// The JSON Schema of a record.
///
/// # Panics
/// Never: a schema is JSON.
pub fn json_schema() -> String {
    spelled(&schema_for!(Record).into())
}

/// The JSON Schema of a suite's record.
///
/// # Panics
/// Never: a schema is JSON.
pub fn suite_json_schema() -> String {
    spelled(&schema_for!(SuiteRecord).into())
}

fn spelled(schema: &Value) -> String {
    serde_json::to_string_pretty(schema).expect("a schema is JSON") + "\n"
}

/// One page, in Markdown, with every field of a record, its type, its unit and what it says.
///
/// # Panics
/// Never: our schema has the parts that are looked for.
pub fn page() -> String {
    let schema: Value = schema_for!(Record).into();
    let mut page = format!(
        "<!-- Made from crates/record/src/run.rs by `cargo run -p crossover-pages --example schema`. -->\n\n\
         # The record\n\n\
         A run leaves one JSON file: everything it was told, measured and concluded. Every report is made \
         from such files alone. This page describes version {SCHEMA_VERSION}; \
         [record.schema.json](record.schema.json) is the same for programs.\n\n\
         - `schema_version` is the version of the format. Older versions are read for ever, a newer one is \
         refused with a message.\n\
         - `null` means \"not available\", never zero.\n\
         - What the figures mean is written in [definitions.md](definitions.md).\n\
         - `histogram` is compressed HdrHistogram V2 in base64 (`HISTF…`), which every implementation reads. Records \
         from before November 2026 hold the uncompressed form (`HISTE…`); it is read for ever here, and refused by \
         the implementations in Python, JavaScript, Go and C. The rank of a percentile differs: share × count is \
         rounded up in Rust (here), Java and JavaScript, and to the nearest rank in Python, Go and C. Of the values \
         1, 2 and 3, p40 is 2 in the former and 1 in the latter.\n\n\
         ## Record\n\n"
    );
    describe(&mut page, "Record", &schema);
    for (name, definition) in definitions(&schema) {
        let _ = write!(page, "\n## {name}\n\n");
        describe(&mut page, name, definition);
    }
    describe_suite(&mut page, &schema);
    page
}

/// The record of a suite, and what only it has.
fn describe_suite(page: &mut String, record: &Value) {
    let schema: Value = schema_for!(SuiteRecord).into();
    let _ = write!(
        page,
        "\n# The record of a suite\n\n\
         `loadgen suite` leaves one file with the record of each of its runs; \
         [suite.schema.json](suite.schema.json) is the same for programs.\n\n\
         ## SuiteRecord\n\n"
    );
    describe(page, "SuiteRecord", &schema);
    let known: Vec<&String> = definitions(record).map(|(name, _)| name).collect();
    let own = definitions(&schema).filter(|(name, _)| *name != "Record" && !known.contains(name));
    for (name, definition) in own {
        let _ = write!(page, "\n## {name}\n\n");
        describe(page, name, definition);
    }
}

fn definitions(schema: &Value) -> impl Iterator<Item = (&String, &Value)> {
    let definitions = schema.get("$defs").and_then(Value::as_object);
    definitions.into_iter().flatten()
}

fn describe(page: &mut String, name: &str, definition: &Value) {
    let _ = writeln!(page, "{}", description(definition));
    if let Some(fields) = definition.get("properties").and_then(Value::as_object) {
        fields_table(page, name, fields);
    }
    for variant in definition
        .get("oneOf")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        let value = variant
            .get("const")
            .map_or_else(String::new, Value::to_string);
        let _ = write!(page, "\n- `{value}`: {}", description(variant));
    }
    if definition.get("oneOf").is_some() {
        page.push('\n');
    }
}

fn fields_table(page: &mut String, name: &str, fields: &Map<String, Value>) {
    page.push_str("\n| field | type | unit | meaning |\n| --- | --- | --- | --- |\n");
    for (field, schema) in fields {
        let (kind, unit) = (kind(schema), unit(name, field, schema));
        let _ = writeln!(
            page,
            "| `{field}` | {kind} | {unit} | {} |",
            description(schema)
        );
    }
}

fn description(schema: &Value) -> String {
    let text = schema
        .get("description")
        .and_then(Value::as_str)
        .unwrap_or("");
    // Links of the source's documentation lead nowhere on a page.
    let plain = text.replace("[`", "`").replace("`]", "`");
    plain
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
        .replace('|', "\\|")
}

/// A type in words, with links to the definitions on the page.
fn kind(schema: &Value) -> String {
    if let Some(name) = schema.get("$ref").and_then(Value::as_str) {
        let name = name.rsplit('/').next().unwrap_or(name);
        return format!("[{name}](#{})", name.to_lowercase());
    }
    if let Some(choices) = schema.get("anyOf").and_then(Value::as_array) {
        return choices.iter().map(kind).collect::<Vec<_>>().join(" or ");
    }
    let named = |kind: &str| match kind {
        "array" => match schema.get("items") {
            Some(items) => format!("array of {}", self::kind(items)),
            None => "array".to_owned(),
        },
        "object" => match schema
            .get("additionalProperties")
            .or_else(|| first_pattern(schema))
        {
            Some(values) if values.is_object() => format!("object of {}", self::kind(values)),
            _ => "object".to_owned(),
        },
        other => other.to_owned(),
    };
    match schema.get("type") {
        Some(Value::String(one)) => named(one),
        Some(Value::Array(several)) => {
            let names = several.iter().filter_map(Value::as_str).map(named);
            names.collect::<Vec<_>>().join(" or ")
        }
        _ => "any".to_owned(),
    }
}

fn first_pattern(schema: &Value) -> Option<&Value> {
    schema
        .get("patternProperties")?
        .as_object()?
        .values()
        .next()
}

/// The unit that a field's name ends in; empty where it has none.
fn unit(name: &str, field: &str, schema: &Value) -> &'static str {
    const ENDINGS: [(&str, &str); 9] = [
        ("_us", "µs"),
        ("_us_per_request", "µs"),
        ("_ms", "ms"),
        ("_bytes_per_s", "bytes/s"),
        ("_rps", "requests/s"),
        ("_per_s", "1/s"),
        ("_percent", "%"),
        ("_bytes", "bytes"),
        ("_s", "s"),
    ];
    let kind = kind(schema);
    if !(kind.contains("number") || kind.contains("integer")) {
        return "";
    }
    if name == "LatencySummary" && field != "count" {
        return "µs";
    }
    let ending = ENDINGS.iter().find(|(ending, _)| field.ends_with(ending));
    match (ending, field) {
        (Some((_, unit)), _) => unit,
        (None, "rate" | "qps") => "requests/s",
        (None, "second") => "s",
        (None, _) => "1",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCHEMA: &str = include_str!("../../../docs/record.schema.json");
    const SUITE_SCHEMA: &str = include_str!("../../../docs/suite.schema.json");
    const PAGE: &str = include_str!("../../../docs/record.md");
    const ADVICE: &str =
        "docs/ is out of date: run `cargo run -p crossover-pages --example schema`";

    #[test]
    fn the_schemas_in_the_repository_are_current() {
        assert!(json_schema() == SCHEMA, "{ADVICE}");
        assert!(suite_json_schema() == SUITE_SCHEMA, "{ADVICE}");
    }

    #[test]
    fn the_page_in_the_repository_is_current() {
        assert!(page() == PAGE, "{ADVICE}");
    }

    #[test]
    fn every_field_is_described() {
        for line in page().lines().filter(|line| line.starts_with("| `")) {
            let cells: Vec<&str> = line.split(" | ").collect();
            assert!(cells[3].len() > 5, "{line}");
            assert!(
                !cells[1].contains("any") || line.contains("settings"),
                "{line}"
            );
        }
    }
}
