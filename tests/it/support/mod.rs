//! What the tests share: an API behind the layer that counts its calls, answers to assert on, a scripted client; toys
//! for what a test does not look at; a bounded wait; an issuer behind a scripted network;
//! examples as users start them; a folder for files; a server on real sockets, and numbers from a fixed
//! seed.

mod api;
mod challenge;
mod client;
mod codes;
mod example;
mod folder;
pub(crate) mod frames;
mod logs;
mod origin;
mod random;
mod site;
mod toy;
mod wait;
mod wire;

pub(crate) use api::{AUDIENCE, Answer, Api, ISSUER};
pub(crate) use challenge::Challenge;
pub(crate) use client::{Reply, ScriptedClient};
pub(crate) use codes::{promised, table};
pub(crate) use example::{Example, Printed};
pub(crate) use folder::Folder;
pub(crate) use logs::{capture_logs, logged_of_files, subscribe};
pub(crate) use origin::{Origin, Serve};
pub(crate) use random::Random;
pub(crate) use site::{JWKS, Site};
pub(crate) use toy::{Strict, Toy, get};
pub(crate) use wait::eventually;
pub(crate) use wire::{Expected, Server, Stack, WireAnswer};

/// 2026-01-01T00:00:00Z, where manual clocks start.
pub(crate) const NOW: u64 = 1_767_225_600;
