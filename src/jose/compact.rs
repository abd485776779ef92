use super::base64url;
use super::error::JoseError;

/// The three parts of a compact JWS (RFC 7515 §7.1), not yet verified.
#[derive(Clone, Copy)]
pub(crate) struct UnverifiedJws<'t> {
    header: &'t str,
    payload: &'t str,
    signature: &'t str,
    signing_input: &'t str,
}

impl<'t> UnverifiedJws<'t> {
    pub(crate) fn split(token: &'t str) -> Result<Self, JoseError> {
        // Two splits from the right, whatever the number of dots: a text full of dots costs nothing more.
        let (signing_input, signature) = token.rsplit_once('.').ok_or(JoseError::NotCompact)?;
        let (header, payload) = signing_input.split_once('.').ok_or(JoseError::NotCompact)?;
        if has_dot(payload) {
            // RFC 7516 §9: five parts are a JWE. Recognised by structure, before its header is believed.
            let five_parts = payload.split('.').take(4).count() == 3;
            return Err(if five_parts { JoseError::Encrypted } else { JoseError::NotCompact });
        }
        if header.is_empty() || payload.is_empty() {
            return Err(JoseError::NotCompact);
        }
        // An empty signature, as unsecured tokens have it, is left to the algorithm: `none` is not in the set, and
        // the others do not verify it.
        Ok(Self { header, payload, signature, signing_input })
    }

    /// Whether a token has the form of a signed JWT: three parts, and the first one is base64url of what begins like a JSON
    /// object.
    ///
    /// By its form alone, which anybody can see, so it says nothing about who made it. An encrypted token, of five parts, has
    /// another; so have tokens that merely have dots in them.
    pub(crate) fn is_one(token: &str) -> bool {
        let parts = token.rsplit_once('.').and_then(|(input, _)| input.split_once('.'));
        let Some((header, _)) = parts.filter(|(_, payload)| !has_dot(payload)) else { return false };
        match header.as_bytes() {
            // Six bits of `{` in the first letter, and two with the bits `11` at the top of the second.
            [b'e', b'w'..=b'z' | b'0'..=b'9' | b'-' | b'_', ..] => true,
            // White space may stand before it (RFC 8259 §2): the same for its four characters.
            [b'I' | b'C' | b'D', ..] => {
                base64url::decode_text(header).is_some_and(|header| header.trim_start().starts_with('{'))
            }
            _ => false,
        }
    }

    pub(super) fn header_json(&self) -> Result<String, JoseError> {
        base64url::decode_text(self.header).ok_or(JoseError::NotCompact)
    }

    /// The payload's text. Unverified: it may cause a refusal and nothing else.
    pub(crate) fn payload_text(&self) -> Result<String, JoseError> {
        base64url::decode_text(self.payload).ok_or(JoseError::NotCompact)
    }

    pub(super) fn signing_input(&self) -> &'t [u8] {
        self.signing_input.as_bytes()
    }

    pub(super) fn signature(&self) -> Result<Vec<u8>, JoseError> {
        base64url::decode(self.signature).ok_or(JoseError::NotCompact)
    }
}

fn has_dot(payload: &str) -> bool {
    // Without an early exit, so that the loop is vectorized: it runs over most of the token.
    payload.bytes().fold(false, |found, byte| found | (byte == b'.'))
}
