use std::cell::RefCell;
use std::io;
use std::sync::{Mutex, Once};

use tracing_subscriber::filter::LevelFilter;

thread_local! {
    /// What this thread logs, while somebody wants to know.
    static LOGGED: RefCell<Option<Vec<u8>>> = const { RefCell::new(None) };
}

/// What any thread logs of files and policies, which have threads of their own.
static OF_FILES: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Runs `work`, all of it on this thread, and returns everything that was logged meanwhile, at every level.
///
/// One subscriber serves the whole process: with one per test, a test that first meets an event can switch it off
/// for the others.
pub(crate) async fn capture_logs<T>(work: impl Future<Output = T>) -> (T, String) {
    subscribe();
    LOGGED.with_borrow_mut(|logged| assert!(logged.replace(Vec::new()).is_none(), "one capture at a time"));
    let result = work.await;
    let logged = LOGGED.take().unwrap_or_default();
    (result, String::from_utf8(logged).unwrap())
}

/// The events about files and policies whose line has this text. Those from before the first call may be missing.
pub(crate) fn logged_of_files(text: &str) -> Vec<String> {
    subscribe();
    let lines = OF_FILES.lock().unwrap();
    lines.iter().filter(|line| line.contains(text)).cloned().collect()
}

/// Begins to read what is logged. From then on, the first event of a thread costs the memory of its line.
pub(crate) fn subscribe() {
    static SUBSCRIBED: Once = Once::new();
    SUBSCRIBED.call_once(|| {
        let subscriber = tracing_subscriber::fmt().with_max_level(LevelFilter::TRACE).with_ansi(false);
        subscriber.with_writer(|| Sink).init();
    });
}

struct Sink;

impl io::Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let line = String::from_utf8_lossy(bytes);
        if line.contains("portcullis::files") || line.contains("portcullis::policy") {
            OF_FILES.lock().unwrap().push(line.into_owned());
        }
        LOGGED.with_borrow_mut(|logged| logged.iter_mut().for_each(|logged| logged.extend_from_slice(bytes)));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
