//! base64url without padding (RFC 4648 §5), bit by bit.

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

pub(super) fn encode(octets: &[u8]) -> String {
    let bits: Vec<u8> =
        octets.iter().flat_map(|octet| (0..8).rev().map(move |bit| octet >> bit & 1)).collect();
    let letter = |six: &[u8]| {
        let value = (0..6).fold(0, |value, at| value << 1 | six.get(at).copied().unwrap_or(0));
        char::from(ALPHABET[usize::from(value)])
    };
    bits.chunks(6).map(letter).collect()
}

/// Only what `encode` gives back letter by letter: one value has one spelling.
pub(super) fn decode(text: &str) -> Option<Vec<u8>> {
    let mut bits = Vec::new();
    for letter in text.bytes() {
        let value = ALPHABET.iter().position(|own| *own == letter)?;
        bits.extend((0..6).rev().map(|bit| u8::from(value >> bit & 1 == 1)));
    }
    let octet = |eight: &[u8]| eight.iter().fold(0, |octet, bit| octet << 1 | bit);
    let octets: Vec<u8> = bits.chunks_exact(8).map(octet).collect();
    (encode(&octets) == text).then_some(octets)
}
