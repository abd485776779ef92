use std::cell::RefCell;
use std::io;
use std::sync::Once;

use tracing_subscriber::filter::LevelFilter;

thread_local! {
    /// What this thread logs, while somebody wants to know.
    static LOGGED: RefCell<Option<Vec<u8>>> = const { RefCell::new(None) };
}

/// Runs `work`, all of it on this thread, and returns everything that was logged meanwhile, at every level.
///
/// One subscriber serves the whole process: with one per test, a test that first meets an event can switch it off
/// for the others.
pub(crate) async fn capture_logs<T>(work: impl Future<Output = T>) -> (T, String) {
    static SUBSCRIBED: Once = Once::new();
    SUBSCRIBED.call_once(|| {
        let subscriber = tracing_subscriber::fmt().with_max_level(LevelFilter::TRACE).with_ansi(false);
        subscriber.with_writer(|| Sink).init();
    });
    LOGGED.with_borrow_mut(|logged| assert!(logged.replace(Vec::new()).is_none(), "one capture at a time"));
    let result = work.await;
    let logged = LOGGED.take().unwrap_or_default();
    (result, String::from_utf8(logged).unwrap())
}

struct Sink;

impl io::Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        LOGGED.with_borrow_mut(|logged| logged.iter_mut().for_each(|logged| logged.extend_from_slice(bytes)));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
