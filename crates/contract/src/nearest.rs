//! What a mistyped name was meant to be.

use std::fmt;

/// The name that one probably meant, as the part of a message behind the wrong one: ` (did you mean `hello`?)`, or
/// nothing where no name is near.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DidYouMean<'a>(pub Option<&'a str>);

impl fmt::Display for DidYouMean<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(name) => write!(f, " (did you mean `{name}`?)"),
            None => Ok(()),
        }
    }
}

/// Of names that there are, the one that differs from a word by the fewest letters typed wrongly, left out, added or
/// exchanged: by a third of them at most.
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> DidYouMean<'a> {
    let letters = |text: &str| text.chars().count();
    let distances = known.into_iter().filter_map(|name| {
        let distance = strsim::damerau_levenshtein(&word.to_lowercase(), &name.to_lowercase());
        (distance * 3 <= letters(word).max(letters(name))).then_some((distance, name))
    });
    DidYouMean(
        distances
            .min_by_key(|(distance, _)| *distance)
            .map(|(_, name)| name),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_understood_and_another_word_is_not() {
        let known = ["sync", "sync-pool", "async-bare", "async"];
        for (word, meant) in [
            ("asynch", Some("async")),
            ("snyc", Some("sync")),
            ("syncpool", Some("sync-pool")),
            ("Async", Some("async")),
            ("async_bare", Some("async-bare")),
            ("tomcat", None),
            ("", None),
        ] {
            assert_eq!(nearest(word, known).0, meant, "{word}");
        }
        assert_eq!(
            nearest("snyc", known).to_string(),
            " (did you mean `sync`?)"
        );
        assert_eq!(nearest("tomcat", known).to_string(), "");
    }
}
