//! Keys in real life: an issuer behind a real socket that rotates its keys, breaks in every way and comes back, clients
//! with valid tokens, and a stranger who sends up to 10 000 random `kid`s a second. Minutes are compressed by the
//! configuration: the durations of `KeyTiming` are scaled to the cooldown of the run. To make it shorter, the lifetime is 10
//! cooldowns instead of 20 and the stale bound 70 instead of 120; no pause or timeout is below 250 ms.
//!
//! Each line is a number, and whether it is within its bar. P6: a flood of unknown keys causes at most one fetch per cooldown.
//! P7: nothing is refused in a rotation (a) of keys published before use, (b) without notice, later than a cooldown after the
//! last fetch; (c) without notice and under flood, nothing is refused for longer than a cooldown. P8: no valid token of a
//! known key is refused in an outage of half an hour, in whatever way the issuer fails.
//!
//! ```text
//! cargo test --release --test faults                              a minute and a half
//! cargo test --release --test faults -- --cooldown-ms 5000        a quarter of an hour
//! cargo test --release --test faults -- --cooldown-ms 30000       the pauses of the default: an hour and a half
//! ```
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    reason = "a run that breaks fails"
)]

mod client;
mod issuer;
mod load;
mod report;
mod run;

use std::process::ExitCode;
use std::time::Duration;

use run::Run;

fn main() -> ExitCode {
    let cooldown = cooldown().unwrap_or(Duration::from_millis(500));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let mut run = Run::start(cooldown).await;
        run.rotation_with_notice().await;
        run.rotation_with_notice_under_flood().await;
        run.hard_rotation_without_flood().await;
        run.hard_rotation_under_flood().await;
        run.one_good_key_among_malformed_ones().await;
        run.outage_within_the_stale_bound().await;
        run.outage_beyond_the_stale_bound().await;
        run.every_key_withdrawn().await;
        run.end()
    })
}

/// `--cooldown-ms N`. Whatever else `cargo test` passes is not for us.
fn cooldown() -> Option<Duration> {
    let mut arguments = std::env::args().skip_while(|argument| argument != "--cooldown-ms");
    let milliseconds = arguments.nth(1)?.parse().expect("--cooldown-ms takes a number");
    Some(Duration::from_millis(milliseconds))
}
