#!/usr/bin/env bash
# One HdrHistogram, three implementations, two answers: of the values 1, 2 and 3, p40 is 2 in JavaScript and 1 in Python and Go.
#
# JavaScript (hdr-histogram-js 3.0.1), like Java and Rust, rounds share × count up: rank 2 of 1.2. Python (hdrhistogram 0.10.8)
# and Go (hdrhistogram-go 1.4.0), like C, add a half and cut off: rank 1. The ranks differ by one at most, but in a tail of few
# values that is another value. None of the three reads V2 that is not compressed, which Rust's V2Serializer writes.
#
# Needs Node, Python 3 and Go with their package managers. Exit code 0: as described; 1: something has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'chmod -R u+w "$folder"; rm -rf "$folder"' EXIT
cd "$folder"
npm install --no-audit --no-fund --silent hdr-histogram-js@3.0.1
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check hdrhistogram==0.10.8

cat > make.py <<'END'
import base64, zlib
from hdrh.histogram import HdrHistogram

histogram = HdrHistogram(1, 3_600_000_000_000, 3)
for value in (1, 2, 3):
    histogram.record_value(value)
compressed = histogram.encode()
open("compressed", "wb").write(compressed)
open("plain", "wb").write(base64.b64encode(zlib.decompress(base64.b64decode(compressed)[8:])))
END
venv/bin/python make.py

cat > read.py <<'END'
import sys
from hdrh.histogram import HdrHistogram

try:
    histogram = HdrHistogram.decode(open(sys.argv[1], "rb").read())
    print(histogram.get_total_count(), histogram.get_value_at_percentile(40))
except Exception:
    print("refused")
END

cat > read.cjs <<'END'
const { decodeFromCompressedBase64 } = require("hdr-histogram-js");
try {
  const histogram = decodeFromCompressedBase64(require("node:fs").readFileSync(process.argv[2], "utf8"));
  console.log(histogram.totalCount, histogram.getValueAtPercentile(40));
} catch {
  console.log("refused");
}
END

cat > read.go <<'END'
package main

import (
	"fmt"
	"os"

	"github.com/HdrHistogram/hdrhistogram-go"
)

func main() {
	text, _ := os.ReadFile(os.Args[1])
	histogram, err := hdrhistogram.Decode(text)
	if err != nil {
		fmt.Println("refused")
		return
	}
	fmt.Println(histogram.TotalCount(), histogram.ValueAtPercentile(40))
}
END
{ go mod init read && go get github.com/HdrHistogram/hdrhistogram-go@v1.4.0 && go build -o read-go read.go; } > log 2>&1 || { cat log; exit 1; }

check() { # description, seen, expected
    if [ "$2" = "$3" ]; then echo "as described: $1 ($2)"; else echo "CHANGED: $1: $2 instead of $3"; exit 1; fi
}
check "JavaScript: count and p40 of 1, 2, 3" "$(node read.cjs compressed)" "3 2"
check "Python: the same" "$(venv/bin/python read.py compressed)" "3 1"
check "Go: the same" "$(./read-go compressed)" "3 1"
check "JavaScript, not compressed" "$(node read.cjs plain)" refused
check "Python, not compressed" "$(venv/bin/python read.py plain)" refused
check "Go, not compressed" "$(./read-go plain)" refused
