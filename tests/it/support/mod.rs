//! What the tests share: an API behind the layer that counts its calls, answers to assert on, a scripted client.

mod api;
mod client;
mod codes;
mod logs;

pub(crate) use api::{AUDIENCE, Answer, Api, ISSUER};
pub(crate) use client::{Reply, ScriptedClient};
pub(crate) use codes::{promised, table};
pub(crate) use logs::capture_logs;

/// 2026-01-01T00:00:00Z, where manual clocks start.
pub(crate) const NOW: u64 = 1_767_225_600;
