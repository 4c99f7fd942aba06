//! Markdown, HTML, CSV, hgrm and SVG as golden files, and that no text of a record becomes markup.

use crate::support::{hostile, main_job, trend};
use pages::{render, render_all};
use record::{Figure, Record, Warning};
use render::{Format, RenderOptions, Rendered};

fn beside(records: &[Record], format: Format) -> Rendered {
    let options = RenderOptions {
        stem: Some("report".into()),
        ..RenderOptions::default()
    };
    render_all(records, format, &options)
}

fn alone(record: &Record, format: Format) -> String {
    render(record, format, &RenderOptions::default())
}

/// The page without what is the same in every one, and without the data that other tests read.
fn without_assets(page: &str) -> String {
    let cut = |text: &str, from: &str, to: &str| {
        let start = text.find(from).unwrap_or_else(|| panic!("no {from}"));
        let end = start + text[start..].find(to).unwrap() + to.len();
        format!("{}…{}", &text[..start], &text[end..])
    };
    let text = cut(page, "<style>", "</style>");
    let text = cut(&text, "<script>\n/*", "</script>");
    let text = cut(&text, "<script>\n\"use strict\"", "</script>");
    let text = cut(
        &text,
        "<script type=\"application/json\" id=\"charts\"",
        "</script>",
    );
    cut(
        &text,
        "<script type=\"application/json\" id=\"record\"",
        "</script>",
    )
}

/// What a script element of the page holds as JSON.
fn embedded(page: &str, id: &str) -> serde_json::Value {
    let opening = format!("<script type=\"application/json\" id=\"{id}\">");
    let start = page.find(&opening).unwrap() + opening.len();
    let end = start + page[start..].find("</script>").unwrap();
    serde_json::from_str(&page[start..end]).unwrap()
}

#[test]
fn markdown_with_its_charts_beside_it() {
    let rendered = beside(&[main_job()], Format::Markdown);
    insta::assert_snapshot!(rendered.text);
    for (name, contents) in &rendered.beside {
        assert!(
            name.starts_with("report-") && name.ends_with(".svg"),
            "{name}"
        );
        assert!(contents.starts_with("<svg"), "{name}");
        assert!(
            rendered.text.contains(&format!("({name})")),
            "{name} is shown"
        );
    }
    assert_eq!(rendered.text.matches("![").count(), rendered.beside.len());
}

#[test]
fn markdown_as_one_stream_has_bars_instead() {
    let text = alone(&main_job(), Format::Markdown);
    assert!(!text.contains("!["));
    insta::assert_snapshot!(text);
}

#[test]
fn an_html_page() {
    insta::assert_snapshot!(without_assets(&alone(&main_job(), Format::Html)));
}

#[test]
fn the_page_embeds_the_record_whole() {
    let record = main_job();
    let page = alone(&record, Format::Html);
    let back: Record = serde_json::from_value(embedded(&page, "record")).unwrap();
    assert!(back == record, "the record lost something in the page");
}

#[test]
fn every_chart_of_the_page_has_its_place_and_its_texts() {
    let page = alone(&main_job(), Format::Html);
    let charts = embedded(&page, "charts");
    let charts = charts.as_array().unwrap();
    assert_eq!(charts.len(), 1 + 1 + 2 * 3 + 2 * 5);
    for chart in charts {
        let id = chart["id"].as_str().unwrap();
        assert!(page.contains(&format!("id=\"plot-{id}\"")), "{id}");
        for series in chart["series"].as_array().unwrap() {
            let (at, text) = (
                series["at"].as_array().unwrap(),
                series["text"].as_array().unwrap(),
            );
            assert_eq!(at.len(), chart["places"].as_array().unwrap().len(), "{id}");
            for (at, text) in at.iter().zip(text) {
                assert_eq!(at.is_null(), text.is_null(), "{id}");
            }
        }
    }
}

#[test]
fn a_figure_reads_the_same_in_every_format() {
    let record = main_job();
    for format in [Format::Text, Format::Markdown, Format::Html] {
        let text = alone(&record, format);
        for figure in [
            "158,000",
            "± 2.1 %",
            "3.28 ms",
            "12.1 µs",
            "1.52 (1.50–1.54)",
            "15.5 MiB",
        ] {
            assert!(text.contains(figure), "{figure} in {format:?}");
        }
    }
}

#[test]
fn csv_has_a_row_for_each_cell_and_each_block() {
    let record = main_job();
    let text = alone(&record, Format::Csv);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 1 + 6 * (1 + 8));
    let columns = lines[0].split(',').count();
    assert!(lines.iter().all(|line| line.split(',').count() == columns));
    insta::assert_snapshot!(lines[..3].join("\n"));
}

