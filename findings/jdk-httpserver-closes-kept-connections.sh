#!/usr/bin/env bash
# The JDK's own HTTP server closes kept connections while fewer than a benchmark's are open, and does not say so.
#
# com.sun.net.httpserver keeps at most 200 connections idle (sun.net.httpserver.maxIdleConnections). A connection that would
# be the 201st idle one is closed right after its answer. That answer has no "Connection: close", so a client that keeps
# connections alive learns of it only from the end of the stream, or from a reset when it asks again. A client of 360
# connections that loads servers in turns therefore finds 160 of them closed at each turn, and one that does not look
# before it asks counts errors.
# Seen with OpenJDK 17.0.15: 300 connections, each asked once and left idle for a second: 99 or 100 closed, the first 200 open,
# no answer that announced it. With -Dsun.net.httpserver.maxIdleConnections=1000: none closed.
#
# Needs a JDK 17 (`java`) and Python 3. Exit code 0: as described; 1: something has changed.
set -euo pipefail
folder=$(mktemp -d)
server=
trap 'kill $server 2> /dev/null || true; rm -rf "$folder"' EXIT
cd "$folder"
java -version 2>&1 | head -n 1

cat > Plain.java <<'END'
import com.sun.net.httpserver.HttpServer;
import java.net.InetSocketAddress;
import java.util.concurrent.Executors;

public class Plain {
    public static void main(String[] arguments) throws Exception {
        HttpServer server = HttpServer.create(new InetSocketAddress("127.0.0.1", 0), 1024);
        byte[] body = "ok".getBytes();
        server.createContext("/", exchange -> {
            exchange.sendResponseHeaders(200, body.length);
            exchange.getResponseBody().write(body);
            exchange.close();
        });
        server.setExecutor(Executors.newFixedThreadPool(4));
        server.start();
        System.out.println(server.getAddress().getPort());
    }
}
END

cat > client.py <<'END'
import socket, sys, time

port, count = map(int, sys.argv[1:])
connections = [socket.create_connection(("127.0.0.1", port), timeout=10) for _ in range(count)]
announced = 0
for connection in connections:
    connection.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
    answer = b""
    while not answer.endswith(b"\r\n\r\nok"):
        part = connection.recv(4096)
        if not part:
            sys.exit("an answer is missing")
        answer += part
    announced += b"connection: close" in answer.lower()
time.sleep(1)
closed = []
for number, connection in enumerate(connections):
    connection.setblocking(False)
    try:
        if connection.recv(1) == b"":
            closed.append(number)
    except BlockingIOError:
        pass
    except ConnectionError:
        closed.append(number)
print(len(closed), announced, min(closed, default=-1))
END

run() { # flags of the virtual machine
    timeout 60 java "$@" Plain.java > port &
    server=$!
    for _ in $(seq 200); do [ -s port ] && break || sleep 0.1; done
    python3 client.py "$(cat port)" 300
    kill $server
    wait $server 2> /dev/null || true
    rm port
}

check() { # description, seen, expected
    if [[ $2 =~ ^($3)$ ]]; then echo "as described: $1 ($2)"; else echo "CHANGED: $1: $2 instead of $3"; exit 1; fi
}

check "closed, announced, number of the first closed, of 300" "$(run)" "100 0 200|99 0 201"
check "the same with room for 1,000 idle connections" "$(run -Dsun.net.httpserver.maxIdleConnections=1000)" "0 0 -1"
