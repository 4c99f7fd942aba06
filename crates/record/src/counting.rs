//! Which slice a request belongs to. Figures of two counting rules are never mixed: a pause that one rule counts,
//! the other loses.

use crate::run::COUNTING_RULE;

/// Figures that were counted by two rules.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "another counting rule: one counts a request in the slice {}, the other in the slice {}",
    words(.one),
    words(.other)
)]
pub struct MixedRules {
    one: String,
    other: String,
}

/// Fails where figures counted by one rule would be mixed with those of another.
///
/// # Errors
/// Then.
pub fn check_same(one: &str, other: &str) -> Result<(), MixedRules> {
    if one == other {
        return Ok(());
    }
    Err(MixedRules {
        one: one.to_owned(),
        other: other.to_owned(),
    })
}

fn words(rule: &str) -> String {
    match rule {
        "" => "in which it was done".to_owned(),
        COUNTING_RULE => "in which it was sent".to_owned(),
        other => format!("by the rule {other:?}, which this program does not know"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_do_not_mix_and_are_told_in_words() {
        assert_eq!(check_same("", ""), Ok(()));
        assert_eq!(check_same(COUNTING_RULE, COUNTING_RULE), Ok(()));
        let told = |one, other| check_same(one, other).unwrap_err().to_string();
        assert_eq!(
            told("", COUNTING_RULE),
            "another counting rule: one counts a request in the slice in which it was done, the other in the slice in which it was sent"
        );
        assert!(told(COUNTING_RULE, "later").contains("\"later\""));
    }
}
