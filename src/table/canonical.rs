//! Paths that every router reads alike.

/// What makes a path one that two programs may read differently (RFC 3986 §6.2.2, RFC 9110 §4.2.3).
///
/// Where a path names one thing in one way, whoever decides about it and whoever serves it mean the same. What has several
/// ways is refused, instead of guessing which of them the router takes.
pub(crate) fn ambiguity(path: &str) -> Option<&'static str> {
    if is_plain(path) {
        return None;
    }
    let Some(rest) = path.strip_prefix('/') else { return Some("the path does not begin with a slash") };
    let mut segments = rest.split('/').peekable();
    while let Some(segment) = segments.next() {
        match segment {
            // At the end it is a trailing slash: another path, and no way to write the same.
            "" if segments.peek().is_some() => return Some("the path has an empty segment"),
            "." | ".." => return Some("the path has a dot segment"),
            _ => {}
        }
    }
    let mut bytes = rest.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'%' => match (bytes.next().and_then(digit), bytes.next().and_then(digit)) {
                (Some(high), Some(low)) => match high << 4 | low {
                    b'/' | b'\\' => return Some("the path has an encoded slash"),
                    0..=0x1F | 0x7F => return Some("the path has an encoded control character"),
                    b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                        return Some(
                            "the path has an encoded letter, digit, hyphen, dot, underscore or tilde",
                        );
                    }
                    _ => {}
                },
                _ => return Some("the path has a percent sign that encodes nothing"),
            },
            b'\\' => return Some("the path has a backslash"),
            byte if is_path_character(byte) => {}
            _ => return Some("the path has a character that should be encoded"),
        }
    }
    None
}

/// Whether there is nothing in the path that needs a second look, as in nearly all of them.
fn is_plain(path: &str) -> bool {
    let mut behind_slash = false;
    path.starts_with('/')
        && path.bytes().all(|byte| {
            let fine = match byte {
                b'/' | b'.' => !behind_slash,
                byte => is_path_character(byte),
            };
            behind_slash = byte == b'/';
            fine
        })
}

/// RFC 3986 §3.3: `pchar`, and the slash; without what begins an encoding.
fn is_path_character(byte: u8) -> bool {
    matches!(byte, b'!' | b'$' | b'&'..=b';' | b'=' | b'@'..=b'Z' | b'_' | b'a'..=b'z' | b'~')
}

fn digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => byte.checked_sub(b'0'),
        b'a'..=b'f' => byte.checked_sub(b'a')?.checked_add(10),
        b'A'..=b'F' => byte.checked_sub(b'A')?.checked_add(10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_that_can_be_written_in_two_ways_is_refused_in_all_but_one() {
        // covers: POL-007
        for path in [
            "/",
            "/a",
            "/a/",
            "/a/b",
            "/A",
            "/a;x=1",
            "/a%20b",
            "/%C3%A9",
            "/%c3%a9",
            "/a:b@c",
            "/...",
            "/a..b",
            "/%25",
            "/%3F",
            "/%3b",
            "/!$&'()*+,;=",
            "/-._~",
        ] {
            assert_eq!(ambiguity(path), None, "{path}");
        }
        assert!(is_plain("/a/b-c/7.json") && !is_plain("/a/.well-known"));
        for path in [
            "",
            "*",
            "a",
            "a/b",
            "//",
            "//a",
            "/a//b",
            "/a//",
            "/.",
            "/..",
            "/a/./b",
            "/a/../b",
            "/a/..",
            "/%61",
            "/%2e",
            "/%2E%2e/a",
            "/a%2fb",
            "/a%2Fb",
            "/a%5Cb",
            "/a%5cb",
            "/a\\b",
            "/%",
            "/%4",
            "/%zz",
            "/%+1",
            "/%00",
            "/%0a",
            "/%7f",
            "/%7E",
            "/é",
            "/a b",
            "/a\tb",
            "/%2D",
            "/%30",
            "/a\"b",
            "/a<b",
            "/a>b",
            "/a[b",
            "/a]b",
            "/a^b",
            "/a`b",
            "/{a}",
            "/a|b",
            "/a#b",
            "/a?b",
        ] {
            assert!(ambiguity(path).is_some(), "{path}");
        }
    }
}
