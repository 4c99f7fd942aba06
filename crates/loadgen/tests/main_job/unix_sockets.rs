//! Servers at Unix sockets: measured as others are, and what is no socket explained.

use std::os::unix::net::UnixListener;
use std::path::Path;
use std::sync::{Arc, Mutex};

use crate::own_servers::{json, serve, serve_one};
use crate::support::{cannot, record};

/// A server at a socket that answers everything alike; the heads of all requests, as they come.
fn serve_at(path: &Path) -> Arc<Mutex<Vec<Vec<String>>>> {
    let listener = UnixListener::bind(path).expect("a socket");
    let asked = Arc::new(Mutex::new(Vec::new()));
    let heads = Arc::clone(&asked);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let heads = Arc::clone(&heads);
            std::thread::spawn(move || {
                let reader = stream.try_clone().expect("a second descriptor");
                serve_one(reader, stream, &|head| {
                    heads.lock().expect("heads").push(head.clone());
                    json("200 OK", "same")
                });
            });
        }
    });
    asked
}

#[test]
fn a_server_at_a_unix_socket_is_measured_as_others_are() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("a.sock");
    let asked = serve_at(&path);
    let url = format!("unix:{}:/url?a=b", path.display());
    for keep_alive in ["on", "off"] {
        let line = format!("{url} -c 3 -n 30 --keep-alive {keep_alive}");
        let (record, code) = record(&line);
        assert_eq!(code, Some(0), "{keep_alive}");
        assert_eq!(record["results"][0]["requests"], 30, "{keep_alive}");
        assert_eq!(record["results"][0]["errors"]["total"], 0, "{keep_alive}");
        assert_eq!(record["config"]["servers"][0]["url"], url);
        assert_eq!(record["config"]["request"]["path"], "/url?a=b");
        assert!(record["tcp"]["listen_overflows"].is_null());
        assert!(record["tcp"]["syn_retransmits"].is_null());
        assert_eq!(record["tcp"]["failed_connects"], 0);
    }
    for head in asked.lock().expect("heads").iter() {
        assert_eq!(head[0], "GET /url?a=b HTTP/1.1");
        assert!(head.contains(&"host: localhost".to_owned()), "{head:?}");
    }
}

#[test]
fn a_unix_socket_is_compared_with_a_port() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("a.sock");
    serve_at(&path);
    let other = serve(|_| json("200 OK", "same"));
    let socket = format!("unix:{}:/x", path.display());
    let (record, code) = record(&format!(
        "-s mine={socket} -s other={other}/x -c 2 -n 20 --rate 200"
    ));
    assert_eq!(code, Some(0));
    for server in 0..2 {
        assert_eq!(record["results"][server]["requests"], 20);
    }
    assert!(!cfg!(target_os = "linux") || record["tcp"]["listen_overflows"].is_u64());
}

#[test]
fn what_is_no_socket_is_explained() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| format!("{}", folder.path().join(name).display());
    std::fs::write(folder.path().join("file"), "").expect("a file");
    drop(UnixListener::bind(folder.path().join("left.sock")).expect("a socket"));
    let long = at(&"a".repeat(120));
    for (path, told) in [
        (
            at("none.sock"),
            "there is no such file; does the server run?",
        ),
        (at("file"), "the file is no socket"),
        (at("left.sock"), "Connection refused"),
        (long, "bytes, and that of a socket has"),
    ] {
        cannot(&format!("unix:{path}:/ -n 10"), told);
        cannot(&format!("-s mine=unix:{path} -n 10"), told);
    }
    cannot(
        &format!("unix:{}:/ -n 10 --client reqwest", at("none.sock")),
        "--client reqwest connects by TCP only",
    );
    cannot("unix: -n 10", "names no socket");
}
