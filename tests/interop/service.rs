//! Servers that keep what they know in files: killed and started again, they know it still.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use http::Uri;

use crate::process::Running;

/// A server that is killed when this is dropped, and forgotten with its files.
pub(crate) struct Service {
    name: &'static str,
    command: Command,
    // Before the files it writes.
    running: Option<Running>,
    files: Files,
}

impl Service {
    /// Starts a program of ours that takes `--state`. Returns what it says when it is ready.
    pub(crate) fn start(name: &'static str, mut command: Command, files: Files) -> (Self, String) {
        command.arg("--state").arg(&files.0);
        let mut this = Self { name, command, running: None, files };
        let ready = this.start_again();
        (this, ready)
    }

    /// From now on, it starts at this port: of an option given twice, the last one counts.
    pub(crate) fn keep_port(&mut self, option: &str, port: u16) {
        self.command.args([option, &port.to_string()]);
    }

    /// Without a warning: on Unix, by SIGKILL.
    pub(crate) fn kill(&mut self) {
        self.running = None;
    }

    /// Starts it with the files it left. Returns what it says when it is ready.
    pub(crate) fn start_again(&mut self) -> String {
        assert!(self.running.is_none(), "{} runs", self.name);
        let (running, ready) = Running::start(self.name, &mut self.command, "READY ");
        self.running = Some(running);
        ready
    }

    pub(crate) fn files(&self) -> &Files {
        &self.files
    }
}

/// A folder of its own, which goes when this is dropped.
pub(crate) struct Files(PathBuf);

impl Files {
    pub(crate) fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("interop-{}-{count}", std::process::id());
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
        fs::create_dir(&folder).unwrap();
        Self(folder)
    }

    pub(crate) fn write(&self, name: &str, content: &str) {
        fs::write(self.path(name), content).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

pub(crate) fn port_of(url: &str) -> u16 {
    url.parse::<Uri>().unwrap().port_u16().unwrap()
}
