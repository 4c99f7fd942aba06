# List the recipes
default:
    @just --list --unsorted

# Compare the built-in servers: `just run --concurrency 360 --duration 60s`
run *args:
    cargo run -p loadgen -- {{ args }}

# Run all tests
test *args:
    cargo test --workspace {{ args }}

# Format the code
fmt:
    cargo fmt --all

# Lint with warnings denied
lint:
    cargo clippy --workspace --all-targets -- -D warnings

# Build the documentation with warnings denied
doc:
    RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps

# Check licences, bans and sources of dependencies
deny:
    cargo deny check licenses bans sources

# Everything that must hold before a change lands
check:
    scripts/check

# Is what the load generator reports true on this machine?
self-check:
    cargo run -p loadgen -- self-check

# Compare the load generator with wrk and oha
bench-clients *args:
    scripts/bench-clients {{ args }}

# What do log and traces cost, above all when they are off? `just bench-tracing REVISION`
bench-tracing *args:
    scripts/bench-tracing {{ args }}

# Measure all kinds of work on all servers, about ten minutes: `just suite -o suite.html`, `just suite --quick`
suite *args:
    cargo run --release -p loadgen -- suite {{ args }}

# Make the article's table again: `just article --duration 30s`
article *args:
    cargo run --release -p loadgen -- article {{ args }}

# Make a report again from records: `just report results/x.json -o x.html`
report *args:
    cargo run -p loadgen -- report {{ args }}

# Make the README's output and the reports of results/reference again from the records there
reference:
    cargo run -p crossover-pages --example reference

# Describe the record again after a change of its types: docs/record.md and its schema
schema:
    cargo run -p crossover-pages --example schema

# Open the HTML reports in a headless Chromium
check-html *args:
    scripts/check-html {{ args }}

# Build, verify and briefly measure all contenders
check-contenders:
    scripts/check-contenders

# Do interleaved slices and long stretches tell the same?
compare-interleave *args:
    scripts/compare-interleave {{ args }}

# Do slices tell the truth about servers that are slow, pause or lose answers? An hour and a half; goes on where it was broken off
check-slices *args:
    scripts/check-slices {{ args }}

# How often does the gate cry wolf here, and see what is there? `just gate-characteristics 2h`, again and again
gate-characteristics *args:
    scripts/gate-characteristics {{ args }}
