//! Bytes read from a peer and not yet consumed.

/// Room made for a read, in bytes: a request head of a benchmark fits several times, and
/// 10,000 idle connections cost 40 MB.
const READ_SIZE: usize = 4 * 1024;

/// A growing buffer that is read into at its end and consumed from its start.
#[derive(Debug, Default)]
pub struct ReadBuffer {
    bytes: Vec<u8>,
    start: usize,
    end: usize,
}

impl ReadBuffer {
    /// Room to read into, never empty.
    pub fn space(&mut self) -> &mut [u8] {
        self.space_of(1)
    }

    /// Room of at least `least` bytes to read into, for one who knows that much is coming.
    pub fn space_of(&mut self, least: usize) -> &mut [u8] {
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
        }
        if self.bytes.len() - self.end < least {
            self.bytes.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
            if self.bytes.len() - self.end < least {
                self.bytes.resize(self.end + least.max(READ_SIZE), 0);
            }
        }
        &mut self.bytes[self.end..]
    }

    /// Says that `count` bytes were read into [`space`](Self::space).
    ///
    /// # Panics
    ///
    /// When there was less room than that.
    pub fn filled(&mut self, count: usize) {
        assert!(
            count <= self.bytes.len() - self.end,
            "filled beyond the buffer"
        );
        self.end += count;
    }

    /// What was read and not yet consumed.
    pub fn unread(&self) -> &[u8] {
        &self.bytes[self.start..self.end]
    }

    /// Copies `bytes` behind what is unread.
    pub fn put(&mut self, bytes: &[u8]) {
        if !bytes.is_empty() {
            self.space_of(bytes.len())[..bytes.len()].copy_from_slice(bytes);
            self.filled(bytes.len());
        }
    }

    /// Drops `count` bytes from the start.
    ///
    /// # Panics
    ///
    /// When fewer are unread.
    pub fn consume(&mut self, count: usize) {
        assert!(count <= self.end - self.start, "consumed beyond the buffer");
        self.start += count;
    }

    /// Gives back the memory of what was read at length, when all of it is consumed.
    pub fn shrink(&mut self) {
        if self.is_empty() && self.bytes.len() > READ_SIZE {
            *self = Self::default();
        }
    }

    /// How many bytes are unread.
    pub fn len(&self) -> usize {
        self.end - self.start
    }

    /// Whether all was consumed.
    pub fn is_empty(&self) -> bool {
        self.start == self.end
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reuses_its_room() {
        let mut buffer = ReadBuffer::default();
        for _ in 0..100 {
            assert_eq!(buffer.space().len(), READ_SIZE);
            buffer.space()[..3].copy_from_slice(b"abc");
            buffer.filled(3);
            assert_eq!(buffer.unread(), b"abc");
            buffer.consume(3);
        }
    }

    #[test]
    fn takes_what_was_read_elsewhere() {
        let mut buffer = ReadBuffer::default();
        buffer.put(b"");
        buffer.put(b"ab");
        buffer.put(&[b'c'; 5000]);
        buffer.consume(2);
        assert_eq!(buffer.unread(), [b'c'; 5000]);
    }

    #[test]
    fn moves_the_rest_to_the_front_before_it_grows() {
        let mut buffer = ReadBuffer::default();
        let room = buffer.space().len();
        buffer.filled(room);
        buffer.consume(room - 2);
        assert_eq!(buffer.space().len(), room - 2);
        assert_eq!(buffer.len(), 2);
        buffer.filled(room - 2);
        assert_eq!(buffer.space().len(), READ_SIZE);
        assert_eq!(buffer.len(), room);
        assert!(buffer.space_of(100_000).len() >= 100_000);
        buffer.shrink();
        assert_eq!(buffer.len(), room, "there is something unread");
        buffer.consume(room);
        buffer.shrink();
        assert_eq!(buffer.space().len(), READ_SIZE);
    }
}
