#!/usr/bin/env bash
# tiny_http 0.12.0 never answers some of 64 connections that are made at once, as long as the others stay open.
#
# Its pool of connection threads grows only where no thread is idle ("If no thread is available, spawns a new one"). A thread
# that was notified counts as idle until it has woken up. Connections that come before that are queued behind it, and wait for
# a whole connection to end, not for a request: with keep-alive, for ever. It has four idle threads at first, and a load
# generator opens all its connections at once, so it meets this, and a test with one connection does not. rouille, which is
# built on it, does the same. How many wait is a race: of 64, in ten fresh servers, from none to 60. Each connection that is
# closed lets one of them be answered.
#
# Needs cargo and Python 3. Exit code 0: as described; 1: something has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
mkdir src
cat > Cargo.toml <<'END'
[package]
name = "waiting"
version = "0.0.0"
edition = "2024"

[dependencies]
tiny_http = "=0.12.0"
END
cat > src/main.rs <<'END'
fn main() {
    let server = tiny_http::Server::http("127.0.0.1:0").unwrap();
    println!("{}", server.server_addr().to_ip().unwrap().port());
    for request in server.incoming_requests() {
        request.respond(tiny_http::Response::from_string("ok")).unwrap();
    }
}
END
cargo build --quiet --target-dir target

cat > client.py <<'END'
import select, socket, subprocess, sys, time

CONNECTIONS, FRESH_SERVERS, WAIT_S = 64, 10, 3
REQUEST = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"


def answered(connections, wait_s):
    """Those of the connections on which something comes within the time."""
    until, ready = time.monotonic() + wait_s, set()
    while len(ready) < len(connections) and time.monotonic() < until:
        ready |= set(select.select([it for it in connections if it not in ready], [], [], 0.1)[0])
    return ready


waiting, later = [], []
for _ in range(FRESH_SERVERS):
    server = subprocess.Popen("target/debug/waiting", stdout=subprocess.PIPE, text=True)
    port = int(server.stdout.readline())
    connections = [socket.create_connection(("127.0.0.1", port), timeout=10) for _ in range(CONNECTIONS)]
    for connection in connections:
        connection.sendall(REQUEST)
    first = answered(connections, WAIT_S)
    left = [connection for connection in connections if connection not in first]
    for connection in first:
        connection.close()
    waiting.append(len(left))
    later.append(len(answered(left, WAIT_S)))
    server.kill()
    server.wait()
print("connections without an answer after 3 s:", *waiting)
print("answered once all others were closed:   ", *later)
if max(waiting) == 0 or later != [min(count, CONNECTIONS - count) for count in waiting]:
    sys.exit("this has changed")
END
python3 client.py
