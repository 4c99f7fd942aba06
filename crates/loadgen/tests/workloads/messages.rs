//! Messages instead of requests.

use crate::support::{cells, figure, findings, record};

#[test]
fn messages_come_back() {
    let record = record("-w websocket:echo -c 5 -d 500ms --server sync --server async");
    for cell in cells(&record) {
        assert!(cell["connections"]["requests_min"].as_u64().unwrap() > 0);
        assert_eq!(cell["connections"]["unanswered"], 0);
    }
}

#[test]
fn a_room_loses_nothing_and_nobody_waits_for_a_slow_reader() {
    let record = record("-w websocket:room -c 8 -d 500ms --server sync --server async");
    for cell in cells(&record) {
        assert_eq!(figure(cell, "messages_lost"), 0.0);
        assert_eq!(figure(cell, "slow_reader_harm"), 0.0);
        assert!(figure(cell, "slow_reader_dropped_after") > 0.0);
    }
    assert!(
        findings(&record).contains("lost 0"),
        "{}",
        findings(&record)
    );
}
