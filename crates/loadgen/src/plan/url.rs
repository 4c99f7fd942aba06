//! URLs in the two parts that a load generator needs.

use anyhow::bail;

/// Splits a URL into its base and its path with query. The fragment never leaves a client.
pub(super) fn split(url: &str) -> anyhow::Result<(String, String)> {
    let without_fragment = url.split('#').next().unwrap_or_default();
    let Some(start) = without_fragment.find("://").map(|at| at + 3) else {
        bail!("{url:?} is not a URL")
    };
    let end = without_fragment[start..]
        .find(['/', '?'])
        .map_or(without_fragment.len(), |at| start + at);
    let (base, path) = without_fragment.split_at(end);
    if base.len() == start || base.contains(char::is_whitespace) || base.contains('@') {
        bail!("{url:?} has no host that can be used");
    }
    if path.contains(|c: char| c.is_whitespace() || c.is_control() || !c.is_ascii()) {
        bail!("{url:?} has characters in its path that must be percent-encoded");
    }
    let path = if path.starts_with('/') {
        path.to_owned()
    } else {
        format!("/{path}")
    };
    Ok((base.to_owned(), path))
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn splitting_urls_never_panics_and_loses_nothing(rest in "[a-z0-9:./?=&-]{1,30}") {
            if let Ok((base, path)) = split(&format!("http://{rest}")) {
                let joined = format!("{base}{path}").replace("/?", "?");
                let original = format!("http://{rest}").replace("/?", "?");
                proptest::prop_assert_eq!(joined.trim_end_matches('/'), original.trim_end_matches('/'));
            }
        }
    }
}
