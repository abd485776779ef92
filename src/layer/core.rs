use std::sync::Arc;
use std::time::Duration;

use super::challenges::Challenges;
use crate::bearer::Carriers;
use crate::clock::Clock;
use crate::issuers::Issuers;
use crate::validate::TokenValidator;

/// What all layers of one server share. Its address is the server's identity.
pub(crate) struct Core {
    pub(crate) validator: Box<dyn TokenValidator>,
    pub(crate) issuers: Issuers,
    pub(crate) carriers: Carriers,
    pub(crate) challenges: Challenges,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) leeway: Duration,
}
