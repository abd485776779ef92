//! What the layer costs, as ratios measured in one run.
//!
//! ```text
//! cargo bench --bench overhead            # a minute
//! cargo bench --bench overhead -- --test  # a smoke run: every case a few times, no numbers to quote
//! ```
//!
//! `V` is one raw signature verification with a key parsed once; `bare` is the same Axum route without the layer.
#![expect(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a benchmark fails where it stands"
)]

mod cases;
mod measure;

use std::time::Duration;

use portcullis::SignatureAlgorithm;

fn main() {
    let smoke = std::env::args().any(|argument| argument == "--test");
    let (rounds, batch) = if smoke { (3, Duration::ZERO) } else { (41, Duration::from_millis(5)) };
    for algorithm in [SignatureAlgorithm::Rs256, SignatureAlgorithm::Es256] {
        let (title, mut cases) = cases::cases(algorithm);
        println!("\n{title}\n{}", measure::compare(&mut cases, rounds, batch));
    }
}
