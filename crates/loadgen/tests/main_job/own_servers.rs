//! Servers that nobody here wrote: asked for what they have, and compared only where they answer alike.

use std::io::{BufRead as _, BufReader, Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::support::{cannot, loadgen, record, text};

/// What a server is asked: first line and fields.
pub(crate) type Asked = Vec<String>;

/// A server on threads that answers what `answer` says; its URL.
pub(crate) fn serve(answer: impl Fn(&Asked) -> String + Send + Sync + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let answer = Arc::new(answer);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let answer = Arc::clone(&answer);
            let reader = stream.try_clone().unwrap();
            std::thread::spawn(move || serve_one(reader, stream, &*answer));
        }
    });
    url
}

/// Answers one connection to its end.
pub(crate) fn serve_one(
    reader: impl Read,
    mut writer: impl Write,
    answer: &dyn Fn(&Asked) -> String,
) {
    let mut lines = BufReader::new(reader).lines();
    loop {
        let head: Asked = lines
            .by_ref()
            .map_while(Result::ok)
            .take_while(|line| !line.is_empty())
            .collect();
        if head.is_empty() || writer.write_all(answer(&head).as_bytes()).is_err() {
            return;
        }
    }
}

pub(crate) fn json(status: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
    )
}

#[test]
fn two_servers_that_answer_json_alike_are_compared() {
    let servers = [(); 2].map(|()| serve(|_| json("200 OK", r#"{"a":1}"#)));
    let (record, code) = record(&format!(
        "-s one={} -s two={} -c 2 -n 40",
        servers[0], servers[1]
    ));
    assert_eq!(code, Some(0));
    assert_eq!(record["results"].as_array().unwrap().len(), 2);
    assert_eq!(record["results"][1]["errors"]["total"], 0);
    assert_eq!(record["config"]["request"]["path"], "/");
}

#[test]
fn answers_that_differ_are_shown_and_nothing_is_measured() {
    let one = serve(|_| json("200 OK", r#"{"a":1}"#));
    let two = serve(|_| json("200 OK", r#"{"a":2}"#));
    let line = format!("-s one={one} -s two={two} -c 2 -n 10");
    for told in [
        r#"one: status 200, application/json, 7 bytes: "{\"a\":1}""#,
        "--verify status",
    ] {
        cannot(&line, told);
    }
    let (record, code) = record(&format!("{line} --verify status"));
    assert_eq!(
        (code, &record["results"][1]["requests"]),
        (Some(0), &10.into())
    );
}

#[test]
fn an_answer_that_is_another_each_time_is_explained() {
    let count = AtomicU64::new(0);
    let one = serve(move |_| json("200 OK", &count.fetch_add(1, Ordering::SeqCst).to_string()));
    let two = serve(|_| json("200 OK", "x"));
    cannot(
        &format!("-s one={one} -s two={two} -n 10"),
        "one itself answers differently each time",
    );
}

#[test]
fn a_wrong_answer_of_a_server_of_one_s_own_counts_as_one() {
    let count = AtomicU64::new(0);
    let one = serve(|_| json("200 OK", "same"));
    // Right while it is verified, alone and beside the other; then every second answer is another.
    let two = serve(move |_| match count.fetch_add(1, Ordering::SeqCst) {
        number @ 4.. if number % 2 == 0 => json("200 OK", "else"),
        _ => json("200 OK", "same"),
    });
    let (record, code) = record(&format!("-s one={one} -s two={two} -c 1 -n 10"));
    assert_eq!(code, Some(1));
    assert_eq!(record["results"][0]["errors"]["body"], 0);
    assert_eq!(record["results"][1]["errors"]["body"], 5);
}

#[test]
fn so_many_requests_leave_at_the_rate_that_is_asked_for() {
    let url = serve(|_| json("200 OK", "x"));
    for arrivals in ["constant", "poisson"] {
        let line = format!("{url} -c 4 -n 30 --rate 100 --arrivals {arrivals}");
        let (record, code) = record(&line);
        assert_eq!(code, Some(0));
        let cell = &record["results"][0];
        assert_eq!(
            (&cell["requests"], &cell["rate"], &cell["load"]),
            (&30.into(), &100.0.into(), &"open".into())
        );
        assert_eq!(record["config"]["requests"], 30);
        // Never sooner: what is sent before its time is no load at a rate.
        let took_s = cell["duration_s"].as_f64().unwrap();
        assert!(arrivals == "poisson" || took_s >= 0.29, "{took_s}");
    }
    let (record, code) = record(&format!("-s one={url} -s two={url} -c 2 -n 20 --rate 200"));
    assert_eq!(code, Some(0));
    assert_eq!(record["results"][1]["requests"], 20);
    cannot(&format!("{url} -n 30 --rate 100 -d 1s"), "--duration");
}

#[test]
fn every_status_that_is_expected_can_be_measured() {
    let url = serve(|asked| match asked[0].split(' ').nth(1) {
        Some("/old") => "HTTP/1.1 304 Not Modified\r\n\r\n".to_owned(),
        _ => json("404 Not Found", "no"),
    });
    cannot(&format!("{url} -n 10"), "--expect 404");
    for (path, expect) in [("/old", "304"), ("/none", "2xx,404"), ("/none", "4xx")] {
        let (record, code) = record(&format!("{url}{path} -c 2 -n 10 --expect {expect}"));
        assert_eq!(code, Some(0), "{path}");
        assert_eq!(record["results"][0]["requests"], 10, "{path}");
    }
}

#[test]
fn a_password_is_sent_and_stands_in_no_record() {
    let url = serve(|asked| {
        let is_known = |line: &String| line.eq_ignore_ascii_case("authorization: Basic dTpw");
        match asked.iter().any(is_known) {
            true => json("200 OK", "in"),
            false => json("401 Unauthorized", "out"),
        }
    });
    let with_password = url.replace("http://", "HTTP://u:p@");
    let named = format!("-s a={with_password}/x -s b={with_password}/y -c 2 -n 10");
    let (compared, code) = record(&named);
    assert_eq!(code, Some(0), "each server has its own password");
    assert_eq!(
        compared["config"]["servers"][1]["url"],
        format!("{url}/y"),
        "each server has its own path"
    );
    let output = loadgen()
        .args([
            &with_password,
            "-n",
            "10",
            "-c",
            "2",
            "--format",
            "json",
            "--no-save",
        ])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let shown = text(&output.stdout);
    assert!(
        !shown.contains("u:p@") && !shown.contains("dTpw"),
        "{shown}"
    );
}

#[test]
fn blanks_and_letters_of_a_query_are_encoded() {
    let url = serve(|asked| json("200 OK", &asked[0]));
    let output = loadgen()
        .args([
            &format!("{url}/a?q=grün tee"),
            "-n",
            "4",
            "-c",
            "1",
            "--format",
            "json",
        ])
        .arg("--no-save")
        .output()
        .unwrap();
    let record: serde_json::Value = serde_json::from_slice(&output.stdout).expect("a record");
    assert_eq!(record["config"]["request"]["path"], "/a?q=gr%C3%BCn%20tee");
}

#[test]
fn a_command_is_split_as_a_shell_does_and_may_begin_with_a_variable() {
    let program = env!("CARGO_BIN_EXE_loadgen");
    let command =
        format!("mine=exec:PORT={{port}} '{program}' serve sync --addr '127.0.0.1:{{port}}'");
    let output = loadgen()
        .args(["-s", &command, "--path", "/json", "-n", "20", "-c", "2"])
        .args(["--format", "json", "--no-save"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
}