#[test]
fn hgrm_is_what_the_plotter_reads() {
    let rendered = beside(&[main_job()], Format::Hgrm);
    assert_eq!(rendered.beside.len(), 6);
    let (name, one) = &rendered.beside[0];
    assert_eq!(name, "report-0-sync.hgrm");
    assert!(rendered.text.contains(one), "the stream has them all");
    let first = one.lines().nth(2).unwrap();
    let fields: Vec<f64> = first
        .split_whitespace()
        .map(|field| field.parse().unwrap())
        .collect();
    assert_eq!(fields.len(), 4);
    let last = one.lines().rfind(|line| !line.starts_with('#')).unwrap();
    assert!(last.contains("1.000000000000    6240000"), "{last}");
    insta::assert_snapshot!(one);
}

#[test]
fn an_svg_of_each_kind_of_chart() {
    let rendered = beside(&[main_job()], Format::Markdown);
    for name in [
        "report-ratios.svg",
        "report-article.svg",
        "report-percentiles-hello-closed-360.svg",
    ] {
        let (_, svg) = rendered
            .beside
            .iter()
            .find(|(beside, _)| beside == name)
            .unwrap();
        insta::assert_snapshot!(name, svg);
    }
}

#[test]
fn several_records_are_a_trend_with_machine_changes_marked() {
    let records = trend();
    let text = render_all(&records, Format::Text, &RenderOptions::default()).text;
    assert!(text.lines().all(|line| line.chars().count() <= 100));
    insta::assert_snapshot!(text);
    let json: Vec<Record> =
        serde_json::from_str(&render_all(&records, Format::Json, &RenderOptions::default()).text)
            .unwrap();
    assert!(json == records);
}

#[test]
fn no_text_of_a_record_becomes_markup() {
    let record = hostile();
    let page = alone(&record, Format::Html);
    assert_eq!(
        page.matches("<script").count(),
        4,
        "two of data, two of code"
    );
    assert!(!page.contains("<img"));
    let markdown = beside(std::slice::from_ref(&record), Format::Markdown);
    assert!(!markdown.text.contains("<img") && !markdown.text.contains("<script"));
    assert!(!markdown.text.contains("![x]"), "no image of the record's");
    assert!(
        !markdown.text.contains("http://192"),
        "no link of the record's"
    );
    for (name, svg) in &markdown.beside {
        assert!(!svg.contains("<script") && !svg.contains("<img"), "{name}");
        assert!(!svg.contains('\u{1b}'), "{name}");
    }
    let csv = alone(&record, Format::Csv);
    assert!(
        csv.contains("\"'=1+1\"\",\n![x]"),
        "a name that would be a formula: {csv}"
    );
    for (name, _) in &beside(&[record], Format::Hgrm).beside {
        assert!(
            name.chars()
                .all(|c| c.is_ascii_alphanumeric() || "-.".contains(c)),
            "{name}"
        );
    }
}

#[test]
fn no_text_of_a_record_steers_a_terminal() {
    const STEERS: &str = "a\u{1b}[2J\u{9b}31m\rb\u{8}\u{7}";
    let mut record = main_job();
    let config = &mut record.config;
    for server in &mut config.servers {
        (server.name, server.url) = (format!("{}{STEERS}", server.name), STEERS.into());
        server.command = Some(vec![STEERS.into()]);
    }
    config.command = vec![STEERS.into()];
    (config.workload, config.arrivals, config.client) =
        (STEERS.into(), STEERS.into(), STEERS.into());
    (config.request.method, config.request.path) = (STEERS.into(), STEERS.into());
    config.request.headers = vec![(STEERS.into(), STEERS.into())];
    let environment = &mut record.environment;
    (environment.cpu, environment.kernel) = (Some(STEERS.into()), Some(STEERS.into()));
    (environment.os, environment.toolchain) = (STEERS.into(), STEERS.into());
    environment.git_revision = Some(STEERS.into());
    (record.started_at, record.program_version) = (STEERS.into(), STEERS.into());
    record.findings = vec![STEERS.into()];
    record.warnings = vec![Warning {
        code: STEERS.into(),
        message: STEERS.into(),
    }];
    for cell in &mut record.results {
        (cell.server, cell.workload) = (format!("{}{STEERS}", cell.server), STEERS.into());
        cell.blocks[0].dropped = Some(STEERS.into());
        cell.figures = vec![Figure {
            name: STEERS.into(),
            value: Some(1.0),
            unit: STEERS.into(),
            label: STEERS.into(),
        }];
    }
    for (format, _) in Format::ENDINGS {
        let text = alone(&record, *format);
        let steers = text.chars().find(|c| c.is_control() && *c != '\n');
        assert_eq!(steers, None, "{format:?}");
    }
}

#[test]
fn a_broken_histogram_costs_its_charts_and_nothing_else() {
    let mut record = main_job();
    record.results[0].histogram = "not base64!".into();
    for (format, _) in Format::ENDINGS {
        let text = alone(&record, *format);
        assert!(!text.is_empty(), "{format:?}");
    }
}

#[test]
fn nothing_measured_renders_in_every_format() {
    let record = crate::support::record(&[]);
    for (format, _) in Format::ENDINGS {
        let _ = alone(&record, *format);
    }
    assert!(alone(&record, Format::Html).contains("Nothing was measured."));
}
