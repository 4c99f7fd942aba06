//! Text from outside made safe for a page: the one place, for every part of a page.

/// Text from outside as text, in an element or in a quoted attribute.
pub(crate) fn html(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            '\n' => escaped.push('\n'),
            c if c.is_control() => escaped.push('\u{fffd}'),
            c => escaped.push(c),
        }
    }
    escaped
}

/// JSON whose strings hold no character that steers a terminal: JSON itself escapes the older ones only.
pub(crate) fn json(text: String) -> String {
    let steers = |c: char| c.is_control() && c > '\u{1f}';
    if !text.contains(steers) {
        return text;
    }
    let escaped = |c: char| match steers(c) {
        true => format!("\\u{:04x}", u32::from(c)),
        false => c.to_string(),
    };
    text.chars().map(escaped).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_reads_back_as_it_was() {
        let text = "a\u{1b}\u{7f}\u{9b}ü\n";
        let spelt = json(serde_json::to_string(text).expect("a string"));
        assert_eq!(spelt, r#""a\u001b\u007f\u009bü\n""#);
        assert_eq!(serde_json::from_str::<String>(&spelt).expect("JSON"), text);
    }
}
