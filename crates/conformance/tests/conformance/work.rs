//! Work on threads and tasks of its own: what is given up, what goes on, what panics, what waits.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use server_core::{Faults, Limits};

use crate::{
    client::{Client, await_stat, get, stat},
    servers::{Kind, on_all_with, shared},
};

#[test]
fn work_past_its_time_stops_on_async_servers_and_goes_on_on_blocking_ones() {
    on_all_with(&Limits::default(), &Faults::default(), |kind, server| {
        let blocking = matches!(kind, Kind::Sync | Kind::SyncPool);
        let answer = get(server.addr(), "/timeout?limit_ms=20&work_ms=1000");
        assert_eq!(answer.text(), r#"{"timeout_demo":"Operation timed out"}"#);
        assert_eq!(
            stat(server.addr(), "work_abandoned"),
            u64::from(blocking),
            "{kind:?}"
        );
        await_stat(server.addr(), "work_running", 0);

        let answer = get(server.addr(), "/timeout?limit_ms=60000&work_ms=1");
        assert_eq!(answer.text(), r#"{"timeout_demo":"Operation completed"}"#);
        assert_eq!(stat(server.addr(), "work_abandoned"), u64::from(blocking));
    });
}

#[test]
fn a_thread_that_is_blocked_for_a_client_that_is_gone_is_seen() {
    on_all_with(&Limits::default(), &Faults::default(), |kind, server| {
        if !matches!(kind, Kind::Async | Kind::AsyncBare) {
            return;
        }
        let mut client = Client::connect(server.addr());
        client.send("GET /block?ms=2000&mode=right HTTP/1.1\r\nhost: a\r\n\r\n");
        await_stat(server.addr(), "work_running", 1);
        drop(client);
        await_stat(server.addr(), "work_abandoned", 1);
        await_stat(server.addr(), "work_running", 0);
    });
}

#[test]
fn a_panic_in_a_part_of_the_work_is_answered_and_counted() {
    let faults = Faults {
        task_panic_every: 1,
        ..Faults::default()
    };
    on_all_with(&Limits::default(), &faults, |kind, server| {
        let mut client = Client::connect(server.addr());
        let mut panics = 0;
        // Those that some servers give to other threads or tasks, and some don't.
        // A panic with its backtrace may take long on a busy machine, hence the limit.
        let (own, foreign) = match kind {
            Kind::Sync | Kind::SyncPool => (
                "/block?ms=1&mode=right",
                "/timeout?work_ms=1&limit_ms=60000",
            ),
            Kind::Async | Kind::AsyncBare => (
                "/timeout?work_ms=1&limit_ms=60000",
                "/block?ms=1&mode=right",
            ),
        };
        assert_eq!(client.get(own).status, 200, "{own} on {kind:?}");
        for target in [
            foreign,
            "/cpu?mode=offload&units=1",
            "/concurrent-ops?mode=spawn",
            "/concurrent-ops?mode=pool",
            "/errors?mode=concurrent",
        ] {
            let answer = client.get(target);
            assert_eq!(answer.status, 500, "{target} on {kind:?}");
            assert_eq!(answer.text(), r#"{"error":"a part of the work panicked"}"#);
            let counted = stat(server.addr(), "panics");
            assert!(counted > panics, "{target} on {kind:?}");
            panics = counted;
        }
        client.assert_kept();
        await_stat(server.addr(), "work_running", 0);
    });
}

/// The statuses of `count` requests sent at once.
fn at_once(addr: SocketAddr, target: &str, count: usize) -> Vec<u16> {
    let mut clients: Vec<Client> = (0..count).map(|_| Client::connect(addr)).collect();
    for client in &mut clients {
        client.send(format!("GET {target} HTTP/1.1\r\nhost: a\r\n\r\n"));
    }
    clients
        .iter_mut()
        .map(|client| client.answer().status)
        .collect()
}

#[test]
fn those_who_come_too_many_wait_or_are_refused() {
    // On servers of its own: nobody else's requests take places here.
    on_all_with(&Limits::default(), &Faults::default(), |_, server| {
        let addr = server.addr();
        let start = Instant::now();
        let statuses = at_once(addr, "/limited?mode=wait", 60);
        assert!(statuses.iter().all(|&status| status == 200), "{statuses:?}");
        assert!(
            start.elapsed() >= Duration::from_millis(150),
            "20 at a time, 50 ms each"
        );

        // Held by 20 while this is asked: then everyone else is refused at once.
        let mut holders: Vec<Client> = (0..20).map(|_| Client::connect(addr)).collect();
        let refused = loop {
            for client in &mut holders {
                client.send("GET /limited?mode=wait HTTP/1.1\r\nhost: a\r\n\r\n");
            }
            let answer = get(addr, "/limited?mode=refuse");
            for client in &mut holders {
                assert_eq!(client.answer().status, 200);
            }
            // On a slow machine the places may be free again, or not be taken yet.
            if answer.status != 200 {
                break answer;
            }
        };
        assert_eq!(refused.status, 503);
        assert_eq!(refused.field("retry-after"), Some("1"));
        assert_eq!(refused.text(), r#"{"error":"all 20 places are taken"}"#);
    });
}

#[test]
fn absurd_parameters_are_refused_alike() {
    for target in [
        "/cpu?units=-5",
        "/cpu?units=1000001",
        "/cpu?units=1e3",
        "/cpu?mode=fast",
        "/cpu?mode=inline&mode=yield",
        "/block?ms=60001",
        "/block?mode=",
        "/errors?fail=2",
        "/errors?fail=true",
        "/timeout?limit_ms=0",
        "/timeout?limit_ms=200",
        "/timeout?work_ms=99999999999999999999999",
        "/concurrent-ops?mode=thread",
        "/limited?mode=queue",
        "/limited?places=3",
        "/file?kib=0",
        "/file?kib=1025",
        "/file?path=/etc/passwd",
        "/scenarios?x",
        "/aggregate?mode=all",
        "/aggregate?backend=127.0.0.1:80",
        "/backend?name=",
        "/backend?name=a%2Fb",
        "/backend?wait_ms=60001",
        "/stream?chunks=0",
        "/stream?chunks=10001",
        "/stream?buffer=none",
    ] {
        let answers = crate::servers::ALL.map(|kind| get(shared(kind), target));
        assert_eq!(answers[0].status, 400, "{target}");
        assert!(answers[0].text().starts_with(r#"{"error":""#), "{target}");
        for answer in &answers {
            assert_eq!(*answer, answers[0], "{target}");
        }
    }
}
