//! How often a request allocates, counted. A program of its own: counting slows the allocator down.
//!
//! ```text
//! cargo bench --bench allocations
//! ```
#![expect(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a benchmark fails where it stands"
)]

#[path = "overhead/cases.rs"]
mod cases;

use portcullis::SignatureAlgorithm;

fn main() {
    let (title, mut cases) = cases::cases(SignatureAlgorithm::Rs256);
    let counts: Vec<_> = cases.iter_mut().map(|case| (case.name, case.base, count(&mut case.run))).collect();
    println!("\n{title}: allocations of one run, and over the base");
    for (name, base, count) in &counts {
        let base = counts.iter().find(|(name, ..)| Some(*name) == *base);
        let over = base.map_or_else(String::new, |(.., base)| format!("{:+}", count - base));
        println!("{name:<46} {count:>6} {over:>6}");
    }
}

/// Once everything is warm.
fn count(run: &mut dyn FnMut() -> bool) -> i64 {
    run();
    let info = allocation_counter::measure(|| assert!(run(), "the case did not do what it measures"));
    i64::try_from(info.count_total).unwrap()
}
