//! The last head seen, so that an equal one need not be parsed again.

use super::ParseError;
use super::head::{Head, parse};

/// Longer heads are parsed every time.
const LONGEST: usize = 1024;

/// A server under load sends the same head again and again, apart from a date that changes once a
/// second. Bytes that begin with exactly a head that was parsed before, its empty line included, would be
/// parsed into exactly that head again, so comparing them is enough.
#[derive(Debug, Default)]
pub(crate) struct KnownHead {
    /// Empty until a head was seen.
    bytes: Vec<u8>,
    head: Head,
}

impl KnownHead {
    /// [`parse`], remembering.
    #[inline]
    pub(super) fn parse(&mut self, input: &[u8]) -> Result<Option<(Head, usize)>, ParseError> {
        if !self.bytes.is_empty() && input.starts_with(&self.bytes) {
            return Ok(Some((self.head, self.bytes.len())));
        }
        let parsed = parse(input)?;
        if let Some((head, length)) = parsed
            && length <= LONGEST
        {
            self.bytes.clear();
            self.bytes.extend_from_slice(&input[..length]);
            self.head = head;
        }
        Ok(parsed)
    }
}
