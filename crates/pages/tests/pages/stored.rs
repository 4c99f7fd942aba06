//! Two stored records: what may be held against each other, and what may not.

use crate::support::main_job;
use analysis::compared::RecordComparison;
use pages::compared::document;
use record::*;
use render::document::Note;
use render::{RenderOptions, text};

fn with(change: impl FnOnce(&mut Record)) -> Record {
    let mut record = main_job();
    change(&mut record);
    record
}

type Change = fn(&mut Record);

fn compare(a: &Record, b: &Record) -> RecordComparison {
    analysis::compared::compare(("a.json", "b.json"), a, b)
}

#[test]
fn a_record_beside_itself_has_ratios_of_one() {
    let comparison = compare(&main_job(), &main_job());
    assert!(comparison.not_comparable.is_empty(), "{comparison:?}");
    assert!(comparison.has_reference);
    assert_eq!(comparison.rows.len(), 3 * 3);
    assert!(comparison.rows.iter().all(|row| row.ratio == 1.0));
    let of_reference = |row: &&analysis::compared::StoredRatio| row.server.starts_with("sync,");
    assert!(
        comparison
            .rows
            .iter()
            .filter(of_reference)
            .all(|row| row.against_reference.is_none())
    );
    assert!(comparison.rows.iter().all(|row| {
        row.against_reference
            .is_none_or(|it| (it - 1.0).abs() < 1e-12)
    }));
}

#[test]
fn a_slower_day_cancels_against_the_reference() {
    let slow_day = with(|record| {
        for cell in &mut record.results {
            cell.throughput_rps *= 0.8;
        }
    });
    let comparison = compare(&main_job(), &slow_day);
    let row = comparison
        .rows
        .iter()
        .find(|row| row.server.starts_with("async,"))
        .unwrap();
    assert!((row.ratio - 0.8).abs() < 1e-12);
    assert!((row.against_reference.unwrap() - 1.0).abs() < 1e-12);
}

#[test]
fn other_machines_and_builds_are_not_comparable() {
    let others: [(&str, Change); 7] = [
        ("processor", |record| {
            record.environment.cpu = Some("Z80".to_owned())
        }),
        ("number of cores", |record| record.environment.cores += 1),
        ("kernel series", |record| {
            record.environment.kernel = Some("2.4.0".to_owned())
        }),
        ("build profile", |record| {
            record.environment.build_profile = "bench".to_owned()
        }),
        ("client threads", |record| record.config.threads += 1),
        ("server CPUs", |record| {
            record.config.server_cpus = Some(vec![0])
        }),
        ("another counting rule", |record| {
            record.config.counting_rule = String::new()
        }),
    ];
    for (what, change) in others {
        let comparison = compare(&main_job(), &with(change));
        assert!(comparison.rows.is_empty(), "{what}");
        assert!(
            comparison.not_comparable[0].contains(what),
            "{:?}",
            comparison.not_comparable
        );
    }
}

#[test]
fn figures_at_another_rate_are_not_comparable_but_others_are() {
    let faster = with(|record| {
        for rate in record
            .results
            .iter_mut()
            .filter_map(|cell| cell.rate.as_mut())
        {
            *rate *= 1.1;
        }
    });
    let comparison = compare(&main_job(), &faster);
    assert_eq!(comparison.rows.len(), 3);
    assert_eq!(comparison.not_comparable.len(), 3);
    assert!(
        comparison.not_comparable[0].contains("another load"),
        "{comparison:?}"
    );
}

#[test]
fn figures_of_another_request_are_not_comparable() {
    let others: [(&str, Change); 4] = [
        ("GET / and POST /", |record| {
            record.config.request.method = "POST".to_owned()
        }),
        ("GET / and GET /?n=2", |record| {
            record.config.request.path = "/?n=2".to_owned()
        }),
        ("GET / and GET / with a: b", |record| {
            record.config.request.headers = vec![("a".to_owned(), "b".to_owned())]
        }),
        ("GET / and GET / and a body of 7 bytes", |record| {
            record.config.request.body_bytes = 7
        }),
    ];
    for (told, change) in others {
        let comparison = compare(&main_job(), &with(change));
        assert!(comparison.rows.is_empty(), "{told}");
        let told = format!("sync, hello: another request, {told}");
        assert_eq!(comparison.not_comparable[0], told);
    }
}

