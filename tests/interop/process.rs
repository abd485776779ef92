//! Programs that run beside the test and end with it.

use std::io::{BufRead as _, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// Generous: the machine may be building something else.
const TIME_TO_START: Duration = Duration::from_secs(30);
/// Twice in some seven hundred starts the provider was not ready after a minute, for a reason that is not known. How
/// other programs start is not what is tested here.
const ATTEMPTS: u32 = 2;

/// A program that is killed when this is dropped.
pub(crate) struct Running {
    child: Child,
    log: Option<JoinHandle<()>>,
}

impl Running {
    /// Starts a program and waits for a line of its output that starts with `sign`; returns the rest of it.
    pub(crate) fn start(name: &'static str, command: &mut Command, sign: &'static str) -> (Self, String) {
        let (this, mut lines) = Self::start_reading(name, command, sign);
        let line = lines.pop().unwrap();
        (this, line.strip_prefix(sign).unwrap().to_owned())
    }

    /// Starts a program and reads its output up to a line that starts with `sign`.
    pub(crate) fn start_reading(
        name: &'static str,
        command: &mut Command,
        sign: &'static str,
    ) -> (Self, Vec<String>) {
        let started = (0..ATTEMPTS).find_map(|_| Self::try_to_start(name, command, sign));
        started.unwrap_or_else(|| panic!("{name} was started {ATTEMPTS} times and is not ready"))
    }

    /// `None` if it takes too long.
    fn try_to_start(
        name: &'static str,
        command: &mut Command,
        sign: &'static str,
    ) -> Option<(Self, Vec<String>)> {
        // Standard input is held open and never written to: a program can tell from its end that we are gone.
        let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("starting {name}: {error}"));
        let (stdout, stderr) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
        let log = each_line(stderr, move |line| eprintln!("  [{name}] {line}"));
        let this = Self { child, log: Some(log) };

        let (sender, receiver) = mpsc::channel();
        // Reads on after the sign, and no program blocks on a full pipe.
        let mut read = Vec::new();
        each_line(stdout, move |line| {
            let is_sign = line.starts_with(sign);
            read.push(line);
            if is_sign {
                // Nobody listens for a second one.
                let _ = sender.send(std::mem::take(&mut read));
            }
        });
        match receiver.recv_timeout(TIME_TO_START) {
            Ok(lines) => Some((this, lines)),
            Err(RecvTimeoutError::Timeout) => {
                eprintln!("  [{name}] is not ready after {TIME_TO_START:?}");
                None
            }
            Err(RecvTimeoutError::Disconnected) => panic!("{name} ended before it was ready"),
        }
    }
}

/// Runs a program to its end. `needs` is for whoever has not installed it.
pub(crate) fn run(needs: &str, command: &mut Command) {
    let output =
        command.output().unwrap_or_else(|error| panic!("this test needs {needs}: {command:?}: {error}"));
    assert!(
        output.status.success(),
        "this test needs {needs}: {command:?} failed: {}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself; then there is nothing to kill.
        let _ = self.child.kill();
        let _ = self.child.wait();
        // Its last words belong into the report of this test.
        let _ = self.log.take().map(JoinHandle::join);
    }
}

fn each_line(
    from: impl Read + Send + 'static,
    mut act: impl FnMut(String) + Send + 'static,
) -> JoinHandle<()> {
    thread::spawn(move || BufReader::new(from).lines().map_while(Result::ok).for_each(&mut act))
}
