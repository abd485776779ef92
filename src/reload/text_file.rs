use std::fmt;
use std::fs::{self, File};
use std::hash::{BuildHasher as _, RandomState};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, TryLockError};

use crate::error::ConfigProblem;

type Parse<T> = dyn Fn(&str) -> Result<T, ConfigProblem> + Send + Sync;

/// A file with a text of bounded size, and what it means.
pub(crate) struct TextFile<T> {
    path: PathBuf,
    max_bytes: u64,
    unreadable: fn(String) -> ConfigProblem,
    parse: Box<Parse<T>>,
    /// Seeded by the operating system: nobody can make two texts that look the same.
    digests: RandomState,
    /// Held while the file is read.
    reading: Mutex<()>,
}

/// What tells the texts of one file apart.
#[derive(Clone, Copy, Eq, PartialEq)]
pub(crate) struct Digest(u64);

/// What a file said.
pub(crate) struct Content<T> {
    /// Of the text, which is not kept: there may be secrets in it that do not belong there.
    pub(crate) digest: Digest,
    pub(crate) value: T,
}

impl<T> TextFile<T> {
    /// A file of at most `max_bytes`. A relative path means what it means now, wherever the program goes later.
    pub(crate) fn new(
        path: &Path,
        max_bytes: u64,
        unreadable: fn(String) -> ConfigProblem,
        parse: impl Fn(&str) -> Result<T, ConfigProblem> + Send + Sync + 'static,
    ) -> Self {
        let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        let parse = Box::new(parse);
        Self { path, max_bytes, unreadable, parse, digests: RandomState::new(), reading: Mutex::default() }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// A problem with the file itself.
    pub(super) fn unreadable(&self, why: &dyn fmt::Display) -> ConfigProblem {
        (self.unreadable)(format!("`{}` cannot be read: {why}", self.path.display()))
    }

    /// The same file, read as something else, and what it says to that: the value of the same text.
    #[cfg(feature = "policy-file")]
    pub(crate) fn read_as<U>(
        &self,
        digest: Digest,
        value: U,
        parse: impl Fn(&str) -> Result<U, ConfigProblem> + Send + Sync + 'static,
    ) -> (TextFile<U>, Content<U>) {
        let (path, digests) = (self.path.clone(), self.digests.clone());
        let (max_bytes, unreadable) = (self.max_bytes, self.unreadable);
        let parse = Box::new(parse);
        let file = TextFile { path, max_bytes, unreadable, parse, digests, reading: Mutex::default() };
        (file, Content { digest, value })
    }

    /// Reads the file for the first time, on this thread.
    pub(crate) fn first(&self) -> Result<Content<T>, ConfigProblem> {
        self.read(None)?.ok_or_else(|| self.unreadable(&"nothing was read"))
    }

    /// Reads the file. `None` if it says what `known` says.
    ///
    /// The text is compared, not the modification time: that can be the same after a change (two writes within its
    /// granularity, a copy that preserves it, an image whose files are all dated alike), and a network file system may
    /// remember it for a minute, but not across opening the file.
    pub(super) fn read(&self, known: Option<&Content<T>>) -> Result<Option<Content<T>>, ConfigProblem> {
        // A file system that does not answer holds one thread, not one more for each attempt.
        let _reading = match self.reading.try_lock() {
            Err(TryLockError::WouldBlock) => {
                return Err(self.unreadable(&"the attempt before has not ended"));
            }
            Ok(guard) => guard,
            Err(TryLockError::Poisoned(guard)) => guard.into_inner(),
        };
        let text = self.text().map_err(|error| self.unreadable(&error))?;
        let digest = Digest(self.digests.hash_one(&text));
        if known.is_some_and(|known| known.digest == digest) {
            return Ok(None);
        }
        (self.parse)(&text).map(|value| Some(Content { digest, value }))
    }

    fn text(&self) -> io::Result<String> {
        // Asked before it is opened: to open a pipe is to wait for whoever writes into it.
        if !fs::metadata(&self.path)?.is_file() {
            return Err(io::Error::other("not a regular file"));
        }
        let mut text = String::new();
        let mut file = File::open(&self.path)?.take(self.max_bytes.saturating_add(1));
        if file.read_to_string(&mut text)? as u64 > self.max_bytes {
            return Err(io::Error::other(format!("larger than {} bytes", self.max_bytes)));
        }
        Ok(text)
    }
}
