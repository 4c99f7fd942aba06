//! The counters behind `/stats`.

use server_core::Stats;

use crate::app::App;

/// The counters now.
pub(crate) fn snapshot(app: &App) -> Stats {
    let (connections, in_flight) = app.peers.count();
    app.counters.snapshot(connections, in_flight)
}
