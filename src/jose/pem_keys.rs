//! Public keys as PEM (RFC 7468): what a block says it is decides how it is read, and nothing is guessed.

use pem::Pem;
use pkcs1::RsaPublicKeyRef;
use x509_cert::Certificate;
use x509_cert::der::Decode as _;
use x509_cert::spki::{ObjectIdentifier, SubjectPublicKeyInfoOwned};

use super::algorithm::SignatureAlgorithm;
use super::jwk::{Jwk, UnusableKey};
use super::jwk_set::JwkSet;
use super::key_set::MAX_TRIES;
use super::public_key::{Curve, PublicKey};

/// Why a text is not one or more public keys as PEM. Blocks are counted from 1.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum PemError {
    /// There is no `-----BEGIN` in it.
    #[error("no PEM block")]
    NoBlock,
    /// A block does not end as it began, is not base64, or is not the DER of what it says it is.
    #[error("not well-formed PEM blocks with the DER of their kind")]
    Malformed,
    /// A block of a kind that is not read.
    #[error(
        "block {block} is of the kind `{kind}`; `PUBLIC KEY`, `RSA PUBLIC KEY` and `CERTIFICATE` are read"
    )]
    OtherKind {
        /// Which block.
        block: usize,
        /// Its kind, such as `PRIVATE KEY`. A kind that is not well known is `unknown`.
        kind: &'static str,
    },
    /// A key of a type or curve that is not supported.
    #[error("block {block} has a key whose type, curve or form is not supported")]
    UnsupportedKey {
        /// Which block.
        block: usize,
    },
    /// A key that is not safe to verify with: a short modulus, a point off its curve.
    #[error("block {block} has a key that is not safe to verify with")]
    UnsoundKey {
        /// Which block.
        block: usize,
    },
    /// A token does not say which of these keys signed it, and is tried against a few only.
    #[error("more than {MAX_TRIES} keys for the same algorithm")]
    TooManyKeys,
}

/// Kinds of blocks that are known and refused. Others are not named: their label is anybody's text.
const REFUSED: [&str; 16] = [
    "CERTIFICATE REQUEST",
    "CMS",
    "DH PARAMETERS",
    "DSA PRIVATE KEY",
    "DSA PUBLIC KEY",
    "EC PARAMETERS",
    "EC PRIVATE KEY",
    "ENCRYPTED PRIVATE KEY",
    "NEW CERTIFICATE REQUEST",
    "OPENSSH PRIVATE KEY",
    "PKCS7",
    "PRIVATE KEY",
    "RSA PRIVATE KEY",
    "TRUSTED CERTIFICATE",
    "X509 CERTIFICATE",
    "X509 CRL",
];

impl JwkSet {
    /// Reads public keys as PEM: one or more blocks `PUBLIC KEY` (RSA, P-256, P-384 and P-521 with an uncompressed
    /// point, Ed25519, ML-DSA), `RSA PUBLIC KEY`, and `CERTIFICATE`. Text around the blocks is ignored.
    ///
    /// The keys have no identifier, and need none: a token that names one in `kid` may have been signed by any of
    /// them, since that name is the issuer's and not in the text. (A key of a JWK Set without `kid` is used only for
    /// tokens without `kid`.) The keys pass the same checks as those of a JWK Set.
    ///
    /// *Not* checked: anything of a certificate but its public key. Whether it is still valid, who issued it, for
    /// whom and for what is left to whoever put it into the configuration.
    ///
    /// ```
    /// let set = portcullis::JwkSet::from_pem(
    ///     "-----BEGIN PUBLIC KEY-----
    /// MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=
    /// -----END PUBLIC KEY-----",
    /// )?;
    /// assert_eq!(set.len(), 1);
    /// # Ok::<_, portcullis::PemError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// A [`PemError`] if there is no block, or any block is not a supported and sound public key, private keys among
    /// them; or if more than four keys fit the same algorithm.
    pub fn from_pem(text: &str) -> Result<Self, PemError> {
        let blocks = pem::parse_many(text).map_err(|_| PemError::Malformed)?;
        // What begins and does not end is not among the blocks.
        if blocks.len() != text.matches("-----BEGIN").count() {
            return Err(PemError::Malformed);
        }
        if blocks.is_empty() {
            return Err(PemError::NoBlock);
        }
        let mut keys = Vec::new();
        for (block, pem) in (1..).zip(&blocks) {
            let key = public_key(pem, block)?;
            keys.push(Jwk::without_id(key).map_err(|reason| unusable(reason, block))?);
        }
        let fitting = |algorithm| keys.iter().filter(|key| key.serves(algorithm)).count();
        if SignatureAlgorithm::ALL.into_iter().any(|algorithm| fitting(algorithm) > MAX_TRIES) {
            return Err(PemError::TooManyKeys);
        }
        Ok(Self::without_ids(keys))
    }
}

