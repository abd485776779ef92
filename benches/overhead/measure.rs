//! Timing that can be believed on a noisy machine: every case runs in short batches, the batches take turns over
//! many rounds, and what is compared is compared within a round.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use crate::case::Case;

/// Measures the cases and writes a table. The first case is the unit.
pub(crate) fn compare(cases: &mut [Case], rounds: usize, batch: Duration) -> String {
    let sizes: Vec<u32> = cases.iter_mut().map(|case| batch_size(case, batch)).collect();
    let mut times = vec![Vec::with_capacity(rounds); cases.len()];
    for round in 0..rounds {
        for turn in 0..cases.len() {
            // The order rotates, so that nobody always runs behind the same neighbour.
            let index = (round + turn) % cases.len();
            times[index].push(time(&mut cases[index], sizes[index]) / f64::from(sizes[index]));
        }
    }
    let mut table = String::new();
    writeln!(table, "{:<46} {:>10} {:>8} {:>12} {:>8}", "case", "ns", "x first", "over base", "x first")
        .unwrap();
    let unit = times[0].clone();
    for (index, case) in cases.iter().enumerate() {
        let ratio = median(times[index].iter().zip(&unit).map(|(own, unit)| own / unit).collect());
        write!(table, "{:<46} {:>10.0} {ratio:>8.3}", case.name, median(times[index].clone())).unwrap();
        let base = case.base.as_ref().map(|base| cases.iter().position(|other| other.name == *base).unwrap());
        if let Some(base) = base {
            let over: Vec<f64> =
                times[index].iter().zip(&times[base]).map(|(own, base)| own - base).collect();
            let ratio = median(over.iter().zip(&unit).map(|(over, unit)| over / unit).collect());
            write!(table, " {:>12.0} {ratio:>8.3}", median(over)).unwrap();
        }
        table.push('\n');
    }
    table
}

/// How many runs fill a batch.
fn batch_size(case: &mut Case, batch: Duration) -> u32 {
    let mut size = 1;
    while time(case, size) < batch.as_nanos() as f64 && size < 1 << 20 {
        size *= 2;
    }
    size
}

#[expect(clippy::disallowed_methods, reason = "measuring time is what a benchmark is for")]
fn time(case: &mut Case, runs: u32) -> f64 {
    let started = Instant::now();
    for _ in 0..runs {
        assert!((case.run)(), "`{}` did not do what it measures", case.name);
    }
    started.elapsed().as_nanos() as f64
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
