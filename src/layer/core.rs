use std::sync::Arc;
use std::time::Duration;

use super::challenges::Challenges;
use crate::bearer::Carriers;
use crate::clock::Clock;
use crate::issuers::Issuers;
use crate::token::ValidatedToken;
use crate::validate::{InvalidToken, TokenValidator, check_expiry};

/// What all layers of one server share. Its address is the server's identity.
pub(crate) struct Core {
    pub(crate) validator: Box<dyn TokenValidator>,
    pub(crate) issuers: Issuers,
    pub(crate) carriers: Carriers,
    pub(crate) challenges: Challenges,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) leeway: Duration,
}

impl Core {
    /// Judges `exp` at this instant. Whether there must be one is for the validator to say.
    pub(super) fn check_now(&self, token: &ValidatedToken) -> Result<(), InvalidToken> {
        match token.expires_at() {
            Some(_) => check_expiry(token.claims(), self.clock.unix_time(), self.leeway),
            None => Ok(()),
        }
    }
}
