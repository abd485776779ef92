use std::fmt;

use super::algorithm::HmacAlgorithm;
use super::base64url;

/// A secret that the issuer shares with this API, for exactly one algorithm (RFC 7518 §3.2).
///
/// Whoever has it can make tokens. Keys that an issuer publishes are the better choice where there is one; this is
/// for issuers that sign in no other way, and for services that issue tokens to themselves.
///
/// ```
/// use portcullis::{HmacAlgorithm, HmacKey, ResourceServer, TrustedIssuer};
///
/// # let secret = [0x5A; 32];
/// let key = HmacKey::new(HmacAlgorithm::Hs256, &secret)?;
/// let auth = ResourceServer::builder(TrustedIssuer::new("https://id.example.com").hmac_key(key))
///     .audience("https://api.example.com")
///     .build()?;
///
/// assert!(HmacKey::new(HmacAlgorithm::Hs256, b"too short").is_err());
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct HmacKey {
    algorithm: HmacAlgorithm,
    secret: Box<[u8]>,
}

/// Why octets are not taken for an HMAC secret.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum HmacKeyError {
    /// Shorter than the output of the hash.
    #[error("a secret for {} has {} octets or more", .0.name(), .0.output_length())]
    TooShort(HmacAlgorithm),
    /// A key of another kind, as PEM, DER or an OpenSSH line, or as base64 of one: not a secret, and often known to everybody.
    #[error("a key or certificate of another kind, not a shared secret")]
    OtherKey,
    /// A JWK or JWK Set. The secret of an `oct` key is its `k`, decoded.
    #[error("a JWK or JWK Set, not a shared secret")]
    Jwk,
}

impl HmacKey {
    /// Takes a secret: the octets themselves, decoded if they came as hex or base64.
    ///
    /// Not checked: whether it can be guessed. Take as many random octets as the hash puts out.
    ///
    /// # Errors
    ///
    /// An [`HmacKeyError`] if the secret is shorter than the output of the hash (32, 48 or 64 octets), or if it is
    /// the text or DER of another key.
    pub fn new(algorithm: HmacAlgorithm, secret: &[u8]) -> Result<Self, HmacKeyError> {
        // First, so that a mistake is called by its name whatever its length.
        let decoded = decoded(secret);
        let forms = || decoded.iter().map(Vec::as_slice).chain([secret]);
        if forms().any(is_other_key) {
            return Err(HmacKeyError::OtherKey);
        }
        if forms().any(is_jwk) {
            return Err(HmacKeyError::Jwk);
        }
        if secret.len() < algorithm.output_length() {
            return Err(HmacKeyError::TooShort(algorithm));
        }
        Ok(Self { algorithm, secret: secret.into() })
    }

    /// The one algorithm it is for.
    #[must_use]
    pub fn algorithm(&self) -> HmacAlgorithm {
        self.algorithm
    }

    pub(crate) fn secret(&self) -> &[u8] {
        &self.secret
    }
}

impl fmt::Debug for HmacKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HmacKey({}, ..)", self.algorithm)
    }
}

/// Whether this is the text or DER of another key, wherever in it the key begins: what stands before it (a byte order
/// mark, a comment, a blank) has misled many who looked at the start only. No random secret comes near it.
fn is_other_key(octets: &[u8]) -> bool {
    let text = plain(octets);
    // RFC 7468, RFC 4716, OpenSSH.
    const IN_TEXT: [&str; 7] = [
        "-----begin",
        "---- begin",
        "ssh-rsa aaaa",
        "\u{7}ssh-rsa",
        "ssh-ed25519 aaaa",
        "\u{b}ssh-ed25519",
        "ecdsa-sha2-nistp",
    ];
    // The object identifiers of keys and their sizes: rsaEncryption, id-RSASSA-PSS, ecPublicKey, the Edwards and
    // Montgomery curves in their sequence, ML-DSA (RFC 3279, RFC 8017, RFC 8410, RFC 9881); then the start of a bare
    // RSAPublicKey of 2048, 3072, 4096 and 8192 bits.
    const IN_DER: [&[u8]; 9] = [
        &[6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1],
        &[6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 10],
        &[6, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1],
        &[0x30, 5, 6, 3, 0x2b, 0x65],
        &[6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 3],
        &[2, 0x82, 1, 1, 0],
        &[2, 0x82, 1, 0x81, 0],
        &[2, 0x82, 2, 1, 0],
        &[2, 0x82, 4, 1, 0],
    ];
    IN_TEXT.iter().any(|mark| contains(&text, mark.as_bytes()))
        || IN_DER.iter().any(|mark| contains(octets, mark))
}

/// What the runs of base64 letters in a text stand for, in either alphabet: keys travel so in environment variables,
/// in `x5c`, and without their armour.
fn decoded(secret: &[u8]) -> Vec<Vec<u8>> {
    let letter = |octet: &u8| match octet {
        b'+' => '-',
        b'/' => '_',
        octet => char::from(*octet),
    };
    let text: String =
        secret.iter().filter(|octet| **octet != 0 && !octet.is_ascii_whitespace()).map(letter).collect();
    let runs = text.split(|letter: char| !letter.is_ascii_alphanumeric() && !matches!(letter, '-' | '_'));
    // A word may stand right before it, so each of the four places where a group can begin is tried; and whole groups
    // only, since what hangs over does not make a key.
    let from = |run: &str, skip: usize| {
        let run = run.get(skip..)?;
        base64url::decode(run.get(..run.len() & !3)?)
    };
    runs.flat_map(|run| (0..4).filter_map(move |skip| from(run, skip))).collect()
}

/// Whether this has a member `kty` or `keys`, at any depth and after anything.
fn is_jwk(secret: &[u8]) -> bool {
    let text: Vec<u8> = plain(secret).into_iter().filter(|octet| !octet.is_ascii_whitespace()).collect();
    [b"\"kty\":".as_slice(), b"\"keys\":"].into_iter().any(|member| contains(&text, member))
}

/// The text in lower case, and without the zeros of UTF-16.
fn plain(secret: &[u8]) -> Vec<u8> {
    secret.iter().filter(|octet| **octet != 0).map(u8::to_ascii_lowercase).collect()
}

fn contains(octets: &[u8], wanted: &[u8]) -> bool {
    octets.windows(wanted.len()).any(|window| window == wanted)
}
