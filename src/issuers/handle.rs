use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::future::join_all;

use super::context::Context;
use super::status::{IssuerNotReady, IssuerStatus, NotReady};
use super::trusted::TrustedIssuer;
use crate::error::{ConfigError, Problems};
use crate::introspect::Introspector;
use crate::validate::{Directory, KnownIssuer, Listing};

/// How many issuers are asked at a time by somebody who waits for all.
const READY_AT_ONCE: usize = 32;

/// How many identifiers of issuers a server knows at most. They cost memory, not time.
const MOST_ISSUERS: usize = 65_536;

/// The issuers whose tokens a server takes, to be looked at and changed while it runs. A cheap handle.
///
/// The set is closed: the unverified `iss` of a token selects one of these issuers, or the token is refused without
/// anything being fetched. No issuer waits for another: each has its own keys, schedule and failures, and keys with
/// equal `kid` do not meet.
///
/// A server with a [validator of its own](crate::ResourceServer::from_validator) has no issuers here, and takes none.
///
/// ```
/// use portcullis::testing::{Issuer, validate};
/// use portcullis::{ResourceServer, TrustedIssuer, Validation};
///
/// let (a, b) = (Issuer::offline("https://a.example.com"), Issuer::offline("https://b.example.com"));
/// let trusted = |issuer: &Issuer| TrustedIssuer::new(issuer.url()).jwk_set(issuer.jwk_set());
/// let auth = ResourceServer::builder(trusted(&a)).audience("https://api.example.com").build()?;
/// let admits = |issuer: &Issuer| {
///     let token = issuer.token("https://api.example.com").sign();
///     let request = http::Request::get("/").header("authorization", format!("Bearer {token}")).body(()).unwrap();
///     matches!(validate(&auth, &request), Validation::Ready(Ok(_)))
/// };
/// assert!(admits(&a) && !admits(&b));
///
/// auth.issuers().insert(trusted(&b))?;
/// assert!(admits(&a) && admits(&b));
///
/// auth.issuers().remove(a.url());
/// assert!(!admits(&a) && admits(&b));
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Issuers {
    pub(super) shared: Arc<Shared>,
}

pub(super) struct Shared {
    directory: Arc<Directory>,
    /// `None` where a validator of the user's own knows the issuers.
    context: Option<Context>,
    /// Held while a listing is replaced, so that no change is lost. Requests never take it.
    pub(super) changing: Mutex<()>,
}

impl Issuers {
    /// The issuers of a new server. The problems found are added to `problems`.
    pub(crate) fn new(trusted: Vec<TrustedIssuer>, context: Context, problems: &mut Problems) -> Self {
        let mut listing = Listing::default();
        let several = trusted.len() > 1;
        for issuer in trusted {
            problems.set_place(issuer.place.as_ref());
            problems.set_subject(several.then(|| issuer.shown()));
            let Some(known) = issuer.known(&context, problems) else { continue };
            if listing.insert(known).is_err() {
                problems.add("duplicate_issuer", "an identifier of it is there already");
            }
        }
        problems.set_place(None);
        problems.set_subject(None);
        note_conflicts(&listing, problems);
        let (directory, context) = (Arc::new(Directory::new(listing)), Some(context));
        Self { shared: Arc::new(Shared { directory, context, changing: Mutex::default() }) }
    }

    /// Of a server whose validator is the user's own.
    pub(crate) fn none() -> Self {
        let directory = Arc::new(Directory::new(Listing::default()));
        Self { shared: Arc::new(Shared { directory, context: None, changing: Mutex::default() }) }
    }

