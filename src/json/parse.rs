use super::document::{Document, Node, Object};

/// How deep arrays and objects may nest. An access token nests two or three levels.
const MAX_DEPTH: u8 = 16;

/// How member names begin that are no names to `serde_json`: with some of its features, an object with such a member is
/// read as something else. What we read and what a type of the user's is made of would be two documents.
const RESERVED: &str = concat!("$serde_json", "::private::");

/// Why a text is not a document we read.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum JsonError {
    #[error("not valid JSON")]
    Syntax,
    #[error("a member name occurs twice in one object")]
    DuplicateName,
    #[error("a member name begins with `{RESERVED}`")]
    ReservedName,
    #[error("arrays and objects nest deeper than {MAX_DEPTH} levels")]
    TooDeep,
}

/// A text of half of what `u32` can count: positions in it, and in what its strings unescape to, fit.
const MAX_LENGTH: usize = (u32::MAX / 2) as usize;

impl Document {
    pub(crate) fn parse(text: impl Into<String>) -> Result<Self, JsonError> {
        let text = text.into();
        if text.len() > MAX_LENGTH {
            return Err(JsonError::Syntax);
        }
        let mut parser = Parser {
            text: &text,
            // One node for about eight bytes of text: one allocation for a usual token, and never more than a
            // small multiple of the text, whose size every caller has capped.
            nodes: Vec::with_capacity((text.len() / 8).saturating_add(8)),
            unescaped: String::new(),
            suspects: Vec::new(),
        };
        let rest = parser.value(text.as_bytes(), 0)?;
        if !token(rest).is_empty() {
            return Err(JsonError::Syntax);
        }
        let Parser { nodes, unescaped, suspects, .. } = parser;
        let document = Self { text, nodes, unescaped };
        // RFC 7519 §4, RFC 7515 §4.
        let object = |at| document.at(at).as_object();
        if suspects.into_iter().filter_map(object).any(Object::has_duplicate_names) {
            return Err(JsonError::DuplicateName);
        }
        Ok(document)
    }
}

/// A reader of RFC 8259, recursive as its grammar is. Each step takes what is left of the text and gives back what it
/// leaves.
struct Parser<'t> {
    text: &'t str,
    nodes: Vec<Node>,
    unescaped: String,
    /// The objects whose names have to be compared; mostly none.
    suspects: Vec<usize>,
}

