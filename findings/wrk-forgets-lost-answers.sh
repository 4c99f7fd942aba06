#!/usr/bin/env bash
# wrk counts a request that is never answered nowhere: not as a timeout, not as an error, not as a latency.
#
# wrk 4.1.0 (Debian 4.1.0-3+b2), `--timeout 1s`, 10 connections, 4 s. The server answers at once, but on each connection it
# never answers the 20th request. One expects about 10 timeouts, one for each connection, after a second. Seen: every
# connection waits until the end of the run, nothing is sent any more, and the report has neither a "Socket errors" line nor a
# latency above some milliseconds. An answer that does come, but later than the timeout (here after 1.5 s), is counted: as a
# timeout *and* as a request, without its latency. So wrk's "timeout" is a limit of its histogram, looked at when an answer
# has come, and not something that ends a wait.
# A load generator that must see lost answers needs a clock for each wait, and must count what is under way at the end.
#
# Needs Debian's archive (apt-get download) and Python 3. Exit code 0: as described; 1: something has changed.
set -euo pipefail
version=4.1.0-3+b2
folder=$(mktemp -d)
server=
trap 'kill $server 2> /dev/null || true; rm -rf "$folder"' EXIT
cd "$folder"

apt-get download -qq "wrk=$version" > /dev/null
dpkg-deb -x wrk_*.deb wrk
dpkg-deb -f wrk_*.deb Package Version
# The library that its Lua needs is not always there.
if ldd wrk/usr/bin/wrk | grep -q "not found"; then
    apt-get download -qq libluajit-5.1-2 libluajit-5.1-common > /dev/null
    for package in libluajit*.deb; do dpkg-deb -x "$package" wrk; done
    LD_LIBRARY_PATH=$(find "$folder/wrk" -name 'libluajit*.so*' -printf '%h\n' | head -n 1)
    export LD_LIBRARY_PATH
fi

cat > server.py <<'END'
import asyncio, sys

TH, DELAY = 20, float(sys.argv[1])  # what happens at each connection's 20th request; below 0: no answer
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
handled = []


async def serve(reader, writer):
    number = 0
    try:
        while await reader.readuntil(b"\r\n\r\n"):
            number += 1
            if number == TH:
                await asyncio.sleep(DELAY if DELAY >= 0 else 3600)
            else:
                await asyncio.sleep(0.002)
            writer.write(ANSWER)
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        pass


async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    async with server:
        await server.serve_forever()


asyncio.run(main())
END

run() { # delay of each connection's 20th answer
    timeout 30 python3 server.py "$1" > port &
    server=$!
    for _ in $(seq 200); do [ -s port ] && break || sleep 0.05; done
    wrk/usr/bin/wrk --connections 10 --threads 1 --duration 4s --timeout 1s --latency "http://127.0.0.1:$(cat port)/"
    kill $server
    wait $server 2> /dev/null || true
    rm port
}

check() { # description, condition's exit code
    if [ "$2" = 0 ]; then echo "as described: $1"; else echo "CHANGED: $1"; exit 1; fi
}

echo "--- the 20th request of each connection is never answered"
run -1 | tee lost.txt
requests=$(awk '/requests in/ {print $1}' lost.txt)
check "no errors are reported" "$(grep -q 'Socket errors' lost.txt; test $? = 1; echo $?)"
check "exactly the 19 answers of each connection are requests (190): $requests" "$(test "$requests" = 190; echo $?)"

echo "--- it is answered after 1.5 s, half a second behind the timeout"
run 1.5 | tee late.txt
timeouts=$(sed -n 's/.*timeout \([0-9]*\)/\1/p' late.txt)
requests=$(awk '/requests in/ {print $1}' late.txt)
check "the late answers are timeouts ($timeouts)" "$(test "$timeouts" = 10; echo $?)"
check "the load goes on after them ($requests requests)" "$(test "$requests" -gt 1000; echo $?)"
longest=$(awk '$1 == "Latency" {print $4}' late.txt)
check "and no latency of a second or more is reported (max $longest)" "$(case $longest in *ms | *us) echo 0 ;; *) echo 1 ;; esac)"
