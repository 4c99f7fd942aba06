//! Which bytes may stand where.

/// Letters, digits and `others`.
pub(crate) const fn alphanumeric_or(others: &[u8]) -> [bool; 256] {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 128 {
        table[byte] = (byte as u8).is_ascii_alphanumeric();
        byte += 1;
    }
    let mut at = 0;
    while at < others.len() {
        table[others[at] as usize] = true;
        at += 1;
    }
    table
}

static TOKEN: [bool; 256] = alphanumeric_or(b"!#$%&'*+-.^_`|~");

/// Whether a byte may stand in a field's name.
pub(crate) fn is_token(byte: u8) -> bool {
    TOKEN[usize::from(byte)]
}

/// Whether a byte may stand in a field's value: no control but the tab.
pub(crate) fn is_value(byte: u8) -> bool {
    byte == b'\t' || !byte.is_ascii_control()
}

/// A field's value as text, if it has nothing but visible ASCII and blanks.
pub fn text(value: &[u8]) -> Option<&str> {
    let is_text = value.is_ascii() && value.iter().copied().all(is_value);
    is_text.then(|| std::str::from_utf8(value).ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_stand_where_they_may() {
        assert!(b"x-A.9~".iter().copied().all(is_token));
        assert!(
            !b" :\"(),/;<=>?@[\\]{}\x7f\x80\0"
                .iter()
                .copied()
                .any(is_token)
        );
        assert!(b"\t !~\x80\xff".iter().copied().all(is_value));
        assert!(!b"\0\r\n\x1f\x7f".iter().copied().any(is_value));
        assert_eq!(text(b"a\tb"), Some("a\tb"));
        assert_eq!(text("é".as_bytes()), None);
    }
}
