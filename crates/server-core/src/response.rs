//! The heads of answers, as HTTP code of our own writes them.

use contract::Answer;
use http1::{Length, ResponseHead, Version};

/// The head of `answer`.
pub fn head_of(answer: &Answer, version: Version, keep_alive: bool) -> ResponseHead<'_> {
    ResponseHead {
        version,
        status: answer.status,
        content_type: Some(answer.content_type),
        fields: &answer.fields,
        length: Length::Known(answer.body.len() as u64),
        keep_alive,
    }
}

/// The head of the answer to what is no request: a status, nothing else, as hyper has it.
pub fn refusal(status: u16) -> ResponseHead<'static> {
    ResponseHead {
        version: Version::Http11,
        status,
        content_type: None,
        fields: &[],
        length: Length::Known(0),
        keep_alive: false,
    }
}