    /// What is known of each issuer now, in the order of their identifiers. Nothing is fetched for it.
    ///
    /// ```
    /// use portcullis::testing::Issuer;
    /// use portcullis::{KeyState, ResourceServer};
    ///
    /// # tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(async {
    /// let issuer = Issuer::offline("https://id.example.com");
    /// let auth = ResourceServer::builder(issuer.url())
    ///     .audience("https://api.example.com")
    ///     .with_http_client(issuer.clone())
    ///     .build()?;
    /// assert_eq!(auth.issuers().status()[0].keys.state, KeyState::NotLoaded);
    ///
    /// auth.issuers().ready().await?;
    /// let status = auth.issuers().status().remove(0);
    /// assert!(status.keys.state.is_trusted());
    /// assert_eq!((status.keys.keys.len(), status.keys.counters.fetches), (1, 1));
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn status(&self) -> Vec<IssuerStatus> {
        let status = |issuer: &Arc<KnownIssuer>| IssuerStatus {
            issuer: issuer.identifier.to_string(),
            keys: issuer.keys.status(),
            introspection: issuer
                .introspected
                .as_ref()
                .map(|introspected| introspected.introspector.status()),
        };
        let mut all: Vec<_> = self.shared.directory.load().issuers().map(status).collect();
        all.sort_unstable_by(|one, other| one.issuer.cmp(&other.issuer));
        all
    }

    /// Waits until the keys of every issuer are there: for a readiness probe, or so that the first token need not wait.
    ///
    /// It fetches what is not there, as a token would, 32 issuers at a time: one attempt for each, shared with every
    /// request that waits for the same keys, and none sooner than the schedule allows. A service can start without it, and
    /// recovers from outages without it.
    ///
    /// Best on servers whose issuers fit into memory: keys that made room for those of other issuers
    /// ([`max_live_key_sets`](crate::ResourceServerBuilder::max_live_key_sets)) count as there and are not fetched for it, and
    /// yet their next token waits, or is answered with 503 within their cooldown.
    ///
    /// # Errors
    ///
    /// [`NotReady`], which names each issuer without trusted keys, and when to ask again.
    ///
    /// ```
    /// use portcullis::ResourceServer;
    /// use portcullis::testing::{Fault, Issuer, ManualClock};
    ///
    /// # tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(async {
    /// let issuer = Issuer::offline("https://id.example.com");
    /// let auth = ResourceServer::builder(issuer.url())
    ///     .audience("https://api.example.com")
    ///     .with_http_client(issuer.clone())
    ///     .with_clock(ManualClock::at(1_800_000_000))
    ///     .build()?;
    /// issuer.fail(Fault::Status(503));
    /// let not_ready = auth.issuers().ready().await.unwrap_err();
    /// assert_eq!(not_ready.retry_after().as_secs(), 1);
    /// assert_eq!(not_ready.issuers[0].issuer, issuer.url());
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    pub async fn ready(&self) -> Result<(), NotReady> {
        let known: Vec<_> = self.shared.directory.load().issuers().map(Arc::clone).collect();
        let mut issuers = Vec::new();
        for some in known.chunks(READY_AT_ONCE) {
            let results = join_all(some.iter().map(|issuer| issuer.keys.ready())).await;
            let failed = some.iter().zip(results).filter_map(|(issuer, result)| {
                Some(IssuerNotReady { issuer: issuer.identifier.to_string(), keys: result.err()? })
            });
            issuers.extend(failed);
        }
        if issuers.is_empty() { Ok(()) } else { Err(NotReady { issuers }) }
    }

    /// What is needed to add one, or the problem that nothing can be added.
    pub(super) fn context(&self, problems: &mut Problems) -> Option<&Context> {
        let context = self.shared.context.as_ref();
        if context.is_none() {
            problems.add(
                "no_jwt_validator",
                "the validator of this server is not this crate's: it knows its issuers",
            );
        }
        context
    }

    pub(crate) fn directory(&self) -> &Arc<Directory> {
        &self.shared.directory
    }

    /// Takes tokens of this issuer from now on. An issuer that has its identifier, or one of the `iss` of its tokens, makes
    /// way for it at once, as a whole: no token in between meets neither. So the tenants of a preset are changed by giving
    /// all that are trusted now.
    ///
    /// As at [`build`](crate::ResourceServerBuilder::build), nothing is fetched before a token needs it. Fetched keys stay
    /// where the issuer that is replaced has them from the same place and for the same algorithms.
    ///
    /// Each call copies the list of issuers: give those that are known at the start to the builder.
    ///
    /// # Errors
    ///
    /// A [`ConfigError`] with the problems of this issuer, and nothing changes: those of
    /// [`build`](crate::ResourceServerBuilder::build), `too_many_issuers` (above 65 536 `iss`), and `no_jwt_validator` where the
    /// validator is your own.
    pub fn insert(&self, issuer: impl Into<TrustedIssuer>) -> Result<(), ConfigError> {
        let mut problems = Problems::default();
        let Some(context) = self.context(&mut problems) else { return Err(problems.into_error()) };
        let known = issuer.into().known(context, &mut problems);
        let Some(known) = known else { return Err(problems.into_error()) };
        let changing = self.shared.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut listing = Listing::clone(&self.shared.directory.load());
        listing.replace(known);
        note_conflicts(&listing, &mut problems);
        if !problems.is_empty() {
            drop(changing);
            return Err(problems.into_error());
        }
        let before = self.shared.directory.replace(listing);
        drop(changing);
        // Whatever leaves with it may be code of the user's.
        drop(before);
        Ok(())
    }

