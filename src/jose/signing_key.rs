use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;

use super::algorithm::SignatureAlgorithm;
use super::signing_pair::{SigningPair, UnfitKey};

/// A private key of ours, for one algorithm.
pub(crate) struct SigningKey {
    algorithm: SignatureAlgorithm,
    pair: SigningPair,
}

/// Why a text is no private key for an algorithm. Nothing of the text is in it but the kind of a well-known block.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum SigningKeyError {
    #[error("is not exactly one well-formed PEM block")]
    NotOneBlock,
    #[error("has a PEM block of the kind `{0}`, and a private key is one of the kind `PRIVATE KEY` (PKCS#8)")]
    OtherKind(&'static str),
    #[error("has a private key that does not go with {}", .0.name())]
    OtherAlgorithm(SignatureAlgorithm),
    #[error("has an RSA key of less than 2048 bits")]
    TooSmall,
    #[error("is not the PKCS#8 of a sound private key of a supported type")]
    Malformed,
}

/// Kinds of blocks that are known and refused. Others are not named: their label is anybody's text.
const REFUSED: [&str; 8] = [
    "CERTIFICATE",
    "DSA PRIVATE KEY",
    "EC PRIVATE KEY",
    "ENCRYPTED PRIVATE KEY",
    "OPENSSH PRIVATE KEY",
    "PUBLIC KEY",
    "RSA PRIVATE KEY",
    "RSA PUBLIC KEY",
];

/// RFC 7515 §4.1, RFC 7519 §5.1.
#[derive(Serialize)]
struct Header<'a> {
    alg: &'static str,
    typ: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    kid: Option<&'a str>,
}

impl SigningKey {
    /// Reads PKCS#8 as PEM (RFC 7468 §10).
    pub(crate) fn from_pem(text: &str, algorithm: SignatureAlgorithm) -> Result<Self, SigningKeyError> {
        let blocks = pem::parse_many(text).map_err(|_| SigningKeyError::NotOneBlock)?;
        // What begins and does not end is not among the blocks.
        let ([block], 1) = (blocks.as_slice(), text.matches("-----BEGIN").count()) else {
            return Err(SigningKeyError::NotOneBlock);
        };
        if block.tag() != "PRIVATE KEY" {
            let kind = REFUSED.into_iter().find(|kind| *kind == block.tag());
            return Err(SigningKeyError::OtherKind(kind.unwrap_or("unknown")));
        }
        let pair = SigningPair::from_pkcs8(algorithm, block.contents()).map_err(|unfit| match unfit {
            UnfitKey::OtherAlgorithm => SigningKeyError::OtherAlgorithm(algorithm),
            UnfitKey::TooSmall => SigningKeyError::TooSmall,
            UnfitKey::Malformed => SigningKeyError::Malformed,
        })?;
        Ok(Self { algorithm, pair })
    }

    /// A JWT with these claims in the compact serialization (RFC 7515 §7.1). `None` if it cannot be signed.
    pub(crate) fn sign_jwt(&self, key_id: Option<&str>, claims: &impl Serialize) -> Option<String> {
        let header = Header { alg: self.algorithm.name(), typ: "JWT", kid: key_id };
        let header = URL_SAFE_NO_PAD.encode(serde_json::to_vec(&header).ok()?);
        let claims = URL_SAFE_NO_PAD.encode(serde_json::to_vec(claims).ok()?);
        let input = format!("{header}.{claims}");
        let signature = URL_SAFE_NO_PAD.encode(self.pair.sign(self.algorithm, input.as_bytes())?);
        Some(format!("{input}.{signature}"))
    }
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::encoding::AsDer as _;
    use aws_lc_rs::rsa::KeySize;
    use aws_lc_rs::signature::{
        self, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, PqdsaKeyPair, RsaKeyPair, UnparsedPublicKey,
        VerificationAlgorithm,
    };
    use pem::Pem;

    use super::*;

    type A = SignatureAlgorithm;

