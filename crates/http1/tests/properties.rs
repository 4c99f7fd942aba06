//! The parsers never panic, and give the same result however their input is split.

use http1::{BodyDecoder, BodyError, Framing, Head, Piece, response, screen::Screen};
use proptest::prelude::*;

const MAX_HEAD: usize = 16 * 1024;

/// Bytes that look like HTTP more often than chance would have it.
fn http_like() -> impl Strategy<Value = Vec<u8>> {
    let token = prop_oneof![
        8 => prop::sample::select(vec![
            "GET", "POST", " ", "/", "/work?a=b", "*", "http://h/p", "HTTP/1.1", "HTTP/1.0", "\r\n", "\r\n",
            "\n", "\r", ":", "Host: a", "Content-Length: ", "Transfer-Encoding: chunked",
            "Connection: close", "Expect: 100-continue", "0", "5", "a", ";", "GET / HTTP/1.1\r\nHost: a\r\n",
        ]).prop_map(|text| text.as_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>(), 0..6),
    ];
    prop::collection::vec(token, 0..40).prop_map(|tokens| tokens.concat())
}

/// Decodes `input` in pieces that end at `cuts`; returns the body and what was left over.
fn decode(input: &[u8], cuts: &[usize], max: u64) -> Result<(Vec<u8>, bool, usize), BodyError> {
    let mut decoder = BodyDecoder::new(Framing::Chunked, max)?;
    let (mut body, mut at) = (Vec::new(), 0);
    let mut ends: Vec<usize> = cuts.iter().map(|cut| cut % (input.len() + 1)).collect();
    ends.sort_unstable();
    ends.push(input.len());
    for end in ends {
        while at < end {
            let (consumed, piece) = decoder.decode(&input[at..end])?;
            at += consumed;
            match piece {
                Piece::Data(data) => body.extend_from_slice(data),
                Piece::NeedMore => assert_eq!(at, end, "asks for more only when all is consumed"),
                Piece::End => return Ok((body, true, at)),
            }
        }
    }
    Ok((body, decoder.is_done(), at))
}

proptest! {
    #[test]
    fn a_head_is_the_same_however_it_arrives(bytes in http_like()) {
        // A verdict on a prefix is the verdict on the whole.
        let whole = Head::parse(&bytes, MAX_HEAD);
        for end in 0..bytes.len() {
            match Head::parse(&bytes[..end], MAX_HEAD) {
                Ok(None) => {}
                Ok(Some((head, length))) => {
                    prop_assert_eq!(whole, Ok(Some((head, length))));
                    break;
                }
                Err(_) => {
                    prop_assert!(whole.is_err());
                    break;
                }
            }
        }
    }

    #[test]
    fn what_passes_the_screen_is_what_we_would_take(
        bytes in http_like(),
        cuts in prop::collection::vec(any::<usize>(), 0..8),
    ) {
        let mut screen = Screen::new(MAX_HEAD);
        let mut ends: Vec<usize> = cuts.iter().map(|cut| cut % (bytes.len() + 1)).collect();
        ends.sort_unstable();
        ends.push(bytes.len());
        let mut at = 0;
        for end in ends {
            while screen.is_at_head() || screen.is_in_body() {
                let head = Head::parse(&bytes[at..end], MAX_HEAD);
                let was_at_head = screen.is_at_head();
                let passed = screen.look(&bytes[at..end], |_| u64::MAX).length;
                if was_at_head {
                    match head {
                        Ok(None) => prop_assert_eq!(passed, 0),
                        Ok(Some((_, length))) => prop_assert!(passed >= length),
                        Err(error) => prop_assert_eq!(screen.refused(), Some(error)),
                    }
                }
                at += passed;
                if passed == 0 {
                    break;
                }
            }
        }
    }

    #[test]
    fn chunks_are_the_same_however_they_arrive(
        bytes in http_like(),
        cuts in prop::collection::vec(any::<usize>(), 0..8),
    ) {
        match (decode(&bytes, &[], 1000), decode(&bytes, &cuts, 1000)) {
            (Ok(whole), Ok(split)) => prop_assert_eq!(whole, split),
            (Err(whole), Err(split)) => prop_assert_eq!(whole, split),
            (whole, split) => prop_assert!(false, "{:?} but {:?}", whole, split),
        }
    }

    #[test]
    fn what_is_written_in_chunks_is_read_again(
        parts in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 0..8),
        cuts in prop::collection::vec(any::<usize>(), 0..8),
        rest in prop::collection::vec(any::<u8>(), 0..8),
    ) {
        let mut sent = Vec::new();
        for part in &parts {
            response::write_chunk(part, &mut sent);
        }
        sent.extend_from_slice(response::LAST_CHUNK);
        let length = sent.len();
        sent.extend_from_slice(&rest);
        let (body, done, consumed) = decode(&sent, &cuts, u64::MAX).unwrap();
        prop_assert_eq!(body, parts.concat());
        prop_assert!(done);
        prop_assert_eq!(consumed, length);
    }
}
