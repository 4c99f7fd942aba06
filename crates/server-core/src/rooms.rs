//! Rooms in which a message goes to all others. The servers differ in the queue that each member
//! reads from, not in who gets what.

use std::{
    collections::HashMap,
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
};

use contract::workloads::websocket::RoomCounts;

/// Puts a message into a member's queue; `false` when the queue is full. Must not block.
type Offer<M> = Box<dyn Fn(M) -> bool + Send>;

/// All rooms of a server. Only those with a member take memory.
pub struct Rooms<M> {
    open: Mutex<Open<M>>,
    dropped: AtomicU64,
}

struct Open<M> {
    next_id: u64,
    by_name: HashMap<String, HashMap<u64, Member<M>>>,
}

struct Member<M> {
    offer: Offer<M>,
    dropped: Arc<AtomicBool>,
}

/// A place in a room, given up when dropped.
pub struct Membership<M> {
    rooms: Arc<Rooms<M>>,
    room: String,
    id: u64,
    dropped: Arc<AtomicBool>,
}

impl<M> Default for Rooms<M> {
    fn default() -> Self {
        let open = Open {
            next_id: 0,
            by_name: HashMap::new(),
        };
        Self {
            open: Mutex::new(open),
            dropped: AtomicU64::new(0),
        }
    }
}

impl<M> Rooms<M> {
    fn open(&self) -> MutexGuard<'_, Open<M>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Enters a room. `offer` puts a message into the new member's queue, or says `false` when
    /// that is full; it is dropped when the member is, so that the reader of the queue sees its end.
    pub fn join(
        rooms: &Arc<Self>,
        room: &str,
        offer: impl Fn(M) -> bool + Send + 'static,
    ) -> Membership<M> {
        let dropped = Arc::new(AtomicBool::new(false));
        let member = Member {
            offer: Box::new(offer),
            dropped: dropped.clone(),
        };
        let mut open = rooms.open();
        let id = open.next_id;
        open.next_id += 1;
        open.by_name
            .entry(room.to_owned())
            .or_default()
            .insert(id, member);
        Membership {
            rooms: rooms.clone(),
            room: room.to_owned(),
            id,
            dropped,
        }
    }

    /// Counts a member that was cut because it took nothing.
    pub fn cut(&self) {
        self.dropped.fetch_add(1, Relaxed);
    }

    /// How many there are.
    pub fn counts(&self) -> RoomCounts {
        let open = self.open();
        RoomCounts {
            rooms: open.by_name.len(),
            members: open.by_name.values().map(HashMap::len).sum(),
            dropped: self.dropped.load(Relaxed),
        }
    }
}

impl<M: Clone> Membership<M> {
    /// Passes a message on to all others in the room. Whoever reads too slowly to have room in its
    /// queue is dropped; nobody waits for anybody.
    pub fn broadcast(&self, message: &M) {
        let mut open = self.rooms.open();
        let Some(members) = open.by_name.get_mut(&self.room) else {
            return;
        };
        members.retain(|&id, member| {
            let stays = id == self.id || (member.offer)(message.clone());
            if !stays {
                member.dropped.store(true, Relaxed);
                self.rooms.cut();
            }
            stays
        });
    }
}

impl<M> Membership<M> {
    /// Whether this member was dropped because it reads too slowly.
    pub fn is_dropped(&self) -> bool {
        self.dropped.load(Relaxed)
    }
}

impl<M> Drop for Membership<M> {
    fn drop(&mut self) {
        self.leave();
    }
}

impl<M> Membership<M> {
    /// Leaves the room; nothing comes any more. Safe to call again.
    pub fn leave(&self) {
        let mut open = self.rooms.open();
        if let Some(members) = open.by_name.get_mut(&self.room) {
            members.remove(&self.id);
            if members.is_empty() {
                open.by_name.remove(&self.room);
            }
        }
    }
}

impl<M> fmt::Debug for Rooms<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Rooms").field(&self.counts()).finish()
    }
}

impl<M> fmt::Debug for Membership<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Membership")
            .field("room", &self.room)
            .field("id", &self.id)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::{Receiver, sync_channel};

    fn join(rooms: &Arc<Rooms<u8>>, name: &str, capacity: usize) -> (Membership<u8>, Receiver<u8>) {
        let (sender, queue) = sync_channel(capacity);
        (
            Rooms::join(rooms, name, move |message| sender.try_send(message).is_ok()),
            queue,
        )
    }

    #[test]
    fn a_message_goes_to_all_others_in_the_room() {
        let rooms = Arc::new(Rooms::default());
        let (a, from_a) = join(&rooms, "x", 9);
        let (b, from_b) = join(&rooms, "x", 9);
        let (_elsewhere, from_elsewhere) = join(&rooms, "y", 9);
        a.broadcast(&1);
        b.broadcast(&2);
        assert_eq!(from_a.try_iter().collect::<Vec<_>>(), [2]);
        assert_eq!(from_b.try_iter().collect::<Vec<_>>(), [1]);
        assert_eq!(from_elsewhere.try_iter().count(), 0);
        drop((a, b));
        let counts = RoomCounts {
            rooms: 1,
            members: 1,
            dropped: 0,
        };
        assert_eq!(rooms.counts(), counts);
    }

    #[test]
    fn who_reads_too_slowly_is_dropped_and_nobody_else() {
        let rooms = Arc::new(Rooms::default());
        let (fast, _queue) = join(&rooms, "x", 9);
        let (slow, from_slow) = join(&rooms, "x", 2);
        let (other, from_other) = join(&rooms, "x", 9);
        for message in 0..5 {
            fast.broadcast(&message);
        }
        assert!(slow.is_dropped() && !other.is_dropped());
        // What was in the queue, and its end.
        assert_eq!(from_slow.iter().collect::<Vec<_>>(), [0, 1]);
        assert_eq!(from_other.try_iter().count(), 5);
        let counts = RoomCounts {
            rooms: 1,
            members: 2,
            dropped: 1,
        };
        assert_eq!(rooms.counts(), counts);
    }
}
