use super::allowed::JwsAlgorithm;

/// Why a text is not a signed token that one of our keys verifies. No variant carries anything from the token.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum JoseError {
    #[error("the token is not a compact JWS of three base64url parts")]
    NotCompact,
    #[error("the token has five parts: it is encrypted (JWE)")]
    Encrypted,
    #[error("the JOSE header is not a JSON object with the members and types of RFC 7515")]
    MalformedHeader,
    #[error("the header parameter `{0}` is refused")]
    RefusedParameter(&'static str),
    #[error("the content type `JWT` marks a nested token, which is refused")]
    Nested,
    #[error("`alg` names no algorithm that this issuer may use")]
    AlgorithmNotAllowed,
    #[error("no key of the issuer matches `kid` and `alg` {0}")]
    UnknownKey(JwsAlgorithm),
    #[error("the signature does not verify")]
    BadSignature,
}
