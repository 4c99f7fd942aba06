//! How many connections are at work in a slice.

use std::cell::Cell;
use std::rc::Rc;

use tokio::sync::Notify;

/// Counts the connections at work in a slice.
#[derive(Debug)]
pub(crate) struct Active {
    count: Cell<usize>,
    idle: Rc<Notify>,
}

/// Leaves the count when the connection's part in the slice ends, however it ends.
#[derive(Debug)]
pub(crate) struct Entered(Rc<Active>);

impl Active {
    /// Tells `idle` whenever the last connection has left.
    pub(crate) fn new(idle: &Rc<Notify>) -> Rc<Self> {
        Rc::new(Self {
            count: Cell::new(0),
            idle: Rc::clone(idle),
        })
    }

    pub(crate) fn enter(self: &Rc<Self>) -> Entered {
        self.count.set(self.count.get() + 1);
        Entered(Rc::clone(self))
    }

    pub(crate) fn is_idle(&self) -> bool {
        self.count.get() == 0
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        let left = self.0.count.get() - 1;
        self.0.count.set(left);
        if left == 0 {
            self.0.idle.notify_one();
        }
    }
}
