/// RFC 4648 §5.
const ALPHABET: [u8; 64] = *b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// Marks a letter that is none, beyond the 24 bits of four.
const INVALID: u32 = 1 << 24;

/// The six bits of each letter where they stand among the 24 of four letters, first byte lowest. One table for each
/// of the four: then three bytes are four loads and three `or`.
static PLACES: [[u32; 256]; 4] = [place(18), place(12), place(6), place(0)];

#[expect(clippy::arithmetic_side_effects, clippy::indexing_slicing, reason = "evaluated by the compiler")]
const fn place(shift: u32) -> [u32; 256] {
    let mut table = [INVALID; 256];
    let mut value = 0;
    while value < ALPHABET.len() {
        table[ALPHABET[value] as usize] = ((value as u32) << shift).swap_bytes() >> 8;
        value += 1;
    }
    table
}

/// Decodes base64url without padding (RFC 7515 §2). Padding, whitespace, foreign letters and non-zero trailing
/// bits are refused (RFC 4648 §3.5), so that one token has one spelling.
///
/// Own code, because a kilobyte of it is decoded at every request.
pub(crate) fn decode(text: &str) -> Option<Vec<u8>> {
    let (eights, rest) = text.as_bytes().as_chunks::<8>();
    // Six bits are no byte.
    if rest.len() % 4 == 1 {
        return None;
    }
    let mut decoded = vec![0; text.len().checked_mul(3)? / 4];
    let (sixes, end) = decoded.as_chunks_mut::<6>();
    let mut invalid = 0;
    for (eight, six) in eights.iter().zip(sixes) {
        let marks;
        (*six, marks) = eight_letters(eight);
        invalid |= marks;
    }
    // The last letters as if zero bits followed them, as they must (RFC 4648 §3.5).
    let mut eight = [b'A'; 8];
    eight.iter_mut().zip(rest).for_each(|(letter, own)| *letter = *own);
    let (bytes, marks) = eight_letters(&eight);
    let (own, beyond) = bytes.split_at_checked(end.len())?;
    end.copy_from_slice(own);
    let canonical = beyond.iter().all(|byte| *byte == 0);
    ((invalid | marks) & INVALID == 0 && canonical).then_some(decoded)
}

/// Decodes base64url of a UTF-8 text.
pub(crate) fn decode_text(text: &str) -> Option<String> {
    String::from_utf8(decode(text)?).ok()
}

/// The six bytes of eight letters; and what has the bit [`INVALID`] if a letter is none.
fn eight_letters([a, b, c, d, e, f, g, h]: &[u8; 8]) -> ([u8; 6], u32) {
    let (first, second) = (four_letters([a, b, c, d]), four_letters([e, f, g, h]));
    let [bytes @ .., _, _] = (u64::from(first) | u64::from(second) << 24).to_le_bytes();
    (bytes, first | second)
}

fn four_letters([a, b, c, d]: [&u8; 4]) -> u32 {
    let [first, second, third, fourth] = &PLACES;
    let bits = |place: &[u32; 256], letter: &u8| place.get(usize::from(*letter)).copied().unwrap_or(INVALID);
    bits(first, a) | bits(second, b) | bits(third, c) | bits(fourth, d)
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    use super::*;

    /// The same text, decoded by somebody else.
    fn agrees(text: &str) -> bool {
        decode(text) == URL_SAFE_NO_PAD.decode(text).ok()
    }

    #[test]
    fn every_text_of_up_to_two_letters_is_read_as_others_read_it() {
        // covers: JWS-004
        let ascii = || (0..=0x7F_u8).map(char::from);
        assert!(agrees(""));
        for first in ascii() {
            assert!(agrees(&first.to_string()));
            for second in ascii() {
                assert!(agrees(&format!("{first}{second}")), "{first:?} {second:?}");
            }
        }
        for text in ["é", "AAé", "AAAAé", "éAAA", "\u{10ffff}"] {
            assert!(agrees(text) && decode(text).is_none(), "{text}");
        }
    }

    #[test]
    fn every_character_at_every_place_of_every_length_is_read_as_others_read_it() {
        // covers: JWS-004
        let letters = |length| ALPHABET.iter().cycle().map(|letter| char::from(*letter)).take(length);
        for length in 0..20 {
            for place in 0..length {
                for character in (0..=0x7F_u8).map(char::from) {
                    let text: String = letters(length)
                        .enumerate()
                        .map(|(at, letter)| if at == place { character } else { letter })
                        .collect();
                    assert!(agrees(&text), "{text:?}");
                }
            }
        }
    }

    #[test]
    fn bytes_of_every_length_come_back_and_only_from_their_one_spelling() {
        // covers: JWS-004
        for length in 0..=300_usize {
            let bytes: Vec<u8> = (0..length).map(|at| (at * 151 + length) as u8).collect();
            let text = URL_SAFE_NO_PAD.encode(&bytes);
            assert_eq!(decode(&text), Some(bytes));
            for padding in ["=", "==", "\n", " "] {
                assert_eq!(decode(&format!("{text}{padding}")), None);
            }
            let mut spellings = 0;
            for last in ALPHABET.into_iter().map(char::from) {
                let other: String = text.chars().take(text.len().saturating_sub(1)).chain([last]).collect();
                assert!(agrees(&other));
                spellings += usize::from(decode(&other) == decode(&text));
            }
            assert!(text.is_empty() || spellings == 1);
        }
    }
}
