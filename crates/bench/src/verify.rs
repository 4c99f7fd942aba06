//! Whether a server answers what it should, before anything is measured.

use std::time::Duration;

use anyhow::Context as _;
use contract::Class;
use engine::Request;

use crate::server_under_test::ServerUnderTest;
use crate::work::{self, Work};

/// Asks once for each class of answer and compares it whole, before anything is measured.
///
/// # Errors
/// When the server does not answer, or not what the contract says: with both.
pub fn verify(sut: &ServerUnderTest, work: &Work, timeout: Duration) -> anyhow::Result<()> {
    match work {
        Work::Contract(workload) => {
            let mut classes = workload.classes().iter();
            classes.try_for_each(|class| check_class(sut, class, timeout))
        }
        Work::Own(own) => own.question(&own.name()).ask(sut, timeout).map(drop),
    }
}

/// Asks once and compares the answer with what the contract says.
///
/// # Errors
/// When there is none, or another one: with both.
pub fn check_class(sut: &ServerUnderTest, class: &Class, timeout: Duration) -> anyhow::Result<()> {
    let answer = ask(sut, &work::request(class), timeout)?;
    class
        .check(answer.status, answer.header("content-type"), &answer.body)
        .with_context(|| {
            format!(
                "{} answers {} {} wrongly; to ask a server of your own for what it has, name its path: --path /",
                sut.label, class.request.method, class.request.target
            )
        })
}

fn ask(
    sut: &ServerUnderTest,
    request: &Request,
    timeout: Duration,
) -> anyhow::Result<engine::Answer> {
    engine::fetch(&sut.base_url, &sut.request(request), timeout).with_context(|| {
        format!(
            "{} does not answer {} {}",
            sut.label, request.method, request.path
        )
    })
}
