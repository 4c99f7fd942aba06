//! The `date` header, written anew once a second.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// An HTTP date such as `Sun, 06 Nov 1994 08:49:37 GMT`, kept until the second changes.
#[derive(Debug, Clone, Default)]
pub struct HttpDate {
    second: u64,
    text: String,
}

impl HttpDate {
    /// The date of the present second.
    pub fn now(&mut self) -> &str {
        self.at(SystemTime::now())
    }

    /// The date of `time`.
    pub fn at(&mut self, time: SystemTime) -> &str {
        let second = time
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| since.as_secs());
        if second != self.second || self.text.is_empty() {
            self.second = second;
            self.text = httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(second));
        }
        &self.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn follows_the_clock() {
        let mut date = HttpDate::default();
        let time = UNIX_EPOCH + Duration::from_millis(784_111_777_400);
        assert_eq!(date.at(time), "Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(
            date.at(time + Duration::from_millis(599)),
            "Sun, 06 Nov 1994 08:49:37 GMT"
        );
        assert_eq!(
            date.at(time + Duration::from_millis(600)),
            "Sun, 06 Nov 1994 08:49:38 GMT"
        );
        assert_eq!(date.at(UNIX_EPOCH), "Thu, 01 Jan 1970 00:00:00 GMT");
    }
}
