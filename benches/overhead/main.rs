//! What the layer costs, as ratios measured in one run.
//!
//! ```text
//! cargo bench --bench overhead                # a minute
//! cargo bench --bench overhead -- RS256       # only the groups whose title has this text
//! cargo bench --bench overhead -- --test      # a smoke run: every case a few times, no numbers to quote
//! ```
//!
//! `V` is one raw signature verification with a key parsed once; `bare` is the same Axum route without the layer.
#![expect(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a benchmark fails where it stands"
)]

mod case;
mod cases;
mod introspection;
mod loopback;
mod measure;
mod policy;
mod token;

use std::time::Duration;

fn main() {
    let smoke = std::env::args().any(|argument| argument == "--test");
    let wanted = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
    let (rounds, batch) = if smoke { (3, Duration::ZERO) } else { (41, Duration::from_millis(5)) };
    for mut group in cases::groups() {
        if wanted.as_ref().is_none_or(|wanted| group.title.contains(wanted)) {
            println!("\n{}\n{}", group.title, measure::compare(&mut group.cases, rounds, batch));
        }
    }
}
