use std::fmt::Display;
use std::process::ExitCode;

/// What was measured against its bar.
#[derive(Default)]
pub(crate) struct Report {
    missed: usize,
}

impl Report {
    /// A fact without a bar.
    pub(crate) fn note(&self, what: &str, value: impl Display) {
        println!("     {what:<72} {value}");
    }

    /// A number that has to be within its bar.
    pub(crate) fn check(&mut self, id: &str, what: &str, value: impl Display, met: bool) {
        let verdict = if met { "met" } else { "MISSED" };
        println!("{id:<4} {what:<72} {value:<12} {verdict}");
        self.missed += usize::from(!met);
    }

    pub(crate) fn code(&self) -> ExitCode {
        println!("{} missed", self.missed);
        if self.missed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}

/// The resident memory of this process, in KiB.
pub(crate) fn memory() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).unwrap_or_default()
}
