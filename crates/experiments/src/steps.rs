//! How far a command of many steps is (a sweep's visits, a suite's rows), on standard error: a bar on a
//! terminal, a line for each step elsewhere.

use std::io::IsTerminal as _;
use std::time::{Duration, Instant};

use indicatif::ProgressBar;

use crate::progress::{minutes, time_bar};
use bench::stderr::say;

/// What shows how far it is.
pub struct Steps {
    began: Instant,
    shown: Shown,
}

enum Shown {
    Nothing,
    Lines,
    Bar(ProgressBar),
}

impl Steps {
    /// Nothing is shown when `quiet`; `total` is how long all steps take, as far as is known.
    pub fn new(quiet: bool, total: Duration) -> Self {
        let shown = match (quiet, std::io::stderr().is_terminal()) {
            (true, _) => Shown::Nothing,
            (false, true) => Shown::Bar(time_bar(total)),
            (false, false) => Shown::Lines,
        };
        Self {
            began: Instant::now(),
            shown,
        }
    }

    /// A line that stays.
    pub fn say(&self, line: &str) {
        match &self.shown {
            Shown::Nothing => {}
            Shown::Lines => say(line),
            Shown::Bar(bar) => bar.println(line),
        }
    }

    /// A step begins; `what` it is stands beside the bar.
    pub fn begins(&self, what: String) {
        if let Shown::Bar(bar) = &self.shown {
            bar.set_position(self.began.elapsed().as_secs());
            bar.set_message(what);
        }
    }

    /// A step is over, and all others are expected to take `left`.
    pub fn ended(&self, left: Duration, what: &str) {
        let elapsed = self.began.elapsed();
        let total = elapsed + left;
        let so_far = format!("{} of about {}", minutes(elapsed), minutes(total));
        self.say(&format!("{so_far}: {what}"));
        if let Shown::Bar(bar) = &self.shown {
            bar.set_length(total.as_secs().max(1));
            bar.set_position(elapsed.as_secs());
        }
    }

    /// Time since the first step began.
    pub fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }
}

impl Drop for Steps {
    fn drop(&mut self) {
        if let Shown::Bar(bar) = &self.shown {
            bar.finish_and_clear();
        }
    }
}
