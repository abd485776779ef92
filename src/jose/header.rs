use super::allowed::{AllowedAlgorithms, JwsAlgorithm};
use super::compact::UnverifiedJws;
use super::error::JoseError;
use crate::json::{Document, Value};

/// Parameters that change what a verified token means, or bring a key of their own.
const REFUSED: [&str; 6] = [
    // RFC 7515 §4.1.11: we implement no extension, so every critical one makes the token invalid.
    "crit", //
    // RFC 7797 §7: an unencoded payload is never a JWT.
    "b64", //
    // RFC 8725 §3.10, RFC 9068 §4: only the issuer's own keys are a source of trust.
    "jwk", "x5c", //
    // RFC 7516 §4: parameters of encryption have no place in a signed token.
    "enc", "zip",
];

/// The JOSE header of a JWS (RFC 7515 §4), as far as it may select among what is configured.
pub(crate) struct JoseHeader {
    document: Document,
    algorithm: JwsAlgorithm,
    key_id: Option<usize>,
    typ: Option<usize>,
}

impl JoseHeader {
    pub(crate) fn parse(jws: &UnverifiedJws<'_>, allowed: &AllowedAlgorithms) -> Result<Self, JoseError> {
        let document = Document::parse(jws.header_json()?).map_err(|_| JoseError::MalformedHeader)?;
        let members = document.root().as_object().ok_or(JoseError::MalformedHeader)?;
        let (mut algorithm, mut key_id, mut typ) = (None, None, None);
        for (name, value) in members.members() {
            match name {
                "alg" => algorithm = Some(text(value)?),
                "kid" => key_id = Some(text(value).map(|_| value.position())?),
                "typ" => typ = Some(text(value).map(|_| value.position())?),
                // RFC 7519 §5.2: "JWT" as content type announces a nested token.
                "cty" if MediaType(text(value)?).is("jwt") => return Err(JoseError::Nested),
                _ => {
                    if let Some(refused) = REFUSED.into_iter().find(|refused| *refused == name) {
                        return Err(JoseError::RefusedParameter(refused));
                    }
                }
            }
        }
        let algorithm = algorithm.ok_or(JoseError::MalformedHeader)?;
        // RFC 8725 §3.1: the algorithm is looked up in our set; `none` is in none.
        let algorithm = allowed.find(algorithm).ok_or(JoseError::AlgorithmNotAllowed)?;
        Ok(Self { document, algorithm, key_id, typ })
    }

    pub(crate) fn algorithm(&self) -> JwsAlgorithm {
        self.algorithm
    }

    /// `kid`.
    pub(crate) fn key_id(&self) -> Option<&str> {
        self.document.at(self.key_id?).as_str()
    }

    /// `typ`.
    pub(crate) fn typ(&self) -> Option<MediaType<'_>> {
        self.document.at(self.typ?).as_str().map(MediaType)
    }
}

fn text(value: Value<'_>) -> Result<&str, JoseError> {
    value.as_str().ok_or(JoseError::MalformedHeader)
}

/// A media type in a header, where `application/` may be left out (RFC 7515 §4.1.9).
#[derive(Clone, Copy)]
pub(crate) struct MediaType<'a>(&'a str);

impl MediaType<'_> {
    /// Whether this is `application/{subtype}`. Media types are compared without regard to case.
    pub(crate) fn is(self, subtype: &str) -> bool {
        let prefix = "application/";
        let shortened = match self.0.split_at_checked(prefix.len()) {
            Some((start, rest)) if start.eq_ignore_ascii_case(prefix) => rest,
            _ => self.0,
        };
        shortened.eq_ignore_ascii_case(subtype)
    }
}
