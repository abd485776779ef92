use aws_lc_rs::rand;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// A text that nobody has used or will use: 192 random bits as base64url. `None` if the system has no random numbers.
pub(crate) fn unique_id() -> Option<String> {
    let mut random = [0; 24];
    rand::fill(&mut random).ok()?;
    Some(URL_SAFE_NO_PAD.encode(random))
}
