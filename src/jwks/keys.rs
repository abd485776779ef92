use std::fmt;
use std::sync::Arc;

use super::file::FileKeys;
use super::lookup::{Lookup, Missing, Verified, Waiting};
use super::remote::RemoteKeys;
use super::status::{KeyState, KeyStatus, KeysUnavailable, KnownKey};
use crate::jose::{JoseHeader, KeyOwner, KeySet, Selected};

/// The keys of one issuer. A cheap handle.
#[derive(Clone)]
pub(crate) enum Keys {
    /// None: nothing is verified with them.
    Unused,
    /// Given by the configuration; they never change.
    Fixed(Arc<KeySet>),
    /// Those of a file, which is read again when it changes.
    File(Arc<FileKeys>),
    /// Fetched, refreshed and bounded in age.
    Remote(Arc<RemoteKeys>),
}

impl Keys {
    /// Applies `use_keys` to the keys that match `header` and may serve `owner`.
    pub(crate) fn lookup<R, E>(
        &self,
        header: &JoseHeader,
        owner: Option<KeyOwner<'_>>,
        use_keys: impl FnOnce(Selected<'_>) -> Verified<R, E>,
    ) -> Lookup<Verified<R, E>> {
        match self {
            Self::Unused => Lookup::Missing(Missing::Unknown),
            Self::Fixed(keys) => match keys.select(header, owner) {
                Some(keys) => Lookup::Found(use_keys(keys)),
                None => Lookup::Missing(Missing::Unknown),
            },
            Self::File(file) => file.lookup(header, owner, use_keys),
            Self::Remote(remote) => remote.lookup(header, owner, use_keys),
        }
    }

    /// Which keys these are: the same number before and after means that they did not change in between.
    pub(crate) fn generation(&self) -> u64 {
        match self {
            Self::Unused | Self::Fixed(_) => 0,
            Self::File(file) => file.generation(),
            Self::Remote(remote) => remote.generation(),
        }
    }

    /// What can be said about a key that is not among those in memory.
    pub(crate) fn missing(&self) -> Missing {
        match self {
            Self::Unused | Self::Fixed(_) => Missing::Unknown,
            Self::File(file) => file.missing(),
            Self::Remote(remote) => remote.missing(),
        }
    }

    /// Joins the fetch under way, or begins one if the schedule allows it now.
    pub(crate) fn fetch(&self) -> Option<Waiting> {
        match self {
            Self::Unused | Self::Fixed(_) => None,
            Self::File(file) => file.fetch().map(|flight| Waiting::new(flight, None)),
            Self::Remote(remote) => remote.fetch(),
        }
    }

    /// Takes what another has fetched, where both have the same source.
    pub(crate) fn keep(&mut self, other: &Self) {
        if let (Self::Remote(new), Self::Remote(old)) = (&*self, other)
            && new.has_source_of(old)
        {
            *self = Self::Remote(Arc::clone(old));
        }
    }

    /// What is known of the keys at this instant.
    pub(crate) fn status(&self) -> KeyStatus {
        match self {
            Self::Unused => KeyStatus::of_state(KeyState::Unused),
            Self::Fixed(keys) => {
                KeyStatus { keys: KnownKey::all(keys), ..KeyStatus::of_state(KeyState::Fixed) }
            }
            Self::File(file) => file.status(),
            Self::Remote(remote) => remote.status(),
        }
    }

    /// Waits until there are keys that are trusted, for one attempt to fetch them if the schedule allows it now. (Those
    /// of an issuer that has withdrawn all of its keys are there: its answer is known.)
    pub(crate) fn ready(&self) -> impl Future<Output = Result<(), KeysUnavailable>> + Send + use<> {
        let (file, remote) = match self {
            Self::Unused | Self::Fixed(_) => (None, None),
            Self::File(file) => (Some(file.ready()), None),
            Self::Remote(remote) => (None, Some(Arc::clone(remote).ready())),
        };
        async {
            match (file, remote) {
                (Some(file), _) => file.await,
                (_, Some(remote)) => remote.await,
                (None, None) => Ok(()),
            }
        }
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unused => "Keys::Unused",
            Self::Fixed(_) => "Keys::Fixed(..)",
            Self::File(_) => "Keys::File(..)",
            Self::Remote(_) => "Keys::Remote(..)",
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::clock::Clock;
    use crate::fetch::{Endpoint, FetchFiles, LoopbackHttp};
    use crate::jose::{AllowedAlgorithms, SignatureAlgorithm, SignatureBackend, UnverifiedJws};
    use crate::jwks::{KeyFile, KeyFormat, KeyTiming, LiveKeys, Location, Source};
    use crate::testing::{Fault, Flaw, Issuer, ManualClock};

    /// An issuer, and its keys as a server of ours has them.
    struct World {
        issuer: Issuer,
        keys: Keys,
    }

    fn world(name: &str, clock: &ManualClock, live: &Arc<LiveKeys>) -> World {
        let issuer = Issuer::offline(&format!("https://{name}.example.com")).with_clock(clock.clone());
        let endpoint = Endpoint::parse(&format!("{}/jwks", issuer.url()), LoopbackHttp::Refused).unwrap();
        let source = Source {
            issuer: issuer.url().into(),
            location: Location::Configured(endpoint),
            client: Arc::new(issuer.clone()),
            files: FetchFiles::default(),
            clock: Arc::new(clock.clone()),
            allowed: allowed(),
            backend: SignatureBackend::default(),
            loopback_http: LoopbackHttp::Refused,
            timing: KeyTiming::default(),
        };
        World { issuer, keys: Keys::Remote(RemoteKeys::new(source, Arc::clone(live))) }
    }

    fn alone() -> (World, ManualClock) {
        let clock = ManualClock::at(1_800_000_000);
        (world("id", &clock, &Arc::new(LiveKeys::new(1))), clock)
    }

    fn allowed() -> AllowedAlgorithms {
        AllowedAlgorithms::of(SignatureAlgorithm::ALL).unwrap()
    }

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    impl World {
        fn token(&self) -> String {
            self.issuer.token("api").sign()
        }

        /// What is said of a token without waiting.
        fn ask(&self, token: &str) -> String {
            let jws = UnverifiedJws::split(token).unwrap();
            let header = JoseHeader::parse(&jws, &allowed()).unwrap();
            match self.keys.lookup(&header, None, |keys| keys.verify(&jws).map(|proof| (proof, ()))) {
                Lookup::Found(Ok(_)) => "verified".to_owned(),
                Lookup::Found(Err(error)) => error.to_string(),
                Lookup::Missing(Missing::Fetch) => "fetch".to_owned(),
                Lookup::Missing(Missing::Unknown) => "unknown".to_owned(),
                Lookup::Missing(Missing::Unavailable { retry_after }) => {
                    format!("unavailable {retry_after:?}")
                }
            }
        }

        /// The same, after the fetch that it asks for.
        async fn ask_and_wait(&self, token: &str) -> String {
            if self.ask(token) == "fetch" {
                self.keys.fetch().unwrap().landed().await;
            }
            self.ask(token)
        }

        fn stranger(&self) -> String {
            self.issuer.token("api").flaw(Flaw::UnknownKey).sign()
        }

        fn fetches(&self) -> usize {
            self.issuer.requests().jwks
        }
    }

    #[tokio::test]
    async fn a_status_follows_the_keys_through_their_life() {
        let (world, clock) = alone();
        let status = world.keys.status();
        assert_eq!((status.state, status.fetching), (KeyState::NotLoaded, false));
        assert_eq!((status.keys.len(), status.last_success, status.last_error), (0, None, None));

        assert_eq!(world.ask(&world.token()), "fetch");
        let mut flight = world.keys.fetch().unwrap();
        let status = world.keys.status();
        assert_eq!((status.state, status.fetching, status.counters.fetches), (KeyState::NotLoaded, true, 1));
        flight.landed().await;
        assert_eq!(world.ask(&world.token()), "verified");
        assert_eq!(world.ask(&world.stranger()), "unknown");
        clock.advance(seconds(10));
        let status = world.keys.status();
        let KeyState::Fresh { refresh_in } = status.state else { panic!("{status:?}") };
        assert!((seconds(440)..=seconds(470)).contains(&refresh_in), "{refresh_in:?}");
        assert_eq!((status.fetching, status.cooldown, status.retry_in), (false, Some(seconds(20)), None));
        assert_eq!((status.last_success, &status.last_error), (Some(seconds(10)), &None));
        let [key] = &*status.keys else { panic!("{status:?}") };
        assert_eq!(key.key_id, Some(world.issuer.key_id(SignatureAlgorithm::Es256)));
        assert_eq!(key.algorithms, ["ES256"]);
        let counters = status.counters;
        assert_eq!((counters.fetches, counters.succeeded, counters.unknown_keys), (1, 1, 1));

        world.issuer.fail(Fault::Status(500));
        clock.advance(seconds(20));
        assert_eq!(world.ask_and_wait(&world.stranger()).await, "unavailable 30s");
        clock.advance(Duration::from_millis(250));
        let status = world.keys.status();
        assert_eq!(status.cooldown, Some(Duration::from_millis(29_750)));
        assert_eq!(status.retry_in, Some(Duration::from_millis(750)));
        let error = status.last_error.unwrap();
        assert_eq!((error.code, error.ago), ("bad_status", Duration::from_millis(250)));
        assert!(error.message.contains("https://id.example.com/jwks") && error.message.contains("500"));
        assert_eq!((status.counters.failed, status.keys.len()), (1, 1));

        clock.advance(seconds(600));
        assert!(matches!(world.keys.status().state, KeyState::Stale { .. }));
        clock.advance(seconds(3600));
        let status = world.keys.status();
        assert!(matches!(status.state, KeyState::Expired { .. }), "{status:?}");
        assert!(!status.state.is_trusted());
        // Every fetch that has ended is counted once.
        world.issuer.mend();
        assert_eq!(world.ask_and_wait(&world.token()).await, "verified");
        let counters = world.keys.status().counters;
        assert_eq!((counters.fetches, counters.succeeded, counters.failed), (3, 2, 1));
        assert_eq!((counters.not_modified, counters.evicted, counters.too_many_waiting), (0, 0, 0));
    }

    #[tokio::test]
    async fn a_fetch_that_was_given_up_is_a_failure_in_the_status() {
        let (world, clock) = alone();
        world.issuer.fail(Fault::Hang);
        drop(world.keys.fetch());
        clock.advance(seconds(10));
        let status = world.keys.status();
        assert_eq!((status.fetching, status.counters.failed), (false, 1));
        assert_eq!(status.last_error.unwrap().code, "given_up");
    }

    #[tokio::test]
    async fn fixed_keys_have_a_status_and_are_ready() {
        let issuer = Issuer::offline("https://id.example.com");
        let keys = KeySet::new(&issuer.jwk_set(), &allowed(), &SignatureBackend::default());
        let keys = Keys::Fixed(Arc::new(keys));
        let status = keys.status();
        assert!(status.state == KeyState::Fixed && status.state.is_trusted());
        assert_eq!(status.keys[0].key_id, Some(issuer.key_id(SignatureAlgorithm::Es256)));
        assert_eq!(keys.ready().await, Ok(()));
    }

    /// The keys of an issuer, in a file that is trusted for 70 s.
    struct InFile {
        issuer: Issuer,
        clock: ManualClock,
        path: std::path::PathBuf,
        keys: Keys,
    }

    impl InFile {
        fn new(name: &str) -> Self {
            let clock = ManualClock::at(1_800_000_000);
            let issuer = Issuer::offline("https://id.example.com").with_clock(clock.clone());
            let path = std::env::temp_dir().join(format!("portcullis-{name}-{}.json", std::process::id()));
            std::fs::write(&path, issuer.jwks_json().to_string()).unwrap();
            let file = KeyFile { path: path.clone(), format: KeyFormat::JwkSet };
            let (backend, shared) = (SignatureBackend::default(), Arc::new(clock.clone()) as Arc<dyn Clock>);
            let keys = FileKeys::open(&file, &allowed(), &backend, &shared, seconds(60)).unwrap();
            Self { issuer, clock, path, keys: Keys::File(Arc::new(keys)) }
        }

        /// After so many quiet seconds, another look at the file.
        async fn look_after(&self, quiet: u64) -> KeyStatus {
            self.clock.advance(seconds(quiet));
            self.keys.fetch().unwrap().landed().await;
            self.keys.status()
        }
    }

    impl Drop for InFile {
        fn drop(&mut self) {
            let _ = std::fs::remove_file(&self.path);
        }
    }

    #[tokio::test]
    async fn to_ask_for_the_status_of_a_file_begins_nothing_and_shows_what_is_in_use() {
        let file = InFile::new("status");
        for quiet in [0, 11, 58] {
            file.clock.advance(seconds(quiet));
            let status = file.keys.status();
            assert_eq!(status.state, KeyState::FromFile { trusted: true }, "{quiet}");
            assert_eq!((status.keys.len(), status.fetching, status.counters.fetches), (1, false, 1));
        }
        assert_eq!(file.keys.status().last_success, Some(seconds(69)));
        // The file is as it was, and nobody knows: a token looks at it before these keys are used.
        file.clock.advance(seconds(1));
        let status = file.keys.status();
        assert_eq!((status.state, status.keys.len()), (KeyState::FromFile { trusted: false }, 1));
        assert_eq!((status.last_success, status.last_error), (Some(seconds(70)), None));
        assert_eq!(file.keys.ready().await, Ok(()));
        let status = file.keys.status();
        assert_eq!(
            (status.state, status.last_success),
            (KeyState::FromFile { trusted: true }, Some(seconds(0)))
        );
        assert_eq!((status.counters.fetches, status.counters.not_modified), (2, 1));
    }

    #[tokio::test]
    async fn the_status_of_a_file_has_its_last_good_and_its_last_bad_look() {
        let file = InFile::new("looks");
        std::fs::write(&file.path, "no keys").unwrap();
        let status = file.look_after(20).await;
        assert_eq!(
            (status.state, status.last_success),
            (KeyState::FromFile { trusted: true }, Some(seconds(20)))
        );
        assert_eq!((status.retry_in, status.keys.len()), (Some(seconds(5)), 1));
        assert_eq!(status.last_error.unwrap().code, "unreadable_key_file");
        assert_eq!(file.keys.ready().await, Ok(()));

        let status = file.look_after(50).await;
        assert_eq!(
            (status.state, status.last_success),
            (KeyState::FromFile { trusted: false }, Some(seconds(70)))
        );
        let unavailable = file.keys.ready().await.unwrap_err();
        assert_eq!((unavailable.state, unavailable.retry_after), (status.state, seconds(5)));
        assert_eq!(unavailable.last_error.unwrap().ago, seconds(0));

        // All is well again, and what was wrong is still known.
        file.issuer.rotate();
        std::fs::write(&file.path, file.issuer.jwks_json().to_string()).unwrap();
        let status = file.look_after(5).await;
        assert_eq!(
            (status.state, status.last_success),
            (KeyState::FromFile { trusted: true }, Some(seconds(0)))
        );
        assert_eq!((status.retry_in, status.last_error.unwrap().ago), (None, seconds(5)));
        let counters = status.counters;
        assert_eq!((counters.fetches, counters.succeeded, counters.failed), (4, 2, 2));
    }

    #[tokio::test]
    async fn tokens_of_unknown_keys_are_counted_for_files_as_well() {
        let InFile { issuer, keys, .. } = &InFile::new("unknown");
        let token = issuer.token("api").flaw(Flaw::UnknownKey).sign();
        let jws = UnverifiedJws::split(&token).unwrap();
        let header = JoseHeader::parse(&jws, &allowed()).unwrap();
        for count in 1..=3 {
            let found = keys.lookup(&header, None, |keys| keys.verify(&jws).map(|proof| (proof, ())));
            assert!(matches!(found, Lookup::Missing(Missing::Unknown)));
            assert_eq!(keys.status().counters.unknown_keys, count);
        }
    }

    #[tokio::test]
    async fn ready_fetches_what_is_not_there_once_for_all_who_ask() {
        // covers: JWK-010
        let (world, clock) = alone();
        let ready = (0..50).map(|_| world.keys.ready());
        for ready in futures_util::future::join_all(ready).await {
            assert_eq!(ready, Ok(()));
        }
        assert_eq!(world.fetches(), 1);
        assert_eq!(world.ask(&world.token()), "verified");
        // Keys that are trusted are ready, whatever happens to the issuer.
        world.issuer.fail(Fault::Hang);
        clock.advance(seconds(4000));
        assert_eq!(world.keys.ready().await, Ok(()));
        assert_eq!(world.fetches(), 1);
    }

    #[tokio::test]
    async fn ready_says_why_not_and_when_to_ask_again_and_does_not_ask_sooner() {
        // covers: CHL-017
        let (world, clock) = alone();
        world.issuer.fail(Fault::Status(503));
        for _ in 0..3 {
            let unavailable = world.keys.ready().await.unwrap_err();
            assert_eq!(unavailable.retry_after, seconds(1));
            assert_eq!(unavailable.last_error.as_ref().unwrap().code, "bad_status");
            assert!(unavailable.to_string().contains("503"), "{unavailable}");
        }
        assert_eq!(world.fetches(), 1);
        clock.advance(seconds(1));
        world.issuer.mend();
        assert_eq!(world.keys.ready().await, Ok(()));
        assert_eq!(world.fetches(), 2);
    }

    #[tokio::test]
    async fn keys_that_had_to_make_room_are_unavailable_until_their_cooldown_is_over() {
        // covers: CHL-017, JWK-009
        let (clock, live) = (ManualClock::at(1_800_000_000), Arc::new(LiveKeys::new(1)));
        let [one, other] = ["one", "other"].map(|name| world(name, &clock, &live));
        assert_eq!(one.ask_and_wait(&one.token()).await, "verified");
        clock.advance(seconds(5));
        assert_eq!(other.ask_and_wait(&other.token()).await, "verified");
        let status = one.keys.status();
        assert_eq!((status.state, status.keys.len(), status.counters.evicted), (KeyState::Evicted, 0, 1));
        for token in [one.token(), one.stranger()] {
            assert_eq!(one.ask(&token), "unavailable 25s");
            assert!(one.keys.fetch().is_none());
        }
        // Nothing is wrong with them, and nobody needs them now.
        assert_eq!((one.keys.ready().await, one.fetches()), (Ok(()), 1));
        clock.advance(seconds(25));
        assert_eq!(one.ask_and_wait(&one.token()).await, "verified");
        assert_eq!(one.ask(&one.stranger()), "unknown");
        assert_eq!(other.keys.status().state, KeyState::Evicted);
        assert_eq!((one.fetches(), other.fetches()), (2, 1));
    }

    #[tokio::test]
    async fn who_makes_room_is_decided_by_verified_tokens_only() {
        let (clock, live) = (ManualClock::at(1_800_000_000), Arc::new(LiveKeys::new(2)));
        let [used, named, third] = ["used", "named", "third"].map(|name| world(name, &clock, &live));
        assert_eq!(used.ask_and_wait(&used.token()).await, "verified");
        let forged = named.issuer.token("api").flaw(Flaw::BadSignature).sign();
        for _ in 0..3 {
            clock.advance(seconds(5));
            assert_ne!(named.ask_and_wait(&forged).await, "verified");
        }
        assert_eq!(third.ask_and_wait(&third.token()).await, "verified");
        assert_eq!(named.keys.status().state, KeyState::Evicted);
        // A refresh is no admission: those that are live stay where they are.
        clock.advance(seconds(30));
        for _ in 0..3 {
            assert_eq!(third.ask_and_wait(&third.stranger()).await, "unknown");
            assert_eq!(used.ask(&used.token()), "verified");
        }
        assert_eq!(third.fetches(), 2);
    }

    #[tokio::test]
    async fn strangers_who_name_many_issuers_cause_one_fetch_per_cooldown_and_issuer() {
        // covers: JWK-009
        let (clock, live) = (ManualClock::at(1_800_000_000), Arc::new(LiveKeys::new(4)));
        let used = world("used", &clock, &live);
        let worlds: Vec<_> = (0..20).map(|number| world(&format!("t{number}"), &clock, &live)).collect();
        used.ask_and_wait(&used.token()).await;
        for round in 1..=3 {
            for _ in 0..29 {
                assert_eq!(used.ask(&used.token()), "verified", "nobody takes the place of what is in use");
                for world in &worlds {
                    let answer = world.ask_and_wait(&world.stranger()).await;
                    assert!(answer == "unknown" || answer.starts_with("unavailable"), "{answer}");
                }
                let loaded = worlds.iter().filter(|world| !world.keys.status().keys.is_empty()).count();
                assert!(loaded <= 3, "{loaded}");
                clock.advance(seconds(1));
            }
            assert!(worlds.iter().all(|world| world.fetches() <= round));
            clock.advance(seconds(1));
        }
    }

    #[tokio::test]
    async fn issuers_that_were_removed_take_no_room() {
        let (clock, live) = (ManualClock::at(1_800_000_000), Arc::new(LiveKeys::new(2)));
        let [one, two, three] = ["one", "two", "three"].map(|name| world(name, &clock, &live));
        one.ask_and_wait(&one.token()).await;
        two.ask_and_wait(&two.token()).await;
        drop(two);
        three.ask_and_wait(&three.token()).await;
        assert_eq!(
            (one.ask(&one.token()), three.ask(&three.token())),
            ("verified".into(), "verified".into())
        );
    }
}
