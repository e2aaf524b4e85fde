//! JSON as Python writes it (pure).
//!
//! Python's encoder writes `NaN` and `Infinity` bare, which is not JSON. One odd variable of one participant must
//! not hide a whole session, so these words are read as texts.

use serde_json::Value;

/// Parses JSON, or JSON with Python's bare words in it. `None` for anything else.
pub(super) fn parse(body: &[u8]) -> Option<Value> {
    let mut value = serde_json::from_slice(body)
        .ok()
        .or_else(|| serde_json::from_str(&quoted(std::str::from_utf8(body).ok()?)).ok())?;
    drop_nul(&mut value);
    Some(value)
}

/// Takes the character out of all texts that Postgres cannot store.
fn drop_nul(value: &mut Value) {
    match value {
        Value::String(text) if text.contains('\0') => *text = text.replace('\0', ""),
        Value::Array(items) => items.iter_mut().for_each(drop_nul),
        Value::Object(fields) => {
            fields.retain(|name, _| !name.contains('\0'));
            fields.values_mut().for_each(drop_nul);
        }
        _ => {}
    }
}

/// The same text with `NaN`, `Infinity` and `-Infinity` in quotes where they stand outside of strings.
fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    let mut rest = text;
    while let Some(letter) = rest.chars().next() {
        let (taken, quote) = match letter {
            '"' => (string_end(rest), false),
            _ => match ["NaN", "-Infinity", "Infinity"].into_iter().find(|word| rest.starts_with(word)) {
                Some(word) => (word.len(), true),
                None => (letter.len_utf8(), false),
            },
        };
        let mark = if quote { "\"" } else { "" };
        out.extend([mark, &rest[..taken], mark]);
        rest = &rest[taken..];
    }
    out
}

/// Where the string that starts `text` ends.
fn string_end(text: &str) -> usize {
    let mut escaped = false;
    for (at, letter) in text.char_indices().skip(1) {
        match letter {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn pythons_bare_words_are_read_as_texts() {
        let body = r#"{"a": NaN, "b": [-Infinity, Infinity], "c": "NaN \" NaN", "é": 0.30}"#;
        let value = parse(body.as_bytes()).unwrap();
        assert_eq!(value["a"], json!("NaN"));
        assert_eq!(value["b"], json!(["-Infinity", "Infinity"]));
        assert_eq!(value["c"], json!("NaN \" NaN"));
        assert_eq!(value["é"].to_string(), "0.30");
    }

    #[test]
    fn what_postgres_cannot_store_is_taken_out() {
        let value = parse(br#"{"a": ["x\u0000y"], "b\u0000": 1, "c": "\\u0000"}"#).unwrap();
        assert_eq!(value, json!({"a": ["xy"], "c": "\\u0000"}));
    }

    #[test]
    fn what_is_not_json_is_nothing() {
        for body in ["", "<html>NaN</html>", "{\"a\": \"", "Not Found"] {
            assert_eq!(parse(body.as_bytes()), None, "{body}");
        }
        assert_eq!(parse(&[0xff, 0xfe]), None);
    }
}
