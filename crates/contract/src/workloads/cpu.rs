//! `GET /cpu`: nothing but computing.

use serde::Serialize;

use crate::{
    Answer, Definition, Expectation, Scenario,
    definition::Mode,
    kernel,
    params::{Choice, ParamError, Query},
};

/// Units computed between two yields.
pub const UNITS_PER_YIELD: u64 = 100;

/// Where it is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// In the handler.
    Inline,
    /// On threads kept for computing.
    Offload,
    /// In the handler, which yields every [`UNITS_PER_YIELD`] units.
    Yield,
}

impl Choice for Place {
    const ALL: &'static [(&'static str, Self)] = &[
        ("inline", Self::Inline),
        ("offload", Self::Offload),
        ("yield", Self::Yield),
    ];
}

/// How much, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Params {
    /// Units of the kernel; up to a second.
    pub units: u64,
    /// Where.
    pub mode: Place,
}

impl Params {
    /// Reads the query.
    ///
    /// # Errors
    ///
    /// [`ParamError`] for what can't be taken.
    pub fn parse(query: &str) -> Result<Self, ParamError> {
        let query = Query::new(query, &["units", "mode"])?;
        Ok(Self {
            units: query.number("units", 1000, 0..=1_000_000)?,
            mode: query.choice("mode")?,
        })
    }

    /// How many units to compute at a time, for one who yields in between.
    pub fn portions(self) -> impl Iterator<Item = u64> {
        let whole = self.units / UNITS_PER_YIELD;
        let rest = self.units % UNITS_PER_YIELD;
        (0..whole)
            .map(|_| UNITS_PER_YIELD)
            .chain((rest > 0).then_some(rest))
    }
}

#[derive(Serialize)]
struct Computed {
    units: u64,
    checksum: u32,
}

/// The answer.
pub fn answer(units: u64, checksum: u32) -> Answer {
    Answer::json(&Computed { units, checksum })
}

pub(super) fn expectation(query: &str) -> Result<Expectation, ParamError> {
    let units = Params::parse(query)?.units;
    Ok(Expectation::from(answer(units, kernel::compute(units))))
}

pub(crate) const DEFINITION: Definition = Definition {
    name: "cpu",
    summary: "computing only, about 1 ms: async gives nothing here, and need not cost much",
    modes: &[
        Mode {
            name: "inline",
            summary: "in the handler",
            path: "/cpu",
            query: "mode=inline",
        },
        Mode {
            name: "offload",
            summary: "on threads kept for computing",
            path: "/cpu",
            query: "mode=offload",
        },
        Mode {
            name: "yield",
            summary: "in the handler, yielding every 100 units",
            path: "/cpu",
            query: "mode=yield",
        },
    ],
    scenario: Scenario::Plain,
    lacking: &[],
    classes: |mode, parameters| mode.get("cpu", parameters, expectation),
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_portions_add_up() {
        for units in [0, 1, 100, 101, 1000] {
            let params = Params {
                units,
                mode: Place::Yield,
            };
            assert_eq!(params.portions().sum::<u64>(), units);
            assert!(
                params
                    .portions()
                    .all(|portion| (1..=UNITS_PER_YIELD).contains(&portion))
            );
        }
    }

    #[test]
    fn the_checksum_is_part_of_the_answer() {
        let expectation = expectation("units=1&mode=yield").unwrap();
        let checksum = kernel::compute(1);
        let body = format!("{{\"units\":1,\"checksum\":{checksum}}}");
        assert_eq!(expectation.constant_body(), Some(body.as_bytes()));
    }
}
