//! What a client sends, and all that comes back, byte for byte.

use std::net::{Shutdown, SocketAddr};

use crate::{
    client::Client,
    servers::{ALL, Kind, shared},
};

/// The last request, behind which the connection closes.
pub(crate) const LAST: &str = "GET /health HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";

/// All that a server answers until it closes, with its date left out.
pub(crate) fn answers(addr: SocketAddr, sent: impl AsRef<[u8]>) -> String {
    let mut client = Client::connect(addr);
    client.send(sent);
    without_dates(&client.rest())
}

/// The same for a client that has nothing more to send, and says so.
pub(crate) fn answers_to_half(addr: SocketAddr, sent: impl AsRef<[u8]>) -> String {
    let mut client = Client::connect(addr);
    client.send(sent);
    client
        .socket()
        .shutdown(Shutdown::Write)
        .expect("half closes");
    without_dates(&client.rest())
}

fn without_dates(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let lines = text.split_inclusive("\r\n");
    lines.filter(|line| !line.starts_with("date: ")).collect()
}

/// The statuses in what was answered.
pub(crate) fn statuses(answered: &str) -> Vec<u16> {
    let lines = answered.split("HTTP/1.").skip(1);
    let status = |line: &str| line.get(2..5)?.parse().ok();
    lines.filter_map(status).collect()
}

/// What all four answer, which is the same, whatever it is.
pub(crate) fn same_as_first(sent: &str) -> String {
    let first = answers(shared(ALL[0]), sent);
    same(sent, &statuses(&first))
}

/// What all servers of `kinds` answer, which is the same, with these statuses.
pub(crate) fn same_on(kinds: &[Kind], sent: impl AsRef<[u8]>, wanted: &[u16]) -> String {
    let sent = sent.as_ref();
    let shown = String::from_utf8_lossy(&sent[..sent.len().min(300)]).into_owned();
    let first = answers(shared(kinds[0]), sent);
    assert_eq!(
        statuses(&first),
        wanted,
        "{shown:?} on {}: {first:?}",
        kinds[0].name()
    );
    for kind in &kinds[1..] {
        let answered = answers(shared(*kind), sent);
        assert_eq!(answered, first, "{shown:?} on {}", kind.name());
    }
    first
}

/// What all four answer.
pub(crate) fn same(sent: impl AsRef<[u8]>, wanted: &[u16]) -> String {
    same_on(&ALL, sent, wanted)
}
