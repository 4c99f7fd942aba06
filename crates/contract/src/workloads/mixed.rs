//! Mostly `GET /`, now and then `GET /cpu`: what heavy requests do to light ones.

use super::{cpu, hello};
use crate::{
    Class, Definition, Expectation, Scenario,
    definition::{Mode, Request},
    params::ParamError,
};

const LIGHT_PERCENT: u32 = 95;

fn classes(mode: &Mode, parameters: &str) -> Result<Vec<Class>, ParamError> {
    let [mut heavy] = <[Class; 1]>::try_from(mode.get("cpu", parameters, cpu::expectation)?)
        .unwrap_or_else(|_| unreachable!("`get` gives one class"));
    heavy.share_percent = 100 - LIGHT_PERCENT;
    let light = Class {
        name: "hello",
        share_percent: LIGHT_PERCENT,
        request: Request::get("/", ""),
        expectation: Expectation::from(hello::answer("")?),
    };
    Ok(vec![light, heavy])
}

pub(crate) const DEFINITION: Definition = Definition {
    name: "mixed",
    summary: "95 % hello, 5 % cpu: what heavy requests do to light ones",
    modes: &[
        Mode {
            name: "inline",
            summary: "computed in the handler",
            path: "/cpu",
            query: "mode=inline",
        },
        Mode {
            name: "offload",
            summary: "computed on threads kept for it",
            path: "/cpu",
            query: "mode=offload",
        },
    ],
    scenario: Scenario::Plain,
    lacking: &[],
    classes,
};
