//! How often a request allocates, counted. A program of its own: counting slows the allocator down.
//!
//! ```text
//! cargo bench --bench allocations
//! ```
#![expect(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a benchmark fails where it stands"
)]

#[path = "overhead/case.rs"]
mod case;
#[path = "overhead/cases.rs"]
mod cases;
#[path = "overhead/introspection.rs"]
mod introspection;
#[path = "overhead/loopback.rs"]
mod loopback;
#[path = "overhead/policy.rs"]
mod policy;
#[path = "overhead/token.rs"]
mod token;

fn main() {
    for mut group in cases::groups() {
        let counts: Vec<_> =
            group.cases.iter_mut().map(|case| (&case.name, &case.base, count(&mut case.run))).collect();
        println!("\n{}: allocations of one run, and over the base", group.title);
        for (name, base, count) in &counts {
            let base = base.as_ref().and_then(|base| counts.iter().find(|(name, ..)| *name == base));
            let over = base.map_or_else(String::new, |(.., base)| format!("{:+}", count - base));
            println!("{name:<46} {count:>6} {over:>6}");
        }
    }
}

/// Once everything is warm.
fn count(run: &mut dyn FnMut() -> bool) -> i64 {
    run();
    let info = allocation_counter::measure(|| assert!(run(), "the case did not do what it measures"));
    i64::try_from(info.count_total).unwrap()
}
