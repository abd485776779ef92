use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::{mem, thread};

use tokio::sync::oneshot::{self, Sender};

use super::patience::{PATIENCE, in_background, within};
use super::text_file::{Content, TextFile};
use crate::error::ConfigProblem;
use crate::flight::MOST_WAITING;

/// A file whose last good value is never used instead of what it says now: it is read each time.
pub(crate) struct Fresh<T> {
    shared: Arc<Shared<T>>,
}

struct Shared<T> {
    file: TextFile<T>,
    /// What it said the last time: a text that has not changed is not parsed again.
    known: Mutex<Arc<Content<T>>>,
    queue: Mutex<Queue<T>>,
}

/// Those for whom the file is read next: all at once, and after they asked, so none gets what was replaced before.
struct Queue<T> {
    reading: bool,
    waiting: Vec<Sender<Result<T, ConfigProblem>>>,
}

impl<T: Clone + Send + Sync + 'static> Fresh<T> {
    /// Reads the file for the first time, on this thread.
    pub(crate) fn open(file: TextFile<T>) -> Result<Self, ConfigProblem> {
        let content = file.first()?;
        let known = Mutex::new(Arc::new(content));
        let queue = Mutex::new(Queue { reading: false, waiting: Vec::new() });
        Ok(Self { shared: Arc::new(Shared { file, known, queue }) })
    }

    /// What it said the last time that it was read.
    #[cfg(feature = "reqwest")]
    pub(crate) fn last(&self) -> T {
        self.shared.known.lock().unwrap_or_else(PoisonError::into_inner).value.clone()
    }

    /// Reads the file on a thread of its own, and waits for that. Where the file system does not answer, who waits is told
    /// so after a while, and who comes meanwhile waits with them, up to a bound.
    pub(crate) fn read(&self) -> impl Future<Output = Result<T, ConfigProblem>> + Send + use<T> {
        let shared = Arc::clone(&self.shared);
        async move {
            let Some(result) = Shared::wait(&shared) else {
                return Err(shared.file.unreadable(&"too many wait for it"));
            };
            result.await.unwrap_or_else(|_| Err(shared.file.unreadable(&"the thread that reads it ended")))
        }
    }
}

impl<T: Clone + Send + Sync + 'static> Shared<T> {
    /// One more place in the queue, and somebody who serves it. `None` if it is full.
    fn wait(this: &Arc<Self>) -> Option<oneshot::Receiver<Result<T, ConfigProblem>>> {
        let mut queue = this.queue();
        // Who asked may be gone by now.
        queue.waiting.retain(|waiting| !waiting.is_closed());
        if queue.waiting.len() >= MOST_WAITING {
            return None;
        }
        let (done, result) = oneshot::channel();
        queue.waiting.push(done);
        if !mem::replace(&mut queue.reading, true) {
            let serving = Arc::clone(this);
            if in_background(move || serving.serve()).is_none() {
                queue.abandon();
            }
        }
        Some(result)
    }

    /// Reads for all who wait, until nobody does.
    fn serve(self: Arc<Self>) {
        let _panicking = Abandon(&self);
        loop {
            let waiting = {
                let mut queue = self.queue();
                queue.reading = !queue.waiting.is_empty();
                mem::take(&mut queue.waiting)
            };
            if waiting.is_empty() {
                return;
            }
            let reading = Arc::clone(&self);
            // `None` for a panic, too.
            let result = within(PATIENCE, move || reading.read());
            let result = result.unwrap_or_else(|| Err(self.file.unreadable(&"it was not read in time")));
            for done in waiting {
                let _ = done.send(result.clone());
            }
        }
    }

    fn read(&self) -> Result<T, ConfigProblem> {
        let known = Arc::clone(&self.known.lock().unwrap_or_else(PoisonError::into_inner));
        let Some(content) = self.file.read(Some(&*known))? else { return Ok(known.value.clone()) };
        let value = content.value.clone();
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(content);
        let path = self.file.path().display();
        tracing::info!(target: "portcullis::files", event = "file_changed", %path, "the file changed");
        Ok(value)
    }
}

impl<T> Shared<T> {
    fn queue(&self) -> MutexGuard<'_, Queue<T>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Queue<T> {
    /// Nobody reads: whoever waits is woken, and who comes next begins anew.
    fn abandon(&mut self) {
        self.reading = false;
        self.waiting.clear();
    }
}

/// A thread that panics leaves nobody waiting.
struct Abandon<'a, T>(&'a Shared<T>);

impl<T> Drop for Abandon<'_, T> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.queue().abandon();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use futures_util::future::join_all;

    use super::*;

    #[tokio::test]
    async fn it_is_read_each_time_and_parsed_when_it_changed() {
        let path = std::env::temp_dir().join(format!("portcullis-fresh-{}", std::process::id()));
        std::fs::write(&path, "first").unwrap();
        let (parsed, gate) = (Arc::<AtomicUsize>::default(), Arc::<Mutex<()>>::default());
        let (counted, passed) = (Arc::clone(&parsed), Arc::clone(&gate));
        let parse = move |text: &str| {
            drop(passed.lock());
            counted.fetch_add(1, Ordering::SeqCst);
            assert_ne!(text, "panic");
            Ok(text.to_owned())
        };
        let unreadable = |why| ConfigProblem::new("unreadable_key_file", why);
        let file = Fresh::open(TextFile::new(&path, 10, unreadable, parse)).unwrap();
        for (written, count) in [("first", 1), ("second", 2), ("second", 2), ("first", 3)] {
            std::fs::write(&path, written).unwrap();
            assert_eq!(file.read().await.unwrap(), written);
            assert_eq!(parsed.load(Ordering::SeqCst), count);
        }
        std::fs::write(&path, "larger than ten").unwrap();
        assert!(file.read().await.unwrap_err().to_string().contains("larger than 10 bytes"));
        std::fs::remove_file(&path).unwrap();
        assert_eq!(file.read().await.unwrap_err().code(), "unreadable_key_file");

        std::fs::write(&path, "panic").unwrap();
        for _ in 0..2 {
            assert!(file.read().await.unwrap_err().to_string().contains("it was not read in time"));
        }

        // While one look at it hangs, others wait for the next one; who no longer wants to wait need not.
        std::fs::write(&path, "third").unwrap();
        let hanging = gate.lock();
        assert!(tokio::time::timeout(Duration::from_millis(20), file.read()).await.is_err());
        std::fs::write(&path, "fourth").unwrap();
        let counted = parsed.load(Ordering::SeqCst);
        let waiting = join_all((0..=MOST_WAITING).map(|_| file.read()));
        let opened = async {
            drop(hanging);
        };
        let (mut results, ()) = tokio::join!(waiting, opened);
        let turned_away = results.pop().unwrap().unwrap_err();
        assert!(turned_away.to_string().contains("too many wait for it"));
        assert!(results.into_iter().all(|result| result.unwrap() == "fourth"));
        assert!(parsed.load(Ordering::SeqCst).saturating_sub(counted) <= 2);
        std::fs::remove_file(&path).unwrap();
    }
}
