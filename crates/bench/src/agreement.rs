//! Which answers to a request of the user's own are right: those that all servers give alike. Otherwise a faster server may
//! just do less.

use std::time::Duration;

use anyhow::{Context as _, bail};
use contract::expectation::same_media_type;
use engine::{Answer, Expect, ExpectBody, ExpectStatus, Request};

use crate::server_under_test::ServerUnderTest;
use crate::values::Verify;

/// Between the two times that the first server is asked: an answer that holds the time of day differs then.
const APART: Duration = Duration::from_secs(1);
/// Bytes of a body that are kept. A longer one is compared by its length and a hash, and under load by its length alone:
/// memory stays as it is, and the load generator has no more to do.
const KEPT_BYTES: usize = 8 << 20;
/// Characters of an answer that stand in a message.
const SHOWN: usize = 300;

/// A request, and what is known beforehand of right answers to it.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// In messages: `GET /search`.
    pub name: &'a str,
    /// What is sent.
    pub request: &'a Request,
    /// Statuses that can be measured.
    pub statuses: ExpectStatus,
    /// What must be alike.
    pub verify: Verify,
}

impl Question<'_> {
    /// Asks all servers, the first one twice, and compares; what counts as a right answer from then on. Where there is
    /// nothing to compare nobody is asked.
    ///
    /// # Errors
    /// When a server does not answer or with a status that is not expected, or the answers differ: with both.
    pub fn agree(&self, suts: &[&ServerUnderTest], timeout: Duration) -> anyhow::Result<Expect> {
        let [first, others @ ..] = suts else {
            bail!("there is no server to ask")
        };
        if others.is_empty() || self.verify == Verify::None {
            return Ok(Expect {
                status: self.statuses,
                body: ExpectBody::Any,
            });
        }
        let answer = self.ask(first, timeout)?;
        for other in others {
            let theirs = self.ask(other, timeout)?;
            if !alike(&answer, &theirs, self.verify) {
                self.check_constant(first, &answer, timeout)?;
                bail!(
                    "{}: the servers answer differently, and so cannot be compared; if that is as it should be, compare the \
                     status only (--verify status; in a workload of loadgen.toml: verify = \"status\") or nothing \
                     (none)\n{}: {}{}\n{}: {}{}",
                    self.name,
                    first.label,
                    shown(&answer),
                    first.stderr_note(),
                    other.label,
                    shown(&theirs),
                    other.stderr_note()
                );
            }
        }
        std::thread::sleep(APART);
        self.check_constant(first, &answer, timeout)?;
        Ok(Expect {
            status: ExpectStatus::Exact(answer.status),
            body: match self.verify {
                Verify::Body if answer.is_whole() => ExpectBody::Exact(answer.body),
                Verify::Body => ExpectBody::Length(answer.body_bytes),
                Verify::Status | Verify::None => ExpectBody::Any,
            },
        })
    }

    /// Asks a server once.
    ///
    /// # Errors
    /// When it does not answer, or with a status that is not expected.
    pub fn ask(&self, sut: &ServerUnderTest, timeout: Duration) -> anyhow::Result<Answer> {
        let request = sut.request(self.request);
        let answer = engine::fetch_start(&sut.base_url, &request, KEPT_BYTES, timeout);
        let answer = answer.with_context(|| {
            format!(
                "{} does not answer {}{}",
                sut.label,
                self.name,
                sut.stderr_note()
            )
        })?;
        if !self.statuses.accepts(answer.status) {
            bail!(
                "{}: {} answers {}: that is no success (200 to 299); to measure it all the same, say that you expect \
                 {} (--expect {}; in a workload of loadgen.toml: expect = \"{}\"){}",
                self.name,
                sut.label,
                shown(&answer),
                answer.status,
                answer.status,
                answer.status,
                sut.stderr_note()
            );
        }
        Ok(answer)
    }

    fn check_constant(
        &self,
        sut: &ServerUnderTest,
        answer: &Answer,
        timeout: Duration,
    ) -> anyhow::Result<()> {
        if !alike(answer, &self.ask(sut, timeout)?, self.verify) {
            bail!(
                "{}: {} itself answers differently each time, so its answers cannot be compared: verify the status only \
                 (--verify status; in a workload of loadgen.toml: verify = \"status\"){}",
                self.name,
                sut.label,
                sut.stderr_note()
            );
        }
        Ok(())
    }
}

fn alike(a: &Answer, b: &Answer, verify: Verify) -> bool {
    let same_type = || match (a.header("content-type"), b.header("content-type")) {
        (Some(a), Some(b)) => same_media_type(a, b),
        (a, b) => a == b,
    };
    // What is whole in both is compared itself; of what is longer the beginning, the length and the hash.
    let same_body =
        || a.body == b.body && (a.body_bytes, a.body_hash) == (b.body_bytes, b.body_hash);
    match verify {
        Verify::None => true,
        Verify::Status => a.status == b.status,
        Verify::Body => a.status == b.status && same_body() && same_type(),
    }
}

fn shown(answer: &Answer) -> String {
    let body = String::from_utf8_lossy(&answer.body);
    let start: String = body.chars().take(SHOWN).collect();
    let rest = if (start.len() as u64) < answer.body_bytes {
        "…"
    } else {
        ""
    };
    let content_type = answer.header("content-type").unwrap_or("no content type");
    format!(
        "status {}, {content_type}, {} bytes: {start:?}{rest}",
        answer.status, answer.body_bytes
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, content_type: &str, body: &'static str) -> Answer {
        Answer {
            status,
            headers: vec![("content-type".to_owned(), content_type.to_owned())],
            body: body.into(),
            body_bytes: body.len() as u64,
            body_hash: 0,
        }
    }

    #[test]
    fn status_type_and_body_must_agree() {
        let text = answer(200, "text/plain; charset=utf-8", "a");
        let spelt = answer(200, "text/plain;charset=UTF-8", "a");
        assert!(alike(&text, &spelt, Verify::Body));
        for other in [
            answer(201, "text/plain; charset=utf-8", "a"),
            answer(200, "text/html", "a"),
            answer(200, "text/plain; charset=utf-8", "b"),
        ] {
            assert!(!alike(&text, &other, Verify::Body), "{other:?}");
            assert_eq!(alike(&text, &other, Verify::Status), other.status == 200);
            assert!(alike(&text, &other, Verify::None));
        }
    }

    #[test]
    fn long_answers_are_cut_in_messages() {
        let text: &'static str = Box::leak("ä".repeat(1000).into_boxed_str());
        let shown = shown(&answer(200, "text/plain", text));
        assert!(
            shown.ends_with("ä\"…") && shown.contains("2000 bytes"),
            "{shown}"
        );
    }
}
