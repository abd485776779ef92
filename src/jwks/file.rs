use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::events::{self, KeyPlace};
use super::lookup::{Lookup, Missing, Verified};
use super::status::{KeyCounters, KeyError, KeyState, KeyStatus, KeysUnavailable, KnownKey};
use super::usable::usable_keys;
use crate::clock::Clock;
use crate::error::ConfigProblem;
use crate::flight::Flight;
use crate::jose::{AllowedAlgorithms, JoseHeader, JwkSet, KeyOwner, KeySet, Selected, SignatureBackend};
use crate::reload::{Peeked, Reloaded, Standing, TextFile};

/// As large as an answer with keys may be.
const MAX_BYTES: u64 = 256 * 1024;

/// A file with public keys.
#[derive(Clone, Debug)]
pub(crate) struct KeyFile {
    pub(crate) path: PathBuf,
    pub(crate) format: KeyFormat,
}

/// How the keys are written. It is said, and never guessed.
#[derive(Clone, Copy, Debug)]
pub(crate) enum KeyFormat {
    JwkSet,
    #[cfg(feature = "pem")]
    Pem,
}

/// The keys of a file, for as long as they are in it.
pub(crate) struct FileKeys {
    file: Arc<Reloaded<KeySet>>,
    unknown_keys: AtomicU64,
}

impl FileKeys {
    /// Reads the file, which must have a key that can be used. `stale_bound` is how long its keys are trusted
    /// while it cannot be read, beyond the ten seconds without another look at it.
    pub(crate) fn open(
        file: &KeyFile,
        allowed: &AllowedAlgorithms,
        backend: &SignatureBackend,
        clock: &Arc<dyn Clock>,
        stale_bound: Duration,
    ) -> Result<Self, ConfigProblem> {
        let content = KeyContent { file: file.clone(), allowed: allowed.clone(), backend: backend.clone() };
        let none = content.no_usable_key();
        let unreadable = |message| ConfigProblem::new("unreadable_key_file", message);
        let file = TextFile::new(&file.path, MAX_BYTES, unreadable, move |text| content.read(text));
        let file = Reloaded::open(file, stale_bound, Arc::clone(clock))?;
        // Later an empty set withdraws every key. To begin with one would be a mistake.
        if file.read(KeySet::is_empty) == Some(true) {
            return Err(none);
        }
        Ok(Self { file, unknown_keys: AtomicU64::default() })
    }

    pub(super) fn generation(&self) -> u64 {
        self.file.generation()
    }

    pub(super) fn lookup<R, E>(
        &self,
        header: &JoseHeader,
        owner: Option<KeyOwner<'_>>,
        use_keys: impl FnOnce(Selected<'_>) -> Verified<R, E>,
    ) -> Lookup<Verified<R, E>> {
        let mut knows_id = false;
        let found = self.file.read(|keys| {
            knows_id = keys.knows_id(header);
            keys.select(header, owner).map(use_keys)
        });
        if let Some(found) = found.flatten() {
            return Lookup::Found(found);
        }
        let missing = match self.missing() {
            // There is a trusted key with this `kid`, and it is for other algorithms: the token is at fault.
            Missing::Unavailable { .. } if knows_id => Missing::Unknown,
            missing => missing,
        };
        if let Missing::Unknown = missing {
            self.unknown_keys.fetch_add(1, Ordering::Relaxed);
        }
        Lookup::Missing(missing)
    }

    pub(super) fn missing(&self) -> Missing {
        match self.file.standing() {
            Standing::Recent => Missing::Unknown,
            Standing::Due => Missing::Fetch,
            Standing::Failing { retry_after } => Missing::Unavailable { retry_after },
        }
    }

    pub(super) fn fetch(&self) -> Option<Flight> {
        self.file.check()
    }

    pub(super) fn status(&self) -> KeyStatus {
        let peeked = self.file.peek(KnownKey::all);
        let (checks, last_error) = (peeked.checks, last_error(&peeked));
        let ended = checks.changed.saturating_add(checks.unchanged).saturating_add(checks.failed);
        KeyStatus {
            fetching: peeked.checking,
            retry_in: retry_in(peeked.standing),
            keys: peeked.found,
            last_success: Some(peeked.good),
            last_error,
            counters: KeyCounters {
                fetches: ended.saturating_add(u64::from(peeked.checking)),
                succeeded: checks.changed,
                not_modified: checks.unchanged,
                failed: checks.failed,
                unknown_keys: self.unknown_keys.load(Ordering::Relaxed),
                too_many_waiting: peeked.turned_away,
                evicted: 0,
            },
            ..KeyStatus::of_state(KeyState::FromFile { trusted: peeked.trusted })
        }
    }

    /// Waits for keys that are trusted, for one look at the file at most.
    pub(super) fn ready(&self) -> impl Future<Output = Result<(), KeysUnavailable>> + Send + use<> {
        let file = Arc::clone(&self.file);
        async move {
            if file.read(|_| ()).is_none()
                && let Some(check) = file.check()
            {
                check.await;
            }
            if file.read(|_| ()).is_some() {
                return Ok(());
            }
            let peeked = file.peek(|_| ());
            let retry_after = retry_in(peeked.standing);
            Err(KeysUnavailable {
                state: KeyState::FromFile { trusted: peeked.trusted },
                last_error: retry_after.and_then(|_| last_error(&peeked)),
                retry_after: retry_after.unwrap_or_default(),
            })
        }
    }
}

fn last_error<R>(peeked: &Peeked<R>) -> Option<KeyError> {
    let (ago, problem) = peeked.bad.as_ref()?;
    Some(KeyError { code: problem.code(), message: problem.to_string(), ago: *ago })
}

fn retry_in(standing: Standing) -> Option<Duration> {
    match standing {
        Standing::Failing { retry_after } => Some(retry_after),
        Standing::Recent | Standing::Due => None,
    }
}

/// What is needed to make use of a text.
struct KeyContent {
    file: KeyFile,
    allowed: AllowedAlgorithms,
    backend: SignatureBackend,
}

impl KeyContent {
    /// The keys of the text, ready for use.
    fn read(&self, text: &str) -> Result<KeySet, ConfigProblem> {
        let set = match self.file.format {
            KeyFormat::JwkSet => JwkSet::from_json(text).map_err(|error| self.malformed(&error))?,
            #[cfg(feature = "pem")]
            KeyFormat::Pem => JwkSet::from_pem(text).map_err(|error| self.malformed(&error))?,
        };
        let keys = usable_keys(&set, &self.allowed, &self.backend).ok_or_else(|| self.no_usable_key())?;
        if keys.leaves_keys_untried(&self.allowed) {
            return Err(ConfigProblem::new(
                "too_many_keys_without_id",
                format!(
                    "{self} has a key without `kid` behind more keys for its algorithm than a token is tried against"
                ),
            ));
        }
        // Told once, when its keys come into use: what is refused is read again and again.
        events::oddities(&set, KeyPlace::File(&self.file.path));
        Ok(keys)
    }

    fn malformed(&self, error: &dyn fmt::Display) -> ConfigProblem {
        ConfigProblem::new("unreadable_key_file", format!("{self} has no keys in it: {error}"))
    }

    fn no_usable_key(&self) -> ConfigProblem {
        ConfigProblem::new("no_usable_key", format!("no key of {self} can verify an allowed algorithm"))
    }
}

impl fmt::Display for KeyContent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`", self.file.path.display())
    }
}
