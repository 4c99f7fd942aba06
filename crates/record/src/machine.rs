//! Whether two environments are the same machine, and the same build. The one answer for every command: figures that are
//! merged, gone on with, banked, or held against each other across days.

use crate::run::Environment;

/// A fact that is another one there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Which, such as `processor`.
    pub what: &'static str,
    /// In the first environment.
    pub first: String,
    /// In the second one.
    pub second: String,
}

/// A fact of an environment; `None` where it is not known.
type Fact = (&'static str, fn(&Environment) -> Option<String>);

/// What a machine is. A patch of its kernel does not make it another one, a new series does; memory is rounded, because the
/// kernel keeps another part of it for itself at every start.
const MACHINE: [Fact; 6] = [
    ("processor", |it| it.cpu.clone()),
    ("number of cores", |it| Some(it.cores.to_string())),
    ("memory", |it| it.memory_bytes.map(rounded_gibibytes)),
    ("architecture", |it| Some(it.arch.clone())),
    ("operating system", |it| Some(it.os.clone())),
    ("kernel series", |it| kernel_series(it).map(str::to_owned)),
];

/// What a build is, as far as speed goes.
const BUILD: [Fact; 1] = [("build profile", |it| {
    let optimised = if it.optimised { "" } else { ", not optimised" };
    Some(format!("{}{optimised}", it.build_profile))
})];

/// What makes two machines different; nothing for one machine.
pub fn differences(first: &Environment, second: &Environment) -> Vec<Difference> {
    differing(&MACHINE, first, second)
}

/// What makes figures of two builds of the program not comparable.
pub fn build_differences(first: &Environment, second: &Environment) -> Vec<Difference> {
    differing(&BUILD, first, second)
}

/// Whether two environments are of the same machine.
pub fn is_same(first: &Environment, second: &Environment) -> bool {
    differences(first, second).is_empty()
}

/// What is alike in both only because neither knows it.
pub fn unknown(first: &Environment, second: &Environment) -> Vec<&'static str> {
    let neither = |fact: &&Fact| fact.1(first).is_none() && fact.1(second).is_none();
    MACHINE.iter().filter(neither).map(|fact| fact.0).collect()
}

fn differing(facts: &[Fact], first: &Environment, second: &Environment) -> Vec<Difference> {
    let text = |fact: Option<String>| fact.unwrap_or_else(|| "unknown".to_owned());
    let both = facts.iter().map(|(what, of)| Difference {
        what,
        first: text(of(first)),
        second: text(of(second)),
    });
    both.filter(|it| it.first != it.second).collect()
}

fn rounded_gibibytes(bytes: u64) -> String {
    format!("{} GiB", (bytes as f64 / 1024.0_f64.powi(3)).round())
}

/// The kernel's series, such as `6.1` of `6.1.0-18-amd64`.
fn kernel_series(environment: &Environment) -> Option<&str> {
    let kernel = environment.kernel.as_deref()?;
    let second_dot = kernel.match_indices('.').nth(1).map(|(at, _)| at);
    Some(&kernel[..second_dot.unwrap_or(kernel.len())])
}

impl std::fmt::Display for Difference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Difference {
            what,
            first,
            second,
        } = self;
        write!(f, "another {what}: {first} and {second}")
    }
}

/// Differences in one line.
pub fn listed(differences: &[Difference]) -> String {
    let each: Vec<String> = differences.iter().map(Difference::to_string).collect();
    format::list(&each)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn here() -> Environment {
        Environment {
            cpu: Some("A".to_owned()),
            cores: 2,
            memory_bytes: Some(25_000_000_000),
            os: "linux".to_owned(),
            arch: "x86_64".to_owned(),
            kernel: Some("6.1.0-18-amd64".to_owned()),
            build_profile: "release".to_owned(),
            optimised: true,
            ..Environment::default()
        }
    }

    #[test]
    fn a_patch_of_the_kernel_and_a_page_of_memory_make_no_other_machine() {
        let patched = Environment {
            kernel: Some("6.1.99".to_owned()),
            memory_bytes: Some(25_000_004_096),
            ..here()
        };
        assert!(is_same(&here(), &patched));
    }

    #[test]
    fn each_fact_of_a_machine_makes_another_one() {
        type Change = fn(&mut Environment);
        let changes: [(&str, Change); 6] = [
            ("processor", |it| it.cpu = None),
            ("number of cores", |it| it.cores = 4),
            ("memory", |it| it.memory_bytes = Some(8 << 30)),
            ("architecture", |it| it.arch = "aarch64".to_owned()),
            ("operating system", |it| it.os = "macos".to_owned()),
            ("kernel series", |it| it.kernel = Some("6.12.1".to_owned())),
        ];
        for (what, change) in changes {
            let mut there = here();
            change(&mut there);
            let found = differences(&here(), &there);
            assert_eq!(found.len(), 1, "{found:?}");
            assert_eq!(found[0].what, what);
            assert!(build_differences(&here(), &there).is_empty());
        }
    }

    #[test]
    fn a_build_that_was_not_optimised_is_another_one() {
        let mut there = here();
        there.optimised = false;
        let found = listed(&build_differences(&here(), &there));
        assert_eq!(
            found,
            "another build profile: release and release, not optimised"
        );
        assert!(is_same(&here(), &there));
    }

    #[test]
    fn what_neither_knows_is_told() {
        let mut there = here();
        there.cpu = None;
        assert_eq!(unknown(&there, &there), ["processor"]);
        assert!(unknown(&there, &here()).is_empty());
    }

    #[test]
    fn odd_kernel_names_are_their_own_series() {
        for (kernel, series) in [("6.1", "6.1"), ("weird", "weird"), ("", "")] {
            let environment = Environment {
                kernel: Some(kernel.to_owned()),
                ..Environment::default()
            };
            assert_eq!(kernel_series(&environment), Some(series));
        }
    }
}
