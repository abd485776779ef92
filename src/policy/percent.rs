/// What a part of a path stands for without percent-encoding (RFC 3986 §2.1). `None` where a `%` encodes nothing.
pub(crate) fn octets(part: &str) -> Option<Vec<u8>> {
    let mut pieces = part.split('%');
    let mut octets = pieces.next()?.as_bytes().to_vec();
    for piece in pieces {
        let (digits, rest) = piece.split_at_checked(2)?;
        // `from_str_radix` takes a sign, too.
        let digits = Some(digits).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
        octets.push(u8::from_str_radix(digits?, 16).ok()?);
        octets.extend_from_slice(rest.as_bytes());
    }
    Some(octets)
}