impl<'t> Parser<'t> {
    fn value(&mut self, rest: &'t [u8], depth: u8) -> Result<&'t [u8], JsonError> {
        let text = token(rest);
        let (node, rest) = match text {
            [b'"', rest @ ..] => return self.string(rest),
            [b'{', rest @ ..] => return self.object(rest, depth),
            [b'[', rest @ ..] => return self.array(rest, depth),
            [b't', b'r', b'u', b'e', rest @ ..] => (Node::Bool(true), rest),
            [b'f', b'a', b'l', b's', b'e', rest @ ..] => (Node::Bool(false), rest),
            [b'n', b'u', b'l', b'l', rest @ ..] => (Node::Null, rest),
            _ => return self.number(text),
        };
        self.nodes.push(node);
        Ok(rest)
    }

    /// What follows an opening brace.
    fn object(&mut self, rest: &'t [u8], depth: u8) -> Result<&'t [u8], JsonError> {
        let at = self.open(depth)?;
        let (mut marks, mut suspect) = (0, false);
        let mut rest = token(rest);
        if let [b'}', after @ ..] = rest {
            rest = after;
        } else {
            loop {
                let [b'"', name @ ..] = rest else { return Err(JsonError::Syntax) };
                rest = self.string(name)?;
                let name = self.last_name();
                if name.starts_with(RESERVED) {
                    return Err(JsonError::ReservedName);
                }
                let mark = mark(name);
                suspect |= marks & mark != 0;
                marks |= mark;
                let [b':', value @ ..] = token(rest) else { return Err(JsonError::Syntax) };
                rest = token(self.value(value, depth.saturating_add(1))?);
                match rest {
                    [b',', after @ ..] => rest = token(after),
                    [b'}', after @ ..] => {
                        rest = after;
                        break;
                    }
                    _ => return Err(JsonError::Syntax),
                }
            }
        }
        if suspect {
            self.suspects.push(at);
        }
        let end = self.nodes.len();
        self.close(at, Node::Object { end });
        Ok(rest)
    }

    /// What follows an opening bracket.
    fn array(&mut self, rest: &'t [u8], depth: u8) -> Result<&'t [u8], JsonError> {
        let at = self.open(depth)?;
        let mut rest = token(rest);
        if let [b']', after @ ..] = rest {
            rest = after;
        } else {
            loop {
                rest = token(self.value(rest, depth.saturating_add(1))?);
                match rest {
                    [b',', after @ ..] => rest = after,
                    [b']', after @ ..] => {
                        rest = after;
                        break;
                    }
                    _ => return Err(JsonError::Syntax),
                }
            }
        }
        let end = self.nodes.len();
        self.close(at, Node::Array { end });
        Ok(rest)
    }

    /// Reserves the node of a container, whose end is not known yet.
    fn open(&mut self, depth: u8) -> Result<usize, JsonError> {
        if depth >= MAX_DEPTH {
            return Err(JsonError::TooDeep);
        }
        let at = self.nodes.len();
        self.nodes.push(Node::Null);
        Ok(at)
    }

    fn close(&mut self, at: usize, node: Node) {
        if let Some(open) = self.nodes.get_mut(at) {
            *open = node;
        }
    }

    fn last_name(&self) -> &str {
        let string = |node: &Node| node.string(self.text, &self.unescaped);
        self.nodes.last().and_then(string).unwrap_or_default()
    }

    /// What follows an opening quote.
    fn string(&mut self, text: &'t [u8]) -> Result<&'t [u8], JsonError> {
        let end = plain(text);
        let [b'"', rest @ ..] = end else { return self.string_with_escapes(text) };
        self.nodes.push(Node::Plain { start: self.at(text), end: self.at(end) });
        Ok(rest)
    }

    /// The same, where it does not stand for itself.
    #[cold]
    fn string_with_escapes(&mut self, mut text: &'t [u8]) -> Result<&'t [u8], JsonError> {
        let start = short(self.unescaped.len());
        loop {
            let end = plain(text);
            self.unescaped.push_str(self.between(text, end));
            match end {
                [b'"', rest @ ..] => {
                    let end = short(self.unescaped.len());
                    self.nodes.push(Node::Unescaped { start, end });
                    return Ok(rest);
                }
                [b'\\', escape, rest @ ..] => {
                    let character;
                    (character, text) = unescape(*escape, rest).ok_or(JsonError::Syntax)?;
                    self.unescaped.push(character);
                }
                // The end of the text, or a control character (RFC 8259 §7).
                _ => return Err(JsonError::Syntax),
            }
        }
    }

    /// RFC 8259 §6.
    fn number(&mut self, text: &'t [u8]) -> Result<&'t [u8], JsonError> {
        let mut rest = match text {
            // No leading zeros.
            [b'0', rest @ ..] | [b'-', b'0', rest @ ..] => rest,
            [b'-', rest @ ..] => digits(rest)?,
            _ => digits(text)?,
        };
        if let [b'.', fraction @ ..] = rest {
            rest = digits(fraction)?;
        }
        if let [b'e' | b'E', b'+' | b'-', exponent @ ..] | [b'e' | b'E', exponent @ ..] = rest {
            rest = digits(exponent)?;
        }
        let text = self.between(text, rest);
        // Most numbers are dates, and an integer is read faster. Both ways give the nearest `f64`.
        let number = text.parse::<u64>().map(|number| number as f64).or_else(|_| text.parse());
        let number = number.ok().filter(|number| number.is_finite()).ok_or(JsonError::Syntax)?;
        self.nodes.push(Node::Number(number));
        Ok(rest)
    }

    /// The text from what is left at one place to what is left at another.
    fn between(&self, left: &[u8], right: &[u8]) -> &'t str {
        self.text.get(self.at(left) as usize..self.at(right) as usize).unwrap_or_default()
    }

    /// Where in the text `rest` begins.
    fn at(&self, rest: &[u8]) -> u32 {
        short(self.text.len().saturating_sub(rest.len()))
    }
}

/// One bit of 64, the same for the same name. Names with different bits need no comparison, and the claims of most
/// issuers have different bits.
fn mark(name: &str) -> u64 {
    match name.as_bytes() {
        [first, .., last] => {
            let (first, last) = (u32::from(*first).wrapping_mul(7), u32::from(*last).wrapping_mul(17));
            1_u64.rotate_left(first ^ last ^ short(name.len()))
        }
        _ => 1,
    }
}

/// What follows whitespace (RFC 8259 §2).
fn token(mut rest: &[u8]) -> &[u8] {
    while let [b' ' | b'\t' | b'\n' | b'\r', after @ ..] = rest {
        rest = after;
    }
    rest
}

/// What follows one digit or more.
fn digits(rest: &[u8]) -> Result<&[u8], JsonError> {
    let [b'0'..=b'9', rest @ ..] = rest else { return Err(JsonError::Syntax) };
    let mut rest = rest;
    while let [b'0'..=b'9', after @ ..] = rest {
        rest = after;
    }
    Ok(rest)
}

/// What follows that part of a string which stands for itself: a quote, a backslash, a control character or nothing.
fn plain(mut rest: &[u8]) -> &[u8] {
    while let Some((eight, after)) = rest.split_first_chunk() {
        match plain_bytes(*eight) {
            8 => rest = after,
            few => return rest.get(few..).unwrap_or_default(),
        }
    }
    // What is behind the end of the text ends a string as a control character does.
    let mut eight = [0; 8];
    eight.iter_mut().zip(rest).for_each(|(byte, own)| *byte = *own);
    rest.get(plain_bytes(eight)..).unwrap_or_default()
}

/// How many of eight bytes, from the first on, stand for themselves in a string. Looks at all eight at once: the
/// high bit of a byte is set where the byte ends the run, exactly so up to and including the first of them.
fn plain_bytes(bytes: [u8; 8]) -> usize {
    const ONES: u64 = u64::from_ne_bytes([1; 8]);
    let bytes = u64::from_le_bytes(bytes);
    let below = |bytes: u64, bound: u8| bytes.wrapping_sub(ONES.wrapping_mul(bound.into())) & !bytes;
    let is = |byte: u8| below(bytes ^ ONES.wrapping_mul(byte.into()), 1);
    let ends = (below(bytes, b' ') | is(b'"') | is(b'\\')) & ONES << 7;
    (ends.trailing_zeros() / 8) as usize
}

/// The character of an escape sequence (RFC 8259 §7), from behind its backslash, and what follows it.
fn unescape(escape: u8, rest: &[u8]) -> Option<(char, &[u8])> {
    let character = match escape {
        b'"' | b'\\' | b'/' => char::from(escape),
        b'b' => '\u{8}',
        b'f' => '\u{c}',
        b'n' => '\n',
        b'r' => '\r',
        b't' => '\t',
        b'u' => {
            let (first, rest) = unit(rest)?;
            // What is beyond U+FFFF is two units; half of such a pair is no character.
            return match (first, rest) {
                (0xD800..=0xDBFF, [b'\\', b'u', rest @ ..]) => {
                    let (second, rest) = unit(rest)?;
                    Some((char::decode_utf16([first, second]).next()?.ok()?, rest))
                }
                _ => Some((char::from_u32(first.into())?, rest)),
            };
        }
        _ => return None,
    };
    Some((character, rest))
}

/// Four hexadecimal digits.
fn unit(rest: &[u8]) -> Option<(u16, &[u8])> {
    let (digits, rest) = rest.split_first_chunk::<4>()?;
    let unit = digits.iter().try_fold(0, |unit, digit| {
        let digit = char::from(*digit).to_digit(16)?;
        Some(unit << 4 | u16::try_from(digit).ok()?)
    })?;
    Some((unit, rest))
}

/// A position within [`MAX_LENGTH`].
fn short(position: usize) -> u32 {
    u32::try_from(position).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use serde_json::Value as Expected;

    use super::super::document::Value;
    use super::*;

    #[test]
    fn every_kind_of_value_is_read_back() {
        let document =
            Document::parse(r#"{"a":[1,-2,2.5,"s\u00e9",null,true],"b":{"c":"d"},"e":[]}"#).unwrap();
        let root = document.root().as_object().unwrap();
        let a: Vec<_> = root.get("a").unwrap().as_array().unwrap().collect();
        assert_eq!(a.len(), 6);
        assert_eq!(a[0].as_number(), Some(1.0));
        assert_eq!(a[1].as_number(), Some(-2.0));
        assert_eq!(a[2].as_number(), Some(2.5));
        assert_eq!(a[3].as_str(), Some("sé"));
        assert!(a[4].is_null());
        assert!(!a[5].is_null() && a[5].as_str().is_none() && a[5].as_number().is_none());
        assert_eq!(root.get("b").unwrap().as_object().unwrap().get("c").unwrap().as_str(), Some("d"));
        assert_eq!(root.get("e").unwrap().as_array().unwrap().count(), 0);
        assert_eq!(root.members().map(|(name, _)| name).collect::<Vec<_>>(), ["a", "b", "e"]);
        assert!(root.get("c").is_none(), "a nested member is not a member of the root");
    }

    #[test]
    fn duplicate_names_are_refused_at_every_depth() {
        // covers: JWS-007, JWT-002
        for text in [r#"{"a":1,"a":1}"#, r#"{"x":{"a":1,"b":2,"a":3}}"#, r#"[[{"a":1,"\u0061":2}]]"#] {
            assert_eq!(Document::parse(text).unwrap_err(), JsonError::DuplicateName, "{text}");
        }
        assert!(Document::parse(r#"{"a":{"a":1},"b":[{"a":1},{"a":2}]}"#).is_ok());
    }

    #[test]
    fn sixteen_levels_are_read_and_seventeen_are_not() {
        // covers: JWS-037
        let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        assert!(Document::parse(nested(16)).is_ok());
        assert_eq!(Document::parse(nested(17)).unwrap_err(), JsonError::TooDeep);
        assert_eq!(Document::parse(nested(100_000)).unwrap_err(), JsonError::TooDeep);
    }

    #[test]
    fn what_is_not_one_json_value_is_refused() {
        // covers: JWS-006, JWS-031, JWT-001
        for text in [
            "",
            " ",
            "{",
            "{}}",
            "{} {}",
            "\u{feff}{}",
            r#"{"a":1,}"#,
            r#"{a:1}"#,
            "nul",
            r#""\ud800""#,
            "1e400",
            "01",
        ] {
            assert_eq!(Document::parse(text).unwrap_err(), JsonError::Syntax, "{text:?}");
        }
    }

    #[test]
    fn names_that_share_their_marks_are_still_told_apart() {
        // covers: JWS-007, JWT-002
        // Same length, same first and last letter: all compared; more than a few: sorted.
        for count in [2, 15, 16, 17, 100] {
            let names: Vec<_> = (0..count).map(|number| format!("n{number:03}n")).collect();
            let object = |names: &[String]| {
                let members: Vec<_> = names.iter().map(|name| format!("\"{name}\":[{{}}]")).collect();
                format!("{{{}}}", members.join(","))
            };
            assert!(Document::parse(object(&names)).is_ok());
            for twice in [0, (count - 1) / 2, count - 2] {
                let mut names = names.clone();
                names[count - 1] = names[twice].clone();
                assert_eq!(Document::parse(object(&names)).unwrap_err(), JsonError::DuplicateName);
            }
        }
        for (name, other) in [("", "a"), ("a", "b"), ("é", "e\u{301}")] {
            assert!(Document::parse(format!(r#"{{"{name}":1,"{other}":2}}"#)).is_ok());
            let twice = Document::parse(format!(r#"{{"{name}":1,"{other}":2,"{name}":3}}"#));
            assert_eq!(twice.unwrap_err(), JsonError::DuplicateName, "{name:?}");
        }
    }

    /// Whether `value` is what somebody else's parser made of the same text.
    fn is(value: Value<'_>, expected: &Expected) -> bool {
        match expected {
            Expected::Null => value.is_null(),
            Expected::Bool(expected) => {
                let other = value.is_null() || value.as_str().is_some() || value.as_number().is_some();
                !other && value.is_true() == *expected
            }
            // By default the other parser may be wrong in the last bit of a fraction.
            Expected::Number(number) => {
                let (own, other) = (value.as_number().unwrap(), number.as_f64().unwrap());
                own == other || (own - other).abs() <= f64::EPSILON * other.abs()
            }
            Expected::String(text) => value.as_str() == Some(text),
            Expected::Array(all) => {
                let own: Vec<_> = value.as_array().unwrap().collect();
                own.len() == all.len() && own.into_iter().zip(all).all(|(own, other)| is(own, other))
            }
            Expected::Object(all) => {
                let own = value.as_object().unwrap();
                own.members().count() == all.len() && own.members().all(|(name, own)| is(own, &all[name]))
            }
        }
    }

    /// Reads what a text is, if another parser reads it, and refuses it, if that does.
    fn assert_agrees(text: &str) {
        let expected = serde_json::from_str::<Expected>(text);
        match (Document::parse(text), expected) {
            (Ok(own), Ok(expected)) => assert!(is(own.root(), &expected), "{text:?}"),
            (Err(JsonError::Syntax), Err(_)) => {}
            // The other one keeps the last of two equal names.
            (Err(JsonError::DuplicateName), Ok(expected)) => {
                assert!(text.matches(':').count() > expected.to_string().matches(':').count(), "{text:?}");
            }
            (own, other) => panic!("{text:?}: {:?}, {:?}", own.map(drop), other.map(drop)),
        }
    }

    /// Calls `with` for every text of up to `length` of these pieces.
    fn every_text(pieces: &[&str], length: usize, text: &mut String, with: &mut dyn FnMut(&str)) {
        with(text);
        let Some(length) = length.checked_sub(1) else { return };
        let end = text.len();
        for piece in pieces {
            text.push_str(piece);
            every_text(pieces, length, text, with);
            text.truncate(end);
        }
    }

    #[test]
    fn every_short_text_is_read_as_another_parser_reads_it() {
        // covers: JWS-006, JWS-031, JWT-001
        let mut count = 0;
        let structure = ["{", "}", "[", "]", ":", ",", "\"a\"", "\"b\"", "1", "null", "true", "false", " "];
        every_text(&structure, 5, &mut String::new(), &mut |text| {
            count += 1;
            assert_agrees(text);
        });
        assert_eq!(count, (0..=5).map(|length| 13_u32.pow(length)).sum::<u32>());
        // Deeper, where only what is inside an object varies.
        let members = ["{", "}", ":", ",", "\"a\"", "\"b\"", "\t"];
        every_text(&members, 6, &mut String::new(), &mut |text| assert_agrees(&format!("{{{text}}}")));
        // Every byte that a text can begin with, and every one that can follow a value.
        for byte in (0..=0x7F_u8).map(char::from) {
            for text in [format!("{byte}"), format!("{byte}1"), format!("1{byte}"), format!("{{}}{byte}")] {
                assert_agrees(&text);
            }
        }
    }

    #[test]
    fn every_short_number_is_read_as_another_parser_reads_it() {
        // covers: JWT-015
        let pieces = ["0", "1", "9", "-", "+", ".", "e", "E"];
        every_text(&pieces, 6, &mut String::new(), &mut assert_agrees);
        for text in [
            "9007199254740993",
            "18446744073709551615",
            "18446744073709551616",
            "-9223372036854775809",
            "1e308",
            "1e309",
            "-1e309",
            "1e-400",
            "0e999999999999999999999",
            "253402300799.999",
            &"9".repeat(400),
        ] {
            assert_agrees(text);
        }
    }

    #[test]
    fn every_string_with_escapes_is_read_as_another_parser_reads_it() {
        // covers: JWS-006, JWT-001
        let quoted = |text: &str| format!("[\"{text}\",\"next\"]");
        let pieces = ["\\", "\"", "/", "b", "n", "u", "0041", "00e9", "d83d", "\\ude00", "é", "\u{1}", "😀"];
        every_text(&pieces, 5, &mut String::new(), &mut |text| assert_agrees(&quoted(text)));
        for unit in 0..=u16::MAX {
            assert_agrees(&quoted(&format!("a\\u{unit:04x}")));
            assert_agrees(&quoted(&format!("\\u{unit:04X}\\udc00")));
            assert_agrees(&quoted(&format!("\\ud800\\u{unit:04x}z")));
        }
        for byte in (0..=0xFF_u8).map(char::from) {
            assert_agrees(&quoted(&format!("\\{byte}")));
            assert_agrees(&quoted(&format!("\\u00{byte}0")));
            // Strings are read eight bytes at a time: every character at every place.
            for (before, after) in (0..20).flat_map(|before| [(before, 0), (before, 9)]) {
                assert_agrees(&quoted(&format!("{}{byte}{}", "x".repeat(before), "y".repeat(after))));
            }
        }
    }
}
