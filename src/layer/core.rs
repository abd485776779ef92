use std::sync::Arc;
use std::time::Duration;

use crate::bearer::{Carriers, Protection};
use crate::clock::Clock;
use crate::validate::TokenValidator;

/// What all layers of one server share. Its address is the server's identity.
pub(crate) struct Core {
    pub(crate) validator: Box<dyn TokenValidator>,
    pub(crate) carriers: Carriers,
    pub(crate) protection: Protection,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) leeway: Duration,
}