    /// A new private key for an algorithm, in PKCS#8, and the public one.
    fn generate(algorithm: A) -> (Vec<u8>, Vec<u8>) {
        let ecdsa = |algorithm| {
            let pair = EcdsaKeyPair::generate(algorithm).unwrap();
            (pair.to_pkcs8v1().unwrap().as_ref().to_vec(), pair.public_key().as_ref().to_vec())
        };
        let ml_dsa = |algorithm| {
            let pair = PqdsaKeyPair::generate(algorithm).unwrap();
            (pair.to_pkcs8v1().unwrap().as_ref().to_vec(), pair.public_key().as_ref().to_vec())
        };
        match algorithm {
            A::Es256 => ecdsa(&signature::ECDSA_P256_SHA256_FIXED_SIGNING),
            A::Es384 => ecdsa(&signature::ECDSA_P384_SHA384_FIXED_SIGNING),
            A::Es512 => ecdsa(&signature::ECDSA_P521_SHA512_FIXED_SIGNING),
            A::MlDsa44 => ml_dsa(&signature::ML_DSA_44_SIGNING),
            A::MlDsa65 => ml_dsa(&signature::ML_DSA_65_SIGNING),
            A::MlDsa87 => ml_dsa(&signature::ML_DSA_87_SIGNING),
            A::EdDsa | A::Ed25519 => {
                let pair = Ed25519KeyPair::generate().unwrap();
                (pair.to_pkcs8v1().unwrap().as_ref().to_vec(), pair.public_key().as_ref().to_vec())
            }
            _ => {
                let pair = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
                (pair.as_der().unwrap().as_ref().to_vec(), pair.public_key().as_ref().to_vec())
            }
        }
    }

