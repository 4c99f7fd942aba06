//! Against a small server of the library's own: what is counted, and what is noticed.

use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use engine::{Load, Measurement, Slice, SliceEnd, Target};
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio_tungstenite::tungstenite::Message;

use super::{Pattern, WebSockets, verify};
use crate::loader::Loader as _;

const TIMEOUT: Duration = Duration::from_secs(20);

/// How the server treats a message.
#[derive(Clone, Copy, PartialEq)]
enum Manner {
    Echo,
    Garble,
    Broadcast,
}

/// Everybody in the one room, by number.
type Room = Arc<Mutex<Vec<UnboundedSender<Message>>>>;

/// Serves until the test ends; its base URL.
fn serve(manner: Manner) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    listener.set_nonblocking(true).expect("a socket");
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        runtime.block_on(async {
            let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
            let room = Room::default();
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(attend(stream, manner, Arc::clone(&room)));
            }
        });
    });
    url
}

async fn attend(stream: tokio::net::TcpStream, manner: Manner, room: Room) {
    let socket = tokio_tungstenite::accept_async(stream)
        .await
        .expect("a handshake");
    let (mut out, mut incoming) = socket.split();
    let (queue, mut queued) = unbounded_channel();
    let own = {
        let mut room = room.lock().expect("nobody panicked");
        room.push(queue.clone());
        room.len() - 1
    };
    let writer = tokio::spawn(async move {
        while let Some(message) = queued.recv().await {
            if out.send(message).await.is_err() {
                break;
            }
        }
    });
    while let Some(Ok(message)) = incoming.next().await {
        if !message.is_text() {
            break;
        }
        let room = room.lock().expect("nobody panicked").clone();
        // Whoever has left gets nothing more.
        match manner {
            Manner::Echo => drop(queue.send(message)),
            Manner::Garble => drop(queue.send(Message::text("something else"))),
            Manner::Broadcast => room
                .iter()
                .enumerate()
                .filter(|(other, _)| *other != own)
                .for_each(|(_, other)| drop(other.send(message.clone()))),
        }
    }
    writer.abort();
}

fn measure(pattern: Pattern, manner: Manner, connections: usize) -> Measurement {
    let url = serve(manner);
    let mut sockets = WebSockets::new(pattern, 2, TIMEOUT);
    let id = sockets
        .connect(Target::get("server", &url, "/ws", connections))
        .expect("it connects");
    for _ in 0..2 {
        let outcome = sockets
            .run_slice(&Slice {
                loads: vec![(id, Load::ClosedLoop)],
                lead_in: Duration::ZERO,
                end: SliceEnd::After(Duration::from_millis(100)),
            })
            .expect("it runs");
        assert_eq!(outcome.measured, Duration::from_millis(100));
    }
    sockets.collect(id).expect("it is connected")
}

#[test]
fn echoes_are_counted_on_each_connection() {
    let seen = measure(Pattern::Echo, Manner::Echo, 5);
    assert_eq!(seen.errors.total(), 0, "{}", seen.errors);
    assert_eq!(seen.measured, Duration::from_millis(200));
    assert_eq!(seen.connections.established, 5);
    assert_eq!(seen.connections.requests_per_connection.len(), 5);
    let of_each: u64 = seen.connections.requests_per_connection.iter().sum();
    assert_eq!(of_each, seen.requests);
    assert_eq!(seen.latency.len(), seen.requests);
}

#[test]
fn another_message_than_the_one_sent_is_an_error() {
    let seen = measure(Pattern::Echo, Manner::Garble, 2);
    assert_eq!(seen.requests, 0);
    assert_eq!(seen.errors.body, 2, "{}", seen.errors);
}

#[test]
fn a_room_delivers_every_message_to_all_others() {
    let seen = measure(Pattern::Room, Manner::Broadcast, 7);
    assert_eq!(seen.errors.total(), 0, "{}", seen.errors);
    assert_eq!(seen.answers_total % 6, 0, "{}", seen.answers_total);
    assert!(seen.answers_total > 0);
    // Nothing is delivered to the one who speaks, who is not left out for that.
    assert_eq!(seen.connections.requests_per_connection.len(), 6);
}

#[test]
fn a_server_is_verified_by_the_way_it_is_loaded() {
    let check = |pattern, manner| verify(pattern, &serve(manner), "/ws", TIMEOUT);
    assert!(check(Pattern::Echo, Manner::Echo).is_ok());
    assert!(check(Pattern::Room, Manner::Broadcast).is_ok());
    let error = check(Pattern::Echo, Manner::Garble).expect_err("it garbles");
    assert!(error.to_string().contains("body"), "{error}");
}
