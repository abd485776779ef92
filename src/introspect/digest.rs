use std::fmt;

use aws_lc_rs::digest;

/// What a token is known by where its text must not be kept: its SHA-256, whole. Nobody can make two tokens that have the
/// same one.
#[derive(Clone, Copy, Eq, Hash, PartialEq)]
pub(super) struct TokenDigest([u8; 32]);

impl TokenDigest {
    pub(super) fn of(token: &str) -> Self {
        let mut octets = [0; 32];
        let digest = digest::digest(&digest::SHA256, token.as_bytes());
        // Both have 32 octets.
        octets.iter_mut().zip(digest.as_ref()).for_each(|(to, from)| *to = *from);
        Self(octets)
    }
}

impl fmt::Debug for TokenDigest {
    // It is as good as the token for finding out whether two are the same.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenDigest(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_sha_256_of_the_whole_token() {
        // covers: INT-012
        // FIPS 180-2 appendix B.1.
        let expected = [
            0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea, 0x41, 0x41, 0x40, 0xde, 0x5d, 0xae, 0x22, 0x23,
            0xb0, 0x03, 0x61, 0xa3, 0x96, 0x17, 0x7a, 0x9c, 0xb4, 0x10, 0xff, 0x61, 0xf2, 0x00, 0x15, 0xad,
        ];
        assert_eq!(TokenDigest::of("abc").0, expected);
        let start = "x".repeat(1_000);
        assert_ne!(TokenDigest::of(&format!("{start}a")), TokenDigest::of(&format!("{start}b")));
        assert_eq!(format!("{:?}", TokenDigest::of("abc")), "TokenDigest(..)");
    }
}
