//! Both arms must answer alike: otherwise a faster one may just do less.

use anyhow::{Context as _, bail};
use engine::{Answer, Expect, ExpectBody, ExpectStatus, RequestClass};

use super::plan::WorkloadPlan;
use super::settings::Verify;
use crate::arm::Arm;

/// Characters of an answer that stand in a message.
const SHOWN: usize = 300;

/// Asks both arms and compares; what the engine then sends, and what it counts as a right answer.
///
/// # Errors
/// When an arm does not answer, answers with no success, or the two differ: with both answers.
pub fn verify(
    baseline: &Arm,
    candidate: &Arm,
    workload: &WorkloadPlan,
    timeout: std::time::Duration,
) -> anyhow::Result<RequestClass> {
    let ask = |arm: &Arm| ask(arm, workload, timeout);
    let (first, second) = (ask(baseline)?, ask(candidate)?);
    if !alike(&first, &second, workload.verify) {
        let name = &workload.name;
        if !alike(&first, &ask(baseline)?, workload.verify) {
            bail!(
                "{name}: the baseline itself answers differently each time, so the arms cannot be compared: \
                 set verify = \"status\" for this workload{}",
                baseline.stderr_note()
            );
        }
        bail!(
            "{name}: the arms answer differently, and so cannot be compared\nbaseline: {}{}\ncandidate: {}{}",
            shown(&first),
            baseline.stderr_note(),
            shown(&second),
            candidate.stderr_note()
        );
    }
    Ok(RequestClass {
        name: workload.name.clone(),
        weight: 1,
        request: workload.request.clone(),
        expect: Expect {
            status: ExpectStatus::Exact(first.status),
            body: match workload.verify {
                Verify::Body => ExpectBody::Exact(first.body),
                Verify::Status => ExpectBody::Any,
            },
        },
    })
}

fn ask(arm: &Arm, workload: &WorkloadPlan, timeout: std::time::Duration) -> anyhow::Result<Answer> {
    let answer = engine::fetch(&arm.base_url, &workload.request, timeout).with_context(|| {
        format!(
            "the {} does not answer {}{}",
            arm.label,
            workload.name,
            arm.stderr_note()
        )
    })?;
    if !(200..300).contains(&answer.status) {
        bail!(
            "{}: the {} answers {}: only successes (200 to 299) can be measured{}",
            workload.name,
            arm.label,
            shown(&answer),
            arm.stderr_note()
        );
    }
    Ok(answer)
}

fn alike(a: &Answer, b: &Answer, verify: Verify) -> bool {
    let same_body = || (a.header("content-type"), &a.body) == (b.header("content-type"), &b.body);
    a.status == b.status && (verify == Verify::Status || same_body())
}

fn shown(answer: &Answer) -> String {
    let body = String::from_utf8_lossy(&answer.body);
    let start: String = body.chars().take(SHOWN).collect();
    let rest = if start.len() < body.len() { "…" } else { "" };
    let content_type = answer.header("content-type").unwrap_or("no content type");
    format!(
        "status {}, {content_type}, {} bytes: {start:?}{rest}",
        answer.status,
        answer.body.len()
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
        }
    }

    #[test]
    fn status_type_and_body_must_agree() {
        let text = answer(200, "text/plain", "a");
        assert!(alike(&text, &text, Verify::Body));
        for other in [
            answer(201, "text/plain", "a"),
            answer(200, "text/html", "a"),
            answer(200, "text/plain", "b"),
        ] {
            assert!(!alike(&text, &other, Verify::Body), "{other:?}");
            assert_eq!(alike(&text, &other, Verify::Status), other.status == 200);
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
