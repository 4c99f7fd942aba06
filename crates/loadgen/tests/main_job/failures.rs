//! What cannot be measured, and what decides about the exit code.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::support::{Server, cannot, loadgen, record, text};

#[test]
fn bad_usage_is_told_and_measures_nothing() {
    cannot("--concurrency 0", "0");
    cannot("--duration 5", "unit");
    cannot("--duration 5s --requests 7", "cannot be used with");
    cannot("--server tomcat", "tomcat");
    cannot("--workload nonsense", "nonsense");
    cannot("gat", "URL");
    cannot("--frequency 3", "--frequency");
    cannot("-o /no/such/folder/x.json", "/no/such/folder");
    cannot("--concurrency 1000000", "open files");
}

#[test]
fn a_limit_below_what_the_program_needs_itself_asks_for_no_impossible_concurrency() {
    let output = std::process::Command::new("sh")
        .args([
            "-c",
            "ulimit -n 64; exec \"$0\" -s sync -c 1 -n 1 --no-save",
        ])
        .arg(env!("CARGO_BIN_EXE_loadgen"))
        .output()
        .unwrap();
    let told = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{told}");
    assert!(told.contains("at most 64 open files can be had"), "{told}");
    assert!(!told.contains("--concurrency"), "{told}");
}

#[test]
fn a_rate_at_which_no_request_falls_into_the_window_is_refused() {
    cannot("-s sync --rate 0.5 -d 1s", "measure for 2 s or longer");
}

#[test]
fn a_low_rate_that_was_answered_whole_is_kept() {
    let server = Server::start("sync");
    let (record, code) = record(&format!("{} --rate 0.5 -d 3s --warmup 0s", server.url));
    assert_eq!(code, Some(0));
    let warnings = record["warnings"].as_array().unwrap();
    let blames = |code: &serde_json::Value| code["code"].as_str().unwrap().starts_with("rate_");
    assert!(!warnings.iter().any(blames), "{warnings:?}");
}

#[test]
fn a_server_that_cannot_start_shows_its_own_words() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let output = loadgen()
        .args([
            "serve",
            "sync",
            "--addr",
            &taken.local_addr().unwrap().to_string(),
        ])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(
        text(&output.stderr).contains("in use"),
        "{}",
        text(&output.stderr)
    );
    let output = loadgen()
        .args(["--server", "sync --no-such-flag", "-n", "1"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(
        text(&output.stderr).contains("--no-such-flag"),
        "{}",
        text(&output.stderr)
    );
}

#[test]
fn a_status_that_is_no_success_cannot_be_measured() {
    let server = Server::start("sync");
    cannot(&format!("{}/no-such-path -n 1", server.url), "404");
}

/// Whatever the server answers after its first answer decides about the exit code.
#[test]
fn errors_decide_about_the_exit_code() {
    let url = flaky_server(10);
    let (record, code) = record(&format!("{url} -c 1 -n 100 --warmup 100ms"));
    assert_eq!(
        code,
        Some(1),
        "a tenth of errors is more than 1 %: {}",
        record["results"][0]["errors"]
    );
    assert_eq!(record["results"][0]["errors"]["status"], 10);
    let (_, code) = self::record(&format!(
        "{} -c 1 -n 100 --warmup 100ms --max-errors 20%",
        flaky_server(10)
    ));
    assert_eq!(code, Some(0));
    let line = format!(
        "{} -c 1 -n 100 --warmup 100ms --max-errors 9",
        flaky_server(10)
    );
    let (_, code) = self::record(&line);
    assert_eq!(code, Some(1));
}

#[test]
fn not_one_answer_is_not_measured_but_printed() {
    let (record, code) = record(&format!("{} -c 1 -n 20 --warmup 100ms", flaky_server(1)));
    assert_eq!(code, Some(2));
    assert_eq!(record["results"][0]["requests"], 0);
    assert_eq!(record["results"][0]["errors"]["status"], 20);
}

/// A run is not made longer by every silence of a server that answers nobody.
#[test]
fn a_server_that_falls_silent_is_waited_for_once_and_every_lost_answer_counts() {
    let line = |warmup: &str| {
        let server = mute_server();
        format!("{server} -c 4 -d 2s --timeout 1s --warmup {warmup}")
    };
    let told = "it answered nothing while it was warmed up: 4 requests timed out";
    cannot(&line("300ms"), told);
    let (record, code) = record(&line("0s"));
    assert_eq!(code, Some(2));
    let cell = &record["results"][0];
    assert_eq!(cell["requests"], 0);
    assert_eq!(cell["errors"]["timeout"], cell["errors"]["total"]);
    let lost = cell["errors"]["timeout"].as_u64();
    // Within two seconds each connection loses a second answer after a timeout, and a third, hardly ever a fourth.
    assert!(lost.is_some_and(|lost| (4..=16).contains(&lost)), "{cell}");
}

/// Answers its first request and no other.
fn mute_server() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let answers_left = Arc::new(AtomicU64::new(1));
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let answers_left = Arc::clone(&answers_left);
            std::thread::spawn(move || {
                let reader = BufReader::new(stream.try_clone().unwrap());
                for line in reader.lines().map_while(Result::ok) {
                    if line.is_empty() && answers_left.swap(0, Ordering::SeqCst) > 0 {
                        let ok = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
                        stream.write_all(ok).unwrap();
                    }
                }
            });
        }
    });
    url
}

