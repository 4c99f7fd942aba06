//! Answers that are larger than anybody wants to keep.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use serde_json::Value;

use crate::support::{cannot, loadgen};

const MIB: usize = 1 << 20;
/// Resident memory of the load generator at most. The program and one body kept would have more.
const LARGEST_RSS_KIB: u64 = 80 << 10;

/// A server whose bodies of so many MiB are all of one letter but for their last byte; its URL.
fn serve((mebibytes, last): (usize, u8), at_request: impl Fn() + Send + Sync + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("it is bound"));
    let at_request = Arc::new(at_request);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let at_request = Arc::clone(&at_request);
            std::thread::spawn(move || answer_all(stream, (mebibytes, last), &*at_request));
        }
    });
    url
}

fn answer_all(mut stream: TcpStream, (mebibytes, last): (usize, u8), at_request: &dyn Fn()) {
    let mut piece = vec![b'a'; MIB];
    let mut lines = BufReader::new(stream.try_clone().expect("a second descriptor")).lines();
    while lines
        .by_ref()
        .map_while(Result::ok)
        .any(|line| line.is_empty())
    {
        at_request();
        let bytes = mebibytes * MIB;
        let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {bytes}\r\n\r\n");
        let mut sent = stream.write_all(head.as_bytes());
        for number in 0..mebibytes {
            piece[MIB - 1] = if number == mebibytes - 1 { last } else { b'a' };
            sent = sent.and_then(|()| stream.write_all(&piece));
        }
        if sent.is_err() {
            return;
        }
    }
}

/// The most memory that a process had so far, in KiB; 0 where no system tells.
fn peak_rss_kib(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let number = line.and_then(|line| line.trim().strip_suffix(" kB"));
    number
        .and_then(|number| number.trim().parse().ok())
        .unwrap_or(0)
}

#[test]
fn answers_that_fill_memory_are_counted_and_not_kept() {
    let (pid, peak, asked) = <(Arc<AtomicU32>, Arc<AtomicU64>, Arc<AtomicU32>)>::default();
    let look = {
        let (pid, peak, asked) = (Arc::clone(&pid), Arc::clone(&peak), Arc::clone(&asked));
        move || {
            // All answers before have been read by now.
            peak.fetch_max(peak_rss_kib(pid.load(Ordering::SeqCst)), Ordering::SeqCst);
            asked.fetch_add(1, Ordering::SeqCst);
        }
    };
    let one = serve((65, b'x'), look.clone());
    let two = serve((65, b'x'), look);
    let child = loadgen()
        .args(["-s", &format!("one={one}"), "-s", &format!("two={two}")])
        .args(["-c", "1", "-n", "3", "--warmup", "0s", "--timeout", "60s"])
        .args(["--format", "json", "--no-save"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("loadgen starts");
    pid.store(child.id(), Ordering::SeqCst);
    let output = child.wait_with_output().expect("it ends");
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{told}");
    let record: Value = serde_json::from_slice(&output.stdout).expect("a record");
    for server in 0..2 {
        let cell = &record["results"][server];
        assert_eq!(
            (&cell["requests"], &cell["errors"]["total"]),
            (&3.into(), &0.into())
        );
    }
    assert!(
        asked.load(Ordering::SeqCst) >= 2 * 4,
        "each was looked at first"
    );
    let peak = peak.load(Ordering::SeqCst);
    let is_known = peak > 0 || !cfg!(target_os = "linux");
    assert!(is_known && peak < LARGEST_RSS_KIB, "{peak} KiB");
}

#[test]
fn large_answers_of_one_length_are_told_apart() {
    let (one, two) = (serve((9, b'x'), || {}), serve((9, b'y'), || {}));
    let line = format!("-s one={one} -s two={two} -c 1 -n 1 --timeout 60s");
    cannot(&line, "the servers answer differently");
    cannot(&line, "9437184 bytes: \"aaa");
}
