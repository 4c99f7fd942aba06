//! A resource of which there is a limited number.

use std::sync::{Condvar, Mutex, PoisonError};

/// Counts what is free. The standard library has none.
#[derive(Debug)]
pub(crate) struct Semaphore {
    free: Mutex<usize>,
    returned: Condvar,
}

/// One that was taken, until it is dropped.
#[derive(Debug)]
pub(crate) struct Permit<'s>(&'s Semaphore);

impl Semaphore {
    pub(crate) fn new(free: usize) -> Self {
        Self {
            free: Mutex::new(free),
            returned: Condvar::new(),
        }
    }

    /// Takes one; blocks until there is one.
    pub(crate) fn acquire(&self) -> Permit<'_> {
        let free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        let none = |free: &mut usize| *free == 0;
        let free = self.returned.wait_while(free, none);
        *free.unwrap_or_else(PoisonError::into_inner) -= 1;
        Permit(self)
    }

    /// Takes one if there is one.
    pub(crate) fn try_acquire(&self) -> Option<Permit<'_>> {
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        *free = free.checked_sub(1)?;
        Some(Permit(self))
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        *self.0.free.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        self.0.returned.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hands_out_as_many_as_there_are() {
        let semaphore = Semaphore::new(2);
        let (first, _second) = (semaphore.acquire(), semaphore.try_acquire().unwrap());
        assert!(semaphore.try_acquire().is_none());
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| drop(semaphore.acquire()));
            drop(first);
            waiting.join().unwrap();
        });
        assert!(semaphore.try_acquire().is_some());
    }
}
