//! Placeholders in a manifest: `{name}` stands for something known only here and now.

use anyhow::bail;

/// Replaces each `{name}` in `text` by what `value_of` says it stands for.
///
/// # Errors
/// When it stands for nothing, or a brace is not closed.
pub(crate) fn fill(
    text: &str,
    value_of: &dyn Fn(&str) -> Option<String>,
) -> anyhow::Result<String> {
    let mut filled = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        filled += before;
        let Some((name, after)) = after.split_once('}') else {
            bail!("{text:?}: a `{{` is not closed");
        };
        let Some(value) = value_of(name) else {
            bail!("{text:?}: there is nothing called `{{{name}}}`");
        };
        filled += &value;
        rest = after;
    }
    filled += rest;
    Ok(filled)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn upper(name: &str) -> Option<String> {
        (name != "unknown").then(|| name.to_uppercase())
    }

    #[test]
    fn names_in_braces_are_replaced_once() {
        assert_eq!(fill("a{b}c{d}", &upper).unwrap(), "aBcD");
        assert_eq!(fill("no braces }", &upper).unwrap(), "no braces }");
        let braces = |_: &str| Some("{port}".to_owned());
        assert_eq!(fill("{x}", &braces).unwrap(), "{port}");
    }

    #[test]
    fn what_stands_for_nothing_is_an_error() {
        for (text, told) in [("{unknown}", "`{unknown}`"), ("a{b", "not closed")] {
            let error = fill(text, &upper).expect_err(text).to_string();
            assert!(error.contains(told), "{error}");
        }
    }

    proptest::proptest! {
        #[test]
        fn text_without_braces_stays(text in "[^{]{0,40}") {
            proptest::prop_assert_eq!(fill(&text, &upper).unwrap(), text);
        }
    }
}