    fn verification(algorithm: A) -> &'static dyn VerificationAlgorithm {
        match algorithm {
            A::EdDsa | A::Ed25519 => &signature::ED25519,
            A::Es256 => &signature::ECDSA_P256_SHA256_FIXED,
            A::Es384 => &signature::ECDSA_P384_SHA384_FIXED,
            A::Es512 => &signature::ECDSA_P521_SHA512_FIXED,
            A::MlDsa44 => &signature::ML_DSA_44,
            A::MlDsa65 => &signature::ML_DSA_65,
            A::MlDsa87 => &signature::ML_DSA_87,
            A::Ps256 => &signature::RSA_PSS_2048_8192_SHA256,
            A::Ps384 => &signature::RSA_PSS_2048_8192_SHA384,
            A::Ps512 => &signature::RSA_PSS_2048_8192_SHA512,
            A::Rs256 => &signature::RSA_PKCS1_2048_8192_SHA256,
            A::Rs384 => &signature::RSA_PKCS1_2048_8192_SHA384,
            A::Rs512 => &signature::RSA_PKCS1_2048_8192_SHA512,
        }
    }

    fn pem(label: &str, der: &[u8]) -> String {
        pem::encode(&Pem::new(label, der))
    }

    fn error(text: &str, algorithm: A) -> SigningKeyError {
        SigningKey::from_pem(text, algorithm).err().unwrap()
    }

    #[test]
    fn a_key_signs_for_its_algorithm_and_for_no_other_kind() {
        for algorithm in A::ALL {
            let (private, public) = generate(algorithm);
            let text = pem("PRIVATE KEY", &private);
            let key = SigningKey::from_pem(&format!("of {algorithm}\n{text}"), algorithm).unwrap();
            let jwt = key.sign_jwt(Some("k\""), &["claims"]).unwrap();
            let (input, signature) = jwt.rsplit_once('.').unwrap();
            let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
            let public = UnparsedPublicKey::new(verification(algorithm), public);
            assert!(public.verify(input.as_bytes(), &signature).is_ok(), "{algorithm}");
            assert!(public.verify(b"another", &signature).is_err(), "{algorithm}");
            let parts =
                [format!(r#"{{"alg":"{algorithm}","typ":"JWT","kid":"k\""}}"#), r#"["claims"]"#.to_owned()];
            assert_eq!(input, parts.map(|part| URL_SAFE_NO_PAD.encode(part)).join("."));

            let others = A::ALL.map(|other| (other, SigningKey::from_pem(&text, other)));
            for (other, result) in &others {
                let refused = SigningKeyError::OtherAlgorithm(*other);
                assert!(result.as_ref().err().is_none_or(|error| *error == refused), "{algorithm} {other}");
            }
            let takes = others.iter().filter(|(_, result)| result.is_ok()).count();
            let expected = match algorithm {
                A::EdDsa | A::Ed25519 => 2,
                A::Es256 | A::Es384 | A::Es512 | A::MlDsa44 | A::MlDsa65 | A::MlDsa87 => 1,
                _ => 6,
            };
            assert_eq!(takes, expected, "{algorithm}");
        }
    }

    #[test]
    fn without_an_identifier_there_is_no_kid() {
        let key = SigningKey::from_pem(&pem("PRIVATE KEY", &generate(A::Ed25519).0), A::EdDsa).unwrap();
        let jwt = key.sign_jwt(None, &["claims"]).unwrap();
        assert!(jwt.starts_with(&URL_SAFE_NO_PAD.encode(r#"{"alg":"EdDSA","typ":"JWT"}"#)), "{jwt}");
    }

    #[test]
    fn what_is_not_one_private_key_is_refused_by_name() {
        let (private, public) = generate(A::Es256);
        let text = pem("PRIVATE KEY", &private);
        for not_one in [
            "",
            "private",
            &text.repeat(2),
            &text.replace("-----END", "END"),
            &format!("{text}-----BEGIN X-----"),
        ] {
            assert_eq!(error(not_one, A::Es256), SigningKeyError::NotOneBlock, "{not_one}");
        }
        for kind in
            ["PUBLIC KEY", "CERTIFICATE", "ENCRYPTED PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY"]
        {
            assert_eq!(error(&pem(kind, &public), A::Es256), SigningKeyError::OtherKind(kind));
        }
        assert_eq!(error(&pem("MY KEY", &private), A::Es256), SigningKeyError::OtherKind("unknown"));
        for der in [&private[1..], &private[..private.len() - 1], &public, b""] {
            assert_eq!(error(&pem("PRIVATE KEY", der), A::Es256), SigningKeyError::Malformed);
        }
        for algorithm in [A::Rs256, A::Rs512, A::Ps256] {
            assert_eq!(error(RSA_1024, algorithm), SigningKeyError::TooSmall);
        }
        assert!(SigningKey::from_pem(RSA_1024, A::Es256).is_err());
    }

    /// Made for this test.
    const RSA_1024: &str = "-----BEGIN PRIVATE KEY-----
MIICdwIBADANBgkqhkiG9w0BAQEFAASCAmEwggJdAgEAAoGBAMeVKtzSQl7YoN2i
3DSyxKDD9Q2rSgSi8y89xa8nFQUylSE7Nh3WSGRg0vGqJeXHIJT4Odc1NfSSvBmM
tf/t4OS2L9kD4uYzsYan49pwwgPpOsr1iMPmRbYuTMOaYlLEg1KY6HsGGWV6FXQR
k0k25ftpLsLIp2EQbfH1ZM2vGKMLAgMBAAECgYBkcc9DmVIr18yGHwvCPeI1osl2
2qkC0luff/A4qWur1Pw24EzpEUoXsp8XXvF5xhDAyHibtbz03NBr72Q9bKPMsyZs
hAfcdC0ta4ojSxuSDTYuRXL+RkwVWEttv8oEf3fdgnax5vaT9yCpJNfBh0XCJAt6
MgbHe6g+3U4EQGYwcQJBAPSK+YrKlqYUq0VLstmWaPTxxR0QwSaj4WrMHLlSdw2M
xOV7DYJB73WrXPAbyEr5SvzP0TUgijjrZjg0izshljMCQQDQ7vG5h1Qb4p8CklO2
kSQWYUoeh8zHs4+ywTxPoJwBAXVtimgbm5S9Zh9A0QvGor/K8tiqXIjhlim+r/rP
eHfJAkEAzdN/cANOQ2GYOo4Zbiy8EJbCOtGUUSqUm6hK8OzpCb2XKDOnTiCjJV5j
rjEkJ36mUB22z8mgrYHsmpgXLGD7owJAfN/zddHegXQnWaAfjKSfDwlDBZBg4pL9
tfcsluMFmsxGZRwuMSIB+lmJIHJROX2YaDJRMTFxVnMrrB7+JvZ3kQJBAJzwGD4W
F+50koYRfPiULOJGuZf0R2aZ3SLHPO9QcG/uG7IXbsuxzfCIvQ3LMpCJ0TXw+YxN
NPx+n7v5y2r8Mvw=
-----END PRIVATE KEY-----";
}