    /// Forgets what was [said of this token](crate::docs::introspection#what-is-kept), wherever it was introspected: its next request
    /// asks again. For whoever learns of a revocation before [`cache_lifetime`](crate::Introspection::cache_lifetime) is over.
    ///
    /// An answer that is on its way now is not kept either; requests that wait for it get it. *Not* reached: other processes, and
    /// JWTs that are validated here, of which nothing is kept.
    ///
    /// ```
    /// use portcullis::testing::{Issuer, validate};
    /// use portcullis::{ClientAuthentication, Introspection, ResourceServer, Secret, TrustedIssuer, Validation};
    ///
    /// # tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(async {
    /// let issuer = Issuer::offline("https://id.example.com");
    /// let introspection = Introspection::new(ClientAuthentication::basic("api", Secret::new("secret")));
    /// let auth = ResourceServer::builder(TrustedIssuer::new(issuer.url()).introspection(introspection))
    ///     .audience("https://api.example.com")
    ///     .with_http_client(issuer.clone())
    ///     .build()?;
    /// let token = issuer.token("https://api.example.com").opaque();
    /// let request = http::Request::get("/").header("authorization", format!("Bearer {token}")).body(())?;
    ///
    /// let Validation::Pending(admitted) = validate(&auth, &request) else { panic!("the issuer is asked") };
    /// assert!(admitted.await.is_ok());
    /// issuer.revoke(&token);
    /// assert!(matches!(validate(&auth, &request), Validation::Ready(Ok(_))), "the answer is kept");
    ///
    /// auth.issuers().forget_token(&token);
    /// let Validation::Pending(refused) = validate(&auth, &request) else { panic!("the issuer is asked again") };
    /// assert!(refused.await.is_err());
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    pub fn forget_token(&self, token: &str) {
        self.shared.directory.load().introspectors().for_each(|introspector| introspector.forget(token));
    }

    /// Forgets what was said of any token, by every issuer that introspects: the same as [`forget_token`](Self::forget_token) for
    /// each. Those in use are all asked about again, 64 at a time.
    pub fn forget_all_tokens(&self) {
        self.shared.directory.load().introspectors().for_each(Introspector::forget_all);
    }

    /// Refuses tokens of this issuer from now on, also those that wait for its keys, and forgets its keys. `issuer` is its
    /// identifier, as [`status`](Self::status) shows it. `false` if there is no such issuer.
    ///
    /// A request that an outer layer has admitted already is not judged again by an inner one.
    pub fn remove(&self, issuer: &str) -> bool {
        let changing = self.shared.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut listing = Listing::clone(&self.shared.directory.load());
        let removed = listing.remove(issuer);
        let before = removed.then(|| self.shared.directory.replace(listing));
        drop(changing);
        drop(before);
        removed
    }
}

/// What is wrong with issuers together.
pub(super) fn note_conflicts(listing: &Listing, problems: &mut Problems) {
    if listing.is_ambiguous() {
        let message = "two issuers introspect tokens that are no JWTs, and nothing tells those of one from those of the other: give `token_prefix` to all of them but one";
        problems.add("ambiguous_introspection", message);
    }
    if listing.len() > MOST_ISSUERS {
        problems.add("too_many_issuers", format!("more than {MOST_ISSUERS} identifiers of issuers"));
    }
}

impl fmt::Debug for Issuers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Issuers").field("count", &self.shared.directory.load().len()).finish_non_exhaustive()
    }
}
