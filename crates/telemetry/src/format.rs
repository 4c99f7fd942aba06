//! How the fields of a line look: `name=value`, without those that are for exporters only.

use std::fmt::{self, Debug};

use tracing::{
    field::{Field, Visit},
    span::Record,
};
use tracing_subscriber::{
    field::RecordFields,
    fmt::{FormatFields, FormattedFields, format::Writer},
};

/// Fields for people.
pub(crate) struct Fields;

impl<'w> FormatFields<'w> for Fields {
    fn format_fields<R: RecordFields>(&self, writer: Writer<'w>, fields: R) -> fmt::Result {
        format(writer, fields)
    }

    /// Fields that a span gets later.
    fn add_fields(
        &self,
        current: &'w mut FormattedFields<Self>,
        fields: &Record<'_>,
    ) -> fmt::Result {
        current.fields.push(' ');
        let before = current.fields.len();
        let result = format(current.as_writer(), fields);
        if current.fields.len() == before {
            current.fields.pop();
        }
        result
    }
}

fn format(writer: Writer<'_>, fields: impl RecordFields) -> fmt::Result {
    let mut line = Line {
        writer,
        is_empty: true,
        result: Ok(()),
    };
    fields.record(&mut line);
    line.result
}

struct Line<'w> {
    writer: Writer<'w>,
    is_empty: bool,
    result: fmt::Result,
}

impl Line<'_> {
    fn write(&mut self, name: &str, value: &dyn Debug) {
        // What exporters are told beside a span's own fields.
        if name.starts_with("otel.") || self.result.is_err() {
            return;
        }
        let gap = if self.is_empty { "" } else { " " };
        self.is_empty = false;
        self.result = match name {
            "message" => write!(self.writer, "{gap}{value:?}"),
            _ => write!(self.writer, "{gap}{name}={value:?}"),
        };
    }
}

impl Visit for Line<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "message" => self.write("message", &format_args!("{value}")),
            name => self.write(name, &value),
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.write(field.name(), value);
    }
}
