//! What the tests share: an API behind the layer that counts its calls, answers to assert on, a scripted client, toys
//! for what a test does not look at, and examples as users start them.

mod api;
mod client;
mod codes;
mod example;
mod logs;
mod toy;

pub(crate) use api::{AUDIENCE, Answer, Api, ISSUER};
pub(crate) use client::{Reply, ScriptedClient};
pub(crate) use codes::{promised, table};
pub(crate) use example::{Example, Printed};
pub(crate) use logs::capture_logs;
pub(crate) use toy::{Strict, Toy, get};

/// 2026-01-01T00:00:00Z, where manual clocks start.
pub(crate) const NOW: u64 = 1_767_225_600;
