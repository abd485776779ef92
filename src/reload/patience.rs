use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// A file system that takes longer does not answer. With traffic, nobody waits for one that is kept in memory: from the
/// beginning of a check to when it must have ended it is just as long.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

/// Runs `work` on a thread of its own and waits for it, but no longer than `patience`. `None` if it did not end by then
/// (it is left alone), panicked, or no thread could be had.
pub(super) fn within<R: Send + 'static>(
    patience: Duration,
    work: impl FnOnce() -> R + Send + 'static,
) -> Option<R> {
    let (done, result) = mpsc::sync_channel(1);
    in_background(move || {
        // Nobody listens any more if it took too long.
        let _ = done.send(work());
    })?;
    result.recv_timeout(patience).ok()
}

/// Runs `work` on a thread of its own. `None` if there is none to be had.
pub(super) fn in_background(work: impl FnOnce() + Send + 'static) -> Option<()> {
    let thread = thread::Builder::new().name("portcullis-file".to_owned());
    thread.spawn(work).ok().map(drop)
}
