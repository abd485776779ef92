//! Keys that are well-formed and still not safe to verify with.

use super::algorithm::SignatureAlgorithm;

/// Whether an RSA key (big-endian modulus and exponent) is of sound size and shape.
///
/// RFC 7518 §3.3 asks for 2048 bits or more. The upper bounds keep a hostile key from making one verification
/// cost seconds; an even modulus is no product of odd primes; an exponent of 1 or an even one verifies nothing.
pub(super) fn is_sound_rsa(modulus: &[u8], exponent: &[u8]) -> bool {
    let Some(first) = modulus.first() else { return false };
    let bits = modulus.len().saturating_mul(8).saturating_sub(first.leading_zeros() as usize);
    let sound_exponent = match exponent {
        [] | [0, ..] | [1] => false,
        _ => is_odd(exponent) && exponent.len() <= 4,
    };
    // RFC 7518 §6.3.1.1: no leading zero octets.
    *first != 0 && (2048..=8192).contains(&bits) && is_odd(modulus) && sound_exponent
}

fn is_odd(number: &[u8]) -> bool {
    number.last().is_some_and(|last| last & 1 == 1)
}

/// Whether an Ed25519 public key is one of the points of order 1, 2, 4 or 8, in any encoding. Under such a key
/// anybody can make signatures, because the equation of RFC 8032 §5.1.7 does not depend on a secret.
pub(super) fn is_small_order_ed25519(point: &[u8]) -> bool {
    // The y coordinates, little-endian; the top bit of the last octet is the sign of x.
    #[rustfmt::skip]
    const ORDER_8: [[u8; 32]; 2] = [
        [
            0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0,
            0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05,
        ],
        [
            0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f,
            0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a,
        ],
    ];
    let Some((sign_octet, low)) = point.split_last() else { return true };
    let top = sign_octet & 0x7f;
    let is = |first: u8, rest: u8, last: u8| {
        top == last
            && matches!(low, [own, others @ ..] if *own == first && others.iter().all(|octet| *octet == rest))
    };
    // y = 0 and y = 1, then y = -1, and the same again with p added to y.
    let trivial =
        is(0, 0, 0) || is(1, 0, 0) || [0xec, 0xed, 0xee].into_iter().any(|first| is(first, 0xff, 0x7f));
    trivial
        || ORDER_8.iter().any(|y| matches!(y.split_last(), Some((last, rest)) if *last == top && rest == low))
}

/// FIPS 204 §4, table 2.
pub(super) fn ml_dsa_key_length(algorithm: SignatureAlgorithm) -> Option<usize> {
    match algorithm {
        SignatureAlgorithm::MlDsa44 => Some(1312),
        SignatureAlgorithm::MlDsa65 => Some(1952),
        SignatureAlgorithm::MlDsa87 => Some(2592),
        _ => None,
    }
}