#[test]
fn each_workload_has_a_request_of_its_own() {
    let several = |second: &str| {
        let second = RequestConfig {
            path: second.to_owned(),
            ..main_job().config.request
        };
        with(|record| {
            let mut more = record.results.clone();
            more.iter_mut()
                .for_each(|cell| cell.workload = "second".to_owned());
            record.results.extend(more);
            record.config.requests_by_workload = vec![
                WorkloadRequest {
                    workload: "hello".to_owned(),
                    request: record.config.request.clone(),
                },
                WorkloadRequest {
                    workload: "second".to_owned(),
                    request: second,
                },
            ];
        })
    };
    assert!(
        compare(&several("/a"), &several("/a"))
            .not_comparable
            .is_empty()
    );
    let comparison = compare(&several("/a"), &several("/b"));
    assert_eq!(
        comparison.rows.len(),
        compare(&main_job(), &main_job()).rows.len()
    );
    let told = |reason: &String| reason.contains("second: another request, GET /a and GET /b");
    assert!(comparison.not_comparable.iter().all(told), "{comparison:?}");
}

#[test]
fn what_neither_record_knows_is_not_alike() {
    let nameless = with(|record| record.environment.cpu = None);
    let comparison = compare(&nameless, &nameless);
    assert_eq!(comparison.unknown, ["processor"]);
    let page = document(("a", "b"), &nameless, &nameless, &comparison);
    let told = |warning: &Note| {
        warning
            .message
            .contains("Neither record knows its processor")
    };
    assert!(page.warnings.iter().any(told));
    assert!(compare(&main_job(), &main_job()).unknown.is_empty());
}

#[test]
fn a_revision_is_named_only_where_it_is_the_servers() {
    let others: [Change; 3] = [
        |record| record.environment.git_dirty = Some(true),
        |record| record.environment.git_dirty = None,
        |record| record.config.servers[0].settings = None,
    ];
    for change in others {
        let a = with(change);
        let page = document(("a", "b"), &a, &a, &compare(&a, &a));
        let text = text::render(&page, &RenderOptions::default());
        assert!(text.contains("build what A measured again"), "{text}");
        assert!(!text.contains("scripts/perf-gate"), "{text}");
    }
}

#[test]
fn a_server_that_only_one_record_has_is_told() {
    let fewer = with(|record| record.results.retain(|cell| cell.server != "sync"));
    let comparison = compare(&main_job(), &fewer);
    assert!(!comparison.has_reference);
    assert!(
        comparison
            .not_comparable
            .iter()
            .any(|reason| reason == "`sync` is missing in b.json")
    );
    let told = compare(&fewer, &main_job()).not_comparable;
    assert_eq!(told, ["`sync` is missing in a.json"]);
    assert!(
        compare(&with(|record| record.results.clear()), &fewer)
            .rows
            .is_empty()
    );
}

/// One server, called by its URL.
fn of_url(url: &str) -> Record {
    with(|record| {
        record.results.retain(|cell| cell.server == "async");
        record
            .results
            .iter_mut()
            .for_each(|cell| cell.server = url.to_owned());
    })
}

#[test]
fn one_server_is_the_same_at_another_port_but_not_at_another_host() {
    let at = of_url("http://127.0.0.1:8080");
    let comparison = compare(&at, &of_url("http://127.0.0.1:9090"));
    assert_eq!(comparison.not_comparable, [""; 0]);
    assert_eq!(comparison.rows.len(), 3);
    assert_eq!(
        comparison.rows[0].server,
        "http://127.0.0.1:8080 and http://127.0.0.1:9090, hello"
    );
    let elsewhere = compare(&at, &of_url("http://192.0.2.1:8080"));
    assert!(elsewhere.rows.is_empty());
    assert_eq!(
        elsewhere.not_comparable,
        [
            "`http://127.0.0.1:8080` is missing in b.json",
            "`http://192.0.2.1:8080` is missing in a.json"
        ]
    );
}

#[test]
fn what_is_not_comparable_says_what_would_be() {
    let (a, b) = (of_url("http://h:1"), of_url("mine"));
    let page = document(("a.json", "b.json"), &a, &b, &compare(&a, &b));
    assert_eq!(
        page.verdict[1],
        "Comparable with a.json would be a record of `http://h:1`: GET / on 360 connections, measured on the same machine by \
         the same build with the same settings."
    );
    let nothing = with(|record| record.results.clear());
    let page = document(("a.json", "b.json"), &nothing, &b, &compare(&nothing, &b));
    assert_eq!(
        page.verdict[1],
        "Nothing would be comparable with a.json: it has no results."
    );
}

#[test]
fn the_page_is_advice() {
    let mut a = main_job();
    a.environment.git_revision = Some("abc123".to_owned());
    let b = with(|record| record.results.truncate(4));
    let page = document(("a.json", "b.json"), &a, &b, &compare(&a, &b));
    insta::assert_snapshot!(
        "stored_text",
        text::render(&page, &RenderOptions::default())
    );
}