/// Connections to a server that is gone rest longer and longer: their errors are few, the time is not.
#[test]
fn time_without_a_server_counts_like_errors() {
    let line = format!("{} -c 8 -d 5s --warmup 0s", mortal_server(2_000));
    let (record, code) = record(&format!("{line} --max-errors 50%"));
    let cell = &record["results"][0];
    assert_eq!(code, Some(1), "{}", cell["errors"]);
    let (requests, errors) = (&cell["requests"], &cell["errors"]["total"]);
    assert!(
        errors.as_u64() < requests.as_u64(),
        "{errors} beside {requests}"
    );
    let warnings = record["warnings"].as_array().unwrap();
    let is_told = |warning: &serde_json::Value| warning["code"] == "server_down";
    assert!(warnings.iter().any(is_told), "{warnings:?}");
}

/// Answers so many requests and is gone for good.
fn mortal_server(lives: u64) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    let answered = Arc::new(AtomicU64::new(0));
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let is_dead = || answered.load(Ordering::SeqCst) >= lives;
            if is_dead() {
                return; // the listener goes with it
            }
            let answered = Arc::clone(&answered);
            std::thread::spawn(move || {
                let mut reader = BufReader::new(stream.try_clone().unwrap());
                let mut writer = stream;
                let mut line = String::new();
                while reader.read_line(&mut line).is_ok_and(|length| length > 0) {
                    if line == "\r\n" {
                        if answered.fetch_add(1, Ordering::SeqCst) >= lives {
                            TcpStream::connect(addr).ok(); // wakes the one who accepts
                            return;
                        }
                        let ok = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
                        if writer.write_all(ok).is_err() {
                            return;
                        }
                    }
                    line.clear();
                }
            });
        }
    });
    format!("http://{addr}")
}

/// Answers its first request with 200, and of the following every `every`-th with 500.
fn flaky_server(every: u64) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        let mut number = 0;
        for stream in listener.incoming().flatten() {
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let mut writer = stream;
            let mut line = String::new();
            while reader.read_line(&mut line).is_ok_and(|length| length > 0) {
                if line == "\r\n" {
                    let status = if number > 0 && number % every == 0 {
                        "500 Oops"
                    } else {
                        "200 OK"
                    };
                    number += 1;
                    if write!(writer, "HTTP/1.1 {status}\r\ncontent-length: 2\r\n\r\nok").is_err() {
                        break;
                    }
                }
                line.clear();
            }
        }
    });
    url
}