fn public_key(pem: &Pem, block: usize) -> Result<PublicKey, PemError> {
    // RFC 7468 §2: no headers, as old encrypted blocks have them.
    if pem.headers().iter().next().is_some() {
        return Err(PemError::Malformed);
    }
    let der = pem.contents();
    match pem.tag() {
        "PUBLIC KEY" => {
            let info = SubjectPublicKeyInfoOwned::from_der(der).map_err(|_| PemError::Malformed)?;
            of_subject(&info, block)
        }
        "CERTIFICATE" => {
            let certificate = Certificate::from_der(der).map_err(|_| PemError::Malformed)?;
            of_subject(certificate.tbs_certificate().subject_public_key_info(), block)
        }
        "RSA PUBLIC KEY" => rsa(der),
        other => {
            let kind = REFUSED.into_iter().find(|kind| *kind == other).unwrap_or("unknown");
            Err(PemError::OtherKind { block, kind })
        }
    }
}

/// RFC 3279 §2.3.1, RFC 5480 §2, RFC 8410 §4, RFC 9881 §4.
fn of_subject(info: &SubjectPublicKeyInfoOwned, block: usize) -> Result<PublicKey, PemError> {
    const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
    const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
    const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");
    const ML_DSA: [(ObjectIdentifier, SignatureAlgorithm); 3] = [
        (ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.3.17"), SignatureAlgorithm::MlDsa44),
        (ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.3.18"), SignatureAlgorithm::MlDsa65),
        (ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.3.19"), SignatureAlgorithm::MlDsa87),
    ];
    let unsupported = PemError::UnsupportedKey { block };
    let octets = info.subject_public_key.as_bytes().ok_or(PemError::Malformed)?;
    let (oid, parameters) = (info.algorithm.oid, info.algorithm.parameters.as_ref());
    if oid == RSA {
        return rsa(octets);
    }
    if oid == EC {
        // Named curves only: parameters of one's own make a curve of one's own.
        let curve = parameters.and_then(|curve| curve.decode_as::<ObjectIdentifier>().ok());
        let curve = curve.and_then(named_curve).ok_or(unsupported)?;
        return PublicKey::uncompressed_point(curve, octets).ok_or(unsupported);
    }
    if parameters.is_some() {
        return Err(unsupported);
    }
    if oid == ED25519 {
        return Ok(PublicKey::Ed25519 { point: octets.into() });
    }
    let algorithm = ML_DSA.into_iter().find_map(|(own, algorithm)| (own == oid).then_some(algorithm));
    Ok(PublicKey::MlDsa { algorithm: algorithm.ok_or(unsupported)?, encoded: octets.into() })
}

fn named_curve(oid: ObjectIdentifier) -> Option<Curve> {
    const P_256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
    const P_384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");
    const P_521: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.35");
    let curves = [(P_256, Curve::P256), (P_384, Curve::P384), (P_521, Curve::P521)];
    curves.into_iter().find_map(|(own, curve)| (own == oid).then_some(curve))
}

/// RFC 8017 appendix A.1.1.
fn rsa(der: &[u8]) -> Result<PublicKey, PemError> {
    let key = RsaPublicKeyRef::from_der(der).map_err(|_| PemError::Malformed)?;
    let (modulus, exponent) = (key.modulus.as_bytes().into(), key.public_exponent.as_bytes().into());
    Ok(PublicKey::Rsa { modulus, exponent })
}

fn unusable(reason: UnusableKey, block: usize) -> PemError {
    match reason {
        UnusableKey::UnsupportedType | UnusableKey::UnsupportedAlgorithm => {
            PemError::UnsupportedKey { block }
        }
        _ => PemError::UnsoundKey { block },
    }
}
