//! Warming a server up: for a fixed time, or until its throughput has settled, as suits a JIT.

use std::time::Duration;

use anyhow::bail;
use engine::{Load, Measurement, Slice, SliceEnd, TargetId};
use record::Figure;
use record::contenders::WARMUP_FIGURE;

use crate::loader::Loader;
use crate::server_under_test::{Connects, ServerUnderTest, WarmedUp};

/// Between two looks at the throughput.
const STEP: Duration = Duration::from_millis(500);

/// How a server is warmed up.
#[derive(Debug, Clone, Copy)]
pub struct WarmUp {
    /// How long at most; zero for not at all.
    pub longest: Duration,
    /// Whether it ends earlier, once throughput has settled.
    pub until_settled: bool,
    /// The timeout of requests, where a server that answers nothing within it is not worth measuring.
    pub must_answer_within: Option<Duration>,
}

impl WarmUp {
    /// For a fixed time, whatever the server answers.
    pub fn fixed(time: Duration) -> Self {
        Self {
            longest: time,
            until_settled: false,
            must_answer_within: None,
        }
    }
}

/// What a warm-up left behind.
pub(crate) struct Ended {
    /// How it went.
    pub(crate) warmed_up: WarmedUp,
    /// How connecting went.
    pub(crate) connects: Connects,
    /// Mean response time at its end.
    pub(crate) mean_response: Option<Duration>,
    /// Longest time in which the server answered nobody.
    pub(crate) longest_silence: Duration,
    /// What was seen: it counts nowhere, but for errors that come later.
    pub(crate) seen: Measurement,
}

/// Loads a server for the time given, or, if that is wanted, only until its throughput has settled.
///
/// # Errors
/// When the load cannot go on, and when a server that must answer did not.
pub(crate) fn warm_up(
    loader: &mut dyn Loader,
    target: TargetId,
    load: Load,
    how: &WarmUp,
) -> anyhow::Result<Ended> {
    let (longest, until_settled) = (how.longest, how.until_settled);
    let step = if until_settled {
        STEP.min(longest)
    } else {
        longest
    };
    let mut throughputs = Vec::new();
    let mut ended = Ended {
        warmed_up: WarmedUp {
            time: Duration::ZERO,
            settled: until_settled.then_some(false),
        },
        connects: Connects::default(),
        mean_response: None,
        longest_silence: Duration::ZERO,
        seen: Measurement::default(),
    };
    while ended.warmed_up.time < longest {
        let outcome = loader.run_slice(&Slice {
            loads: vec![(target, load)],
            lead_in: Duration::ZERO,
            end: SliceEnd::After(step),
        })?;
        ended.warmed_up.time += step;
        let seen = outcome.loads.first();
        ended.mean_response = seen
            .and_then(|load| load.mean_latency)
            .or(ended.mean_response);
        let silence = seen.map_or(Duration::ZERO, |load| load.longest_silence);
        ended.longest_silence = ended.longest_silence.max(silence);
        throughputs.push(seen.map_or(0.0, |load| load.requests as f64));
        if until_settled && stats::warmup::has_settled(&throughputs) {
            ended.warmed_up.settled = Some(true);
            break;
        }
        if outcome.interrupted {
            break;
        }
    }
    ended.seen = loader.close_book(target)?;
    ended.connects.add(&ended.seen);
    if let Some(timeout) = how.must_answer_within {
        check_answered(&ended.seen, timeout)?;
    }
    Ok(ended)
}

/// What answers nothing in a whole timeout needs no measuring: every slice would be another silence.
fn check_answered(seen: &Measurement, timeout: Duration) -> anyhow::Result<()> {
    let timeouts = seen.errors.timeout;
    if !seen.has_answers() && timeouts > 0 && timeouts == seen.errors.total() {
        bail!(
            "it answered nothing while it was warmed up: {} timed out ({timeout:?} each); if it is that slow, give it \
             a longer --timeout",
            format::counted(timeouts, "request"),
        );
    }
    Ok(())
}

/// How long a server was warmed up, for its record; `None` when it was for a fixed time, which stands there
/// already.
pub fn figure(sut: &ServerUnderTest) -> Option<Figure> {
    let warmed_up = sut.warmed_up?;
    let label = if warmed_up.settled? {
        "warm-up, until throughput had settled"
    } else {
        "warm-up, throughput had not settled by then"
    };
    Some(Figure {
        name: WARMUP_FIGURE.to_owned(),
        value: Some(warmed_up.time.as_secs_f64()),
        unit: "s".to_owned(),
        label: label.to_owned(),
    })
}
