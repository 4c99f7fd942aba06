//! All workloads: what to send, what must come back, and what each shows.

use std::{fmt, str::FromStr, time::Duration};

use crate::{
    ParamError,
    definition::{Class, Definition, Mode},
    nearest::{DidYouMean, nearest},
    workloads,
};

/// A workload as one asks for it: `NAME[:MODE][?PARAMETERS]`.
#[derive(Debug, Clone)]
pub struct Workload {
    definition: &'static Definition,
    mode: &'static Mode,
    parameters: String,
    classes: Vec<Class>,
}

/// Why a text names no workload.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WorkloadError {
    /// There is none of that name.
    #[error("there is no workload `{name}`{meant}; choose one of {known}")]
    Name {
        /// What was asked for.
        name: String,
        /// What was probably meant.
        meant: DidYouMean<'static>,
        /// Those there are.
        known: String,
    },
    /// It has no such mode.
    #[error("workload `{workload}` has no mode `{mode}`{meant}; choose one of {known}")]
    Mode {
        /// The workload.
        workload: &'static str,
        /// What was asked for.
        mode: String,
        /// What was probably meant.
        meant: DidYouMean<'static>,
        /// Those there are.
        known: String,
    },
    /// Its parameters are wrong.
    #[error("workload `{workload}`: {error}")]
    Parameter {
        /// The workload.
        workload: &'static str,
        /// What is wrong.
        error: ParamError,
    },
}

impl Definition {
    /// All workloads, in the order in which they are listed.
    pub const ALL: &'static [&'static Self] = workloads::ALL;
}

impl Workload {
    /// What it is a variant of.
    pub fn definition(&self) -> &'static Definition {
        self.definition
    }

    /// Its name, without mode and parameters.
    pub fn name(&self) -> &'static str {
        self.definition.name
    }

    /// Its mode.
    pub fn mode(&self) -> &'static Mode {
        self.mode
    }

    /// What it shows, in a line.
    pub fn summary(&self) -> &'static str {
        self.definition.summary
    }

    /// What is sent and must come back; at least one class.
    pub fn classes(&self) -> &[Class] {
        &self.classes
    }

    /// How long an answer takes at least, on average over the classes.
    pub fn wait(&self) -> Duration {
        let part = |class: &Class| class.expectation.wait * class.share_percent / 100;
        self.classes.iter().map(part).sum()
    }

    /// Why a built-in server does not have it, if it does not.
    pub fn lacking(&self, server: &str) -> Option<&'static str> {
        let lacking = self.definition.lacking;
        lacking
            .iter()
            .find(|lacking| lacking.server == server)
            .map(|lacking| lacking.reason)
    }
}

/// As it was asked for, the default mode not named.
impl fmt::Display for Workload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.definition.name)?;
        if !self.mode.name.is_empty() {
            write!(f, ":{}", self.mode.name)?;
        }
        if !self.parameters.is_empty() {
            write!(f, "?{}", self.parameters)?;
        }
        Ok(())
    }
}

impl FromStr for Workload {
    type Err = WorkloadError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (label, parameters) = text.split_once('?').unwrap_or((text, ""));
        let (name, mode) = match label.split_once(':') {
            Some((name, mode)) => (name, Some(mode)),
            None => (label, None),
        };
        let known = Definition::ALL
            .iter()
            .find(|definition| definition.name == name);
        let &definition = known.ok_or_else(|| WorkloadError::Name {
            name: name.to_owned(),
            meant: nearest(
                name,
                Definition::ALL.iter().map(|definition| definition.name),
            ),
            known: names(Definition::ALL.iter().map(|definition| definition.name)),
        })?;
        let known = match mode {
            Some(mode) => definition.modes.iter().find(|known| known.name == mode),
            None => definition.modes.first(),
        };
        let mode = known.ok_or_else(|| WorkloadError::Mode {
            workload: definition.name,
            mode: mode.unwrap_or_default().to_owned(),
            meant: nearest(mode.unwrap_or_default(), definition.mode_names()),
            known: names(definition.mode_names().into_iter()),
        })?;
        let classes = (definition.classes)(mode, parameters);
        Ok(Self {
            definition,
            mode,
            parameters: parameters.to_owned(),
            classes: classes.map_err(|error| WorkloadError::Parameter {
                workload: definition.name,
                error,
            })?,
        })
    }
}

fn names(names: impl Iterator<Item = &'static str>) -> String {
    let names: Vec<&str> = names.collect();
    if names.is_empty() {
        "none".to_owned()
    } else {
        names.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every workload in every mode.
    fn all() -> impl Iterator<Item = Workload> {
        Definition::ALL.iter().flat_map(|definition| {
            definition.modes.iter().map(|mode| {
                let separator = if mode.name.is_empty() { "" } else { ":" };
                let label = format!("{}{separator}{}", definition.name, mode.name);
                label
                    .parse()
                    .unwrap_or_else(|error| panic!("{label}: {error}"))
            })
        })
    }

    #[test]
    fn every_workload_has_its_route_and_says_what_it_shows() {
        for workload in all() {
            assert!(!workload.summary().is_empty(), "{workload}");
            let shares: u32 = workload
                .classes()
                .iter()
                .map(|class| class.share_percent)
                .sum();
            assert_eq!(shares, 100, "{workload}");
            for class in workload.classes() {
                let path = class.request.target.split('?').next().unwrap();
                let route =
                    crate::Route::find(path).unwrap_or_else(|| panic!("{workload}: {path}"));
                assert!(route.takes(class.request.method), "{workload}");
            }
            let again: Workload = workload.to_string().parse().unwrap();
            assert_eq!(again.to_string(), workload.to_string());
        }
    }

    #[test]
    fn parameters_reach_the_request_and_the_expectation() {
        let workload: Workload = "work?bytes=3".parse().unwrap();
        let [class] = workload.classes() else {
            panic!("one class");
        };
        assert_eq!(class.request.target, "/work?bytes=3");
        assert_eq!(class.expected_body(), Some(&b"xxx"[..]));
    }

    #[test]
    fn errors_name_what_there_is() {
        let error = |text: &str| text.parse::<Workload>().unwrap_err().to_string();
        assert!(
            error("nothing").starts_with("there is no workload `nothing`; choose one of hello, ")
        );
        assert_eq!(
            error("waits:backwards"),
            "workload `waits` has no mode `backwards`; choose one of sequential, concurrent"
        );
        assert!(error("hello:x").ends_with("choose one of none"));
        assert!(
            error("work?bytes=x").starts_with("workload `work`: parameter `bytes` has value `x`")
        );
    }
}
