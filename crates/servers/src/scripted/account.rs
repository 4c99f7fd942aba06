//! What the server did: the truth that the load generator's figures are held against.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use hdrhistogram::Histogram;
use serde::Serialize;

/// The account of one worker.
pub(super) struct Book(Mutex<Account>);

/// What was done, in requests.
#[derive(Debug, Clone, Serialize)]
pub struct Account {
    /// That came.
    pub requests: u64,
    /// That were answered as they should.
    pub answered: u64,
    /// Of those, that were made slow on purpose.
    pub slow: u64,
    /// That are never answered.
    pub lost: u64,
    /// Answered with status 500.
    pub failed: u64,
    /// Whose connection was closed without an answer.
    pub closed: u64,
    /// Times that the server stood still because so many requests had come.
    pub freezes: u64,
    /// Time from request to right answer, in nanoseconds.
    #[serde(skip)]
    pub held_ns: Histogram<u64>,
}

impl Default for Account {
    fn default() -> Self {
        Self {
            requests: 0,
            answered: 0,
            slow: 0,
            lost: 0,
            failed: 0,
            closed: 0,
            freezes: 0,
            held_ns: engine::new_histogram(),
        }
    }
}

impl Account {
    pub(super) fn of(books: &[Book]) -> Self {
        let mut sum = Self::default();
        for book in books {
            let part = book.0.lock().unwrap_or_else(PoisonError::into_inner);
            sum.requests += part.requests;
            sum.answered += part.answered;
            sum.slow += part.slow;
            sum.lost += part.lost;
            sum.failed += part.failed;
            sum.closed += part.closed;
            sum.freezes += part.freezes;
            sum.held_ns += &part.held_ns;
        }
        sum
    }

    pub(super) fn answer(&mut self, held: Duration, is_slow: bool) {
        self.answered += 1;
        self.slow += u64::from(is_slow);
        let held_ns = u64::try_from(held.as_nanos()).unwrap_or(u64::MAX);
        self.held_ns.saturating_record(held_ns);
    }
}

impl Default for Book {
    fn default() -> Self {
        Self(Mutex::new(Account::default()))
    }
}

impl Book {
    pub(super) fn note(&self, write: impl FnOnce(&mut Account)) {
        write(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}
