//! One speaks, all others in the room get it. The next message goes out when the last one has reached
//! everybody, so that the server sets the pace, and none may be lost.

use std::cell::RefCell;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use engine::ErrorKind;
use futures_util::SinkExt as _;
use tokio::sync::{Notify, watch};
use tokio_tungstenite::tungstenite::Message;

use super::Window;
use super::echo::next_text;
use super::lane::Seat;
use super::recorder::Recorder;

/// What speaker and listeners of all lanes share in a slice.
pub(super) struct Round {
    begin: Instant,
    listeners: u64,
    /// Deliveries so far.
    settled: AtomicU64,
    all_settled: Notify,
    over: watch::Sender<bool>,
}

impl Round {
    /// A slice over so many connections, one of which speaks.
    pub(super) fn new(connections: usize) -> Self {
        Self {
            begin: Instant::now(),
            listeners: connections.saturating_sub(1) as u64,
            settled: AtomicU64::new(0),
            all_settled: Notify::new(),
            over: watch::Sender::new(false),
        }
    }

    fn settle(&self) {
        let settled = self.settled.fetch_add(1, Ordering::AcqRel) + 1;
        if settled.is_multiple_of(self.listeners) {
            self.all_settled.notify_one();
        }
    }
}

/// Speaks until the window is over, then ends the slice for all.
pub(super) async fn speak(
    seat: &mut Seat,
    window: &Window,
    round: &Round,
    recorder: &RefCell<&mut Recorder>,
) {
    let mut spoken = 0;
    while let Some(socket) = &mut seat.socket
        && round.listeners > 0
        && !window.is_over()
    {
        let sent_ns = round.begin.elapsed().as_nanos();
        let message = Message::text(format!("{spoken} {sent_ns}"));
        if socket.send(message).await.is_err() {
            recorder.borrow_mut().failed(ErrorKind::Send, 1);
            seat.socket = None;
            break;
        }
        spoken += 1;
        let everybody = spoken * round.listeners;
        let reached = async {
            while round.settled.load(Ordering::Acquire) < everybody {
                round.all_settled.notified().await;
            }
        };
        if tokio::time::timeout(window.timeout, reached).await.is_err() {
            let lost = everybody.saturating_sub(round.settled.load(Ordering::Acquire));
            recorder.borrow_mut().failed(ErrorKind::Timeout, lost);
            break;
        }
    }
    round.over.send_replace(true);
}

/// Takes what is said until the slice is over.
pub(super) async fn listen(
    seat: &mut Seat,
    window: &Window,
    round: &Round,
    recorder: &RefCell<&mut Recorder>,
) {
    let mut over = round.over.subscribe();
    seat.next = 0;
    while let Some(socket) = &mut seat.socket {
        let said = tokio::select! {
            said = next_text(socket) => said,
            _ = over.wait_for(|over| *over) => return,
        };
        let kind = match said.as_deref().map(parse) {
            Ok(Some((number, sent))) if number == seat.next => {
                let sent = round.begin + sent;
                let counted = recorder
                    .borrow_mut()
                    .arrived(window, sent, Instant::now(), 0);
                seat.served += u64::from(counted);
                seat.next += 1;
                round.settle();
                continue;
            }
            Ok(_) => ErrorKind::Body, // lost, repeated or out of order
            Err(kind) => *kind,
        };
        // What it does not get from here on, the speaker waits for in vain and counts.
        recorder.borrow_mut().failed(kind, 1);
        seat.socket = None;
    }
}

fn parse(text: &str) -> Option<(u64, Duration)> {
    let (number, sent_ns) = text.split_once(' ')?;
    Some((
        number.parse().ok()?,
        Duration::from_nanos(sent_ns.parse().ok()?),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_say_their_number_and_when_they_were_sent() {
        assert_eq!(parse("7 1500"), Some((7, Duration::from_nanos(1500))));
        for wrong in ["", "7", "7 x", "x 7", "7 -1"] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }
}
