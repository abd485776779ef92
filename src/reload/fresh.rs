use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::oneshot;

use super::patience::in_background;
use super::text_file::{Content, TextFile};
use crate::error::ConfigProblem;

/// A file whose last good value is never used instead of what it says now: it is read each time.
pub(crate) struct Fresh<T> {
    shared: Arc<Shared<T>>,
}

struct Shared<T> {
    file: TextFile<T>,
    /// What it said the last time: a text that has not changed is not parsed again.
    known: Mutex<Arc<Content<T>>>,
}

impl<T: Clone + Send + Sync + 'static> Fresh<T> {
    /// Reads the file for the first time, on this thread.
    pub(crate) fn open(file: TextFile<T>) -> Result<Self, ConfigProblem> {
        let content = file.read(None)?.ok_or_else(|| file.unreadable(&"nothing was read"))?;
        let known = Mutex::new(Arc::new(content));
        Ok(Self { shared: Arc::new(Shared { file, known }) })
    }

    /// Reads the file on a thread of its own, and waits as long as that takes: who waits sets the limit. A file system
    /// that does not answer holds one thread, and fails who comes next.
    pub(crate) fn read(&self) -> impl Future<Output = Result<T, ConfigProblem>> + Send + use<T> {
        let shared = Arc::clone(&self.shared);
        async move {
            let (done, result) = oneshot::channel();
            let reading = Arc::clone(&shared);
            in_background(move || {
                // Who asked may be gone by now.
                let _ = done.send(reading.read());
            });
            result.await.unwrap_or_else(|_| Err(shared.file.unreadable(&"there is no thread to be had")))
        }
    }
}

impl<T: Clone> Shared<T> {
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

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

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

        // While one look at it hangs, others fail at once; who no longer wants to wait need not.
        std::fs::write(&path, "third").unwrap();
        let hanging = gate.lock();
        assert!(tokio::time::timeout(Duration::from_millis(20), file.read()).await.is_err());
        assert!(file.read().await.unwrap_err().to_string().contains("has not ended"));
        drop(hanging);
        while file.read().await.is_err() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        assert_eq!(file.read().await.unwrap(), "third");
        std::fs::remove_file(&path).unwrap();
    }
}
