use http::HeaderValue;

/// `Authorization` with the token of this text. A text that could be more than a token is none.
pub(crate) fn bearer_field(text: &str) -> Option<HeaderValue> {
    let token = text.trim_ascii_end();
    let visible = !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic());
    let mut field = HeaderValue::try_from(format!("Bearer {token}")).ok().filter(|_| visible)?;
    field.set_sensitive(true);
    Some(field)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_visible_ascii_with_nothing_but_space_behind_it() {
        for text in ["a.b.c", "a.b.c\n", "a.b.c \t\r\n\n"] {
            let field = bearer_field(text).unwrap();
            assert_eq!(field, "Bearer a.b.c");
            assert_eq!(format!("{field:?}"), "Sensitive");
        }
        for text in
            ["", "\n", " a", "\u{feff}a", "a b", "a\nb", "a\r\nX: y", "a\0", "a\u{7f}", "\u{e9}", "a\u{a0}"]
        {
            assert_eq!(bearer_field(text), None, "{text:?}");
        }
    }
}
