#!/usr/bin/env bash
# tokio 1.54.1: sleep(1 ms) takes 2.1 ms, nearly always, and not 1 to 2 ms as "a granularity of one millisecond" suggests.
#
# The timer ticks in whole milliseconds since the runtime began. A deadline is rounded up to the end of its millisecond, and
# the wheel is looked at by an epoll_wait whose timeout is in whole milliseconds too and is rounded up again. So one
# millisecond becomes a little over two whenever the sleep begins right after a wake-up, as it does in a loop and in a
# server's handler; sleep(10 ms) takes 11. A thread's sleep takes 1.1 ms, and 10.1. Whoever compares threads with tasks by
# sleeps compares timers.
#
# Seen on Linux 6.18, x86_64, rustc stable: medians of 300 sleeps.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
mkdir src
cat > Cargo.toml <<'END'
[package]
name = "sleeps"
version = "0.0.0"
edition = "2024"

[dependencies]
tokio = { version = "=1.54.1", features = ["rt", "rt-multi-thread", "time"] }
END
cat > src/main.rs <<'END'
use std::time::{Duration, Instant};

const SLEEPS: usize = 300;

fn median_us(mut took: Vec<Duration>) -> u128 {
    took.sort();
    took[took.len() / 2].as_micros()
}

fn main() {
    for ms in [1, 10] {
        let time = Duration::from_millis(ms);
        let threads = (0..SLEEPS).map(|_| {
            let begun = Instant::now();
            std::thread::sleep(time);
            begun.elapsed()
        });
        let threads = median_us(threads.collect());
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_time().build().unwrap();
        let tasks = runtime.block_on(async move {
            tokio::spawn(async move {
                let mut took = Vec::new();
                for _ in 0..SLEEPS {
                    let begun = Instant::now();
                    tokio::time::sleep(time).await;
                    took.push(begun.elapsed());
                }
                took
            })
            .await
            .unwrap()
        });
        println!("{ms} {threads} {}", median_us(tasks));
    }
}
END
cargo run --release --quiet > seen.txt
while read -r ms threads tasks; do
    echo "sleep of $ms ms: a thread's median $threads us, a task's $tasks us"
    # The next whole millisecond and some: at least 0.7 ms longer than the thread's, at most 1.5.
    if ((tasks - threads < 700 || tasks - threads > 1500)); then
        echo "this has changed" >&2
        exit 1
    fi
done < seen.txt
