//! One row for each cell and one for each of its blocks, with the same columns for both.
//!
//! Numbers are written in full, for other programs: this is data, not a page to read. A field that is not
//! available, or that a block does not have, is empty.

use record::{Block, CellResult, LoadKind, Record};

/// The columns, which later versions only ever add to. A unit is part of the name.
pub const COLUMNS: [&str; 39] = [
    "row",
    "started_at",
    "server",
    "workload",
    "load",
    "keep_alive",
    "concurrency",
    "rate_rps",
    "block",
    "requests",
    "duration_s",
    "throughput_rps",
    "transfer_bytes_per_s",
    "latency_min_us",
    "latency_mean_us",
    "latency_stdev_us",
    "latency_p50_us",
    "latency_p75_us",
    "latency_p90_us",
    "latency_p95_us",
    "latency_p99_us",
    "latency_p99_9_us",
    "latency_p99_99_us",
    "latency_max_us",
    "send_lag_p90_us",
    "send_lag_p99_us",
    "connect_p50_us",
    "errors",
    "server_cpu_us_per_request",
    "server_cores_used",
    "server_rss_peak_bytes",
    "server_threads_peak",
    "server_context_switches_per_request",
    "client_cpu_us_per_request",
    "client_cores_used",
    "client_run_queue_wait_percent",
    "steal_percent",
    "spin_us",
    "dropped",
];

/// Spells all cells of all records, each followed by its blocks.
pub fn render(records: &[Record]) -> String {
    let mut text = COLUMNS.join(",") + "\n";
    for record in records {
        for cell in &record.results {
            line(&mut text, &cell_row(record, cell));
            for block in &cell.blocks {
                line(&mut text, &block_row(record, cell, block));
            }
        }
    }
    text
}

type Row = [String; COLUMNS.len()];

fn identity(kind: &str, record: &Record, cell: &CellResult) -> [String; 8] {
    let load = match cell.load {
        LoadKind::Closed => "closed",
        LoadKind::Open => "open",
    };
    [
        kind.to_owned(),
        record.started_at.clone(),
        cell.server.clone(),
        cell.workload.clone(),
        load.to_owned(),
        cell.keep_alive.to_string(),
        cell.concurrency.to_string(),
        number(cell.rate),
    ]
}

fn cell_row(record: &Record, cell: &CellResult) -> Row {
    let latency = &cell.latency_us;
    let (server, client) = (&cell.server_resources, &cell.client_resources);
    let figures = [
        String::new(),
        cell.requests.to_string(),
        cell.duration_s.to_string(),
        cell.throughput_rps.to_string(),
        cell.transfer_bytes_per_s.to_string(),
        number(latency.min),
        number(latency.mean),
        number(latency.stdev),
        number(latency.p50),
        number(latency.p75),
        number(latency.p90),
        number(latency.p95),
        number(latency.p99),
        number(latency.p99_9),
        number(latency.p99_99),
        number(latency.max),
        number(cell.send_lag_us.p90),
        number(cell.send_lag_us.p99),
        number(cell.connect_us.p50),
        cell.errors.total.to_string(),
        number(server.cpu_us_per_request),
        number(server.cores_used),
        number(server.rss_peak_bytes),
        number(server.threads_peak),
        number(server.context_switches_per_request),
        number(client.cpu_us_per_request),
        number(client.cores_used),
        number(client.run_queue_wait_percent),
        String::new(),
        String::new(),
        String::new(),
    ];
    joined(identity("cell", record, cell), figures)
}

fn block_row(record: &Record, cell: &CellResult, block: &Block) -> Row {
    let none = String::new;
    let figures = [
        block.index.to_string(),
        block.requests.to_string(),
        block.duration_s.to_string(),
        block.throughput_rps.to_string(),
        none(),
        none(),
        number(block.mean_us),
        none(),
        number(block.p50_us),
        none(),
        none(),
        none(),
        number(block.p99_us),
        none(),
        none(),
        none(),
        number(block.send_lag_p90_us),
        number(block.send_lag_p99_us),
        none(),
        block.errors.to_string(),
        number(block.server_cpu_us_per_request),
        none(),
        none(),
        none(),
        number(block.context_switches_per_request),
        number(block.client_cpu_us_per_request),
        none(),
        none(),
        number(block.steal_percent),
        number(block.spin_us),
        block.dropped.clone().unwrap_or_default(),
    ];
    joined(identity("block", record, cell), figures)
}

fn joined(identity: [String; 8], figures: [String; COLUMNS.len() - 8]) -> Row {
    let mut fields = identity.into_iter().chain(figures);
    std::array::from_fn(|_| fields.next().unwrap_or_default())
}

fn number<T: ToString>(value: Option<T>) -> String {
    value.map_or_else(String::new, |value| value.to_string())
}

fn line(text: &mut String, row: &Row) {
    let fields = row.iter().map(|field| quoted(field));
    text.push_str(&fields.collect::<Vec<_>>().join(","));
    text.push('\n');
}

/// A field as RFC 4180 wants it. One that a spreadsheet would take for a formula gets an apostrophe, and what would steer a
/// terminal is made visible; a line's end stays what it is.
fn quoted(field: &str) -> String {
    let lines: Vec<String> = field.split('\n').map(format::visible).collect();
    let field = lines.join("\n");
    let is_number = field.parse::<f64>().is_ok();
    let is_formula = !is_number && field.starts_with(['=', '+', '-', '@']);
    let field = if is_formula {
        format!("'{field}")
    } else {
        field
    };
    if field.contains([',', '"', '\n']) {
        format!("\"{}\"", field.replace('"', "\"\""))
    } else {
        field
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_quoted_where_they_must_be() {
        assert_eq!(quoted("plain"), "plain");
        assert_eq!(quoted("a,\"b\""), "\"a,\"\"b\"\"\"");
        assert_eq!(quoted("=cmd()"), "'=cmd()");
        assert_eq!(quoted("-1.5"), "-1.5");
    }

    #[test]
    fn no_field_steers_a_terminal() {
        assert_eq!(quoted("\u{1b}[2Jgone"), "\u{fffd}[2Jgone");
        assert_eq!(
            quoted("\u{9b}2J\r\t\u{7f}"),
            "\u{fffd}2J\u{fffd}\u{fffd}\u{fffd}"
        );
        assert_eq!(quoted("a\nb"), "\"a\nb\"");
    }
}
