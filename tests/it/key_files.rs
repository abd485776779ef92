//! Keys from a file: how it is replaced, what becomes of it, and when it is looked at. Virtual time, real files.

use std::fs::{self, File};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake};
use std::thread::{self, Thread};
use std::time::{Duration, SystemTime};

use portcullis::SignatureAlgorithm::{EdDsa, Es256, Rs256};
use portcullis::testing::{Flaw, Issuer, ManualClock};
use portcullis::{JwkSet, KeyTiming, ResourceServer, ResourceServerBuilder, TrustedIssuer, authenticated};
use serde_json::json;

use crate::support::{AUDIENCE, Api, Folder, ISSUER, NOW, eventually, logged_of_files};

const FILE: &str = "keys.json";

/// An issuer whose keys are in a file, and the clock of everybody.
struct World {
    issuer: Issuer,
    folder: Folder,
    clock: ManualClock,
}

impl World {
    fn new() -> Self {
        let (folder, clock) = (Folder::new(), ManualClock::at(NOW));
        let issuer = Issuer::offline(ISSUER).with_clock(clock.clone());
        folder.write(FILE, issuer.jwks_json().to_string());
        Self { issuer, folder, clock }
    }

    fn trusted(&self) -> TrustedIssuer {
        TrustedIssuer::new(ISSUER).jwk_set_file(self.folder.path(FILE))
    }

    fn api(&self) -> Api {
        self.api_of(self.trusted())
    }

    fn api_of(&self, issuer: TrustedIssuer) -> Api {
        let server = server(issuer).with_clock(self.clock.clone()).build().unwrap();
        Api::new(server.require(authenticated()))
    }

    fn jwks(&self) -> String {
        self.issuer.jwks_json().to_string()
    }

    /// A token for a day, by the key of now.
    fn token(&self) -> String {
        self.issuer.token(AUDIENCE).expires_in(Duration::from_secs(86_400)).sign()
    }

    fn advance(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }
}

fn server(issuer: TrustedIssuer) -> ResourceServerBuilder {
    ResourceServer::builder(issuer).audience(AUDIENCE)
}

#[tokio::test]
async fn keys_of_the_file_verify_and_others_do_not() {
    // covers: JWK-002
    let world = World::new();
    let mut set = world.issuer.jwks_json();
    set["keys"].as_array_mut().unwrap().insert(0, json!({ "kty": "RSA", "n": "AQ", "e": "AQAB" }));
    world.folder.write(FILE, set.to_string());
    let api = world.api();
    api.token(world.token()).await.assert_admitted();
    api.token(world.issuer.token(AUDIENCE).flaw(Flaw::UnknownKey).sign()).await.assert_invalid("unknown_key");
    api.token(world.issuer.token(AUDIENCE).flaw(Flaw::BadSignature).sign())
        .await
        .assert_invalid("bad_signature");
}

#[tokio::test]
async fn however_a_file_is_replaced_its_new_keys_count_and_its_old_ones_no_longer() {
    // covers: JWK-012
    let renamed = |world: &World| world.folder.replace(FILE, world.jwks());
    let rewritten = |world: &World| drop(world.folder.write(FILE, world.jwks()));
    let removed_and_made_anew = |world: &World| {
        fs::remove_file(world.folder.path(FILE)).unwrap();
        world.folder.write(FILE, world.jwks());
    };
    for replace in [&renamed as &dyn Fn(&World), &rewritten, &removed_and_made_anew] {
        let world = World::new();
        let (api, old) = (world.api(), world.token());
        world.issuer.rotate();
        replace(&world);
        api.token(&old).await.assert_admitted();
        world.advance(10);
        api.token(&old).await.assert_invalid("unknown_key");
        api.token(world.token()).await.assert_admitted();
    }
}

#[cfg(unix)]
#[tokio::test]
async fn the_links_of_a_mounted_volume_are_followed_anew() {
    use std::os::unix::fs::symlink;

    // As Kubernetes mounts a ConfigMap: `keys.json` -> `..data/keys.json`, `..data` -> a folder named by its date.
    let world = World::new();
    let path = |name: &str| world.folder.path(name);
    let publish = |version: &str| {
        fs::create_dir(path(version)).unwrap();
        fs::write(path(version).join(FILE), world.jwks()).unwrap();
        symlink(version, path("..data_tmp")).unwrap();
        fs::rename(path("..data_tmp"), path("..data")).unwrap();
    };
    fs::remove_file(path(FILE)).unwrap();
    publish("..2026_01_01");
    symlink("..data/keys.json", path(FILE)).unwrap();
    let (api, old) = (world.api(), world.token());
    api.token(&old).await.assert_admitted();
    world.issuer.rotate();
    publish("..2026_01_02");
    fs::remove_dir_all(path("..2026_01_01")).unwrap();
    world.advance(10);
    api.token(world.token()).await.assert_admitted();
    api.token(&old).await.assert_invalid("unknown_key");
}

#[tokio::test]
async fn a_change_that_leaves_length_and_modification_time_as_they_were_is_noticed() {
    let world = World::new();
    let path = world.folder.path(FILE);
    let dated_alike =
        || File::options().write(true).open(&path).unwrap().set_modified(SystemTime::UNIX_EPOCH);
    dated_alike().unwrap();
    let (api, old, length) = (world.api(), world.token(), world.jwks().len());
    world.issuer.rotate();
    world.folder.write(FILE, world.jwks());
    dated_alike().unwrap();
    assert_eq!(fs::metadata(&path).unwrap().len(), length as u64, "the case is what it says");
    world.advance(10);
    api.token(&old).await.assert_invalid("unknown_key");
    api.token(world.token()).await.assert_admitted();
}

#[tokio::test]
async fn a_file_is_looked_at_every_five_seconds_by_a_request_that_does_not_wait() {
    let world = World::new();
    let (api, old) = (world.api(), world.token());
    world.folder.replace(FILE, r#"{"keys":[]}"#);
    world.advance(4);
    for _ in 0..20 {
        api.token(&old).await.assert_admitted();
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    world.advance(1);
    api.token(&old).await.assert_admitted();
    eventually("the file is read", async || api.token(&old).await.status == 401).await;
    // From the look on, not from the change, the next five seconds count.
    world.folder.replace(FILE, world.jwks());
    world.advance(4);
    api.token(&old).await.assert_invalid("unknown_key");
    world.advance(1);
    api.token(&old).await.assert_admitted();
}

#[tokio::test]
async fn a_token_of_a_new_key_waits_for_a_look_that_is_due() {
    // covers: JWK-008
    let world = World::new();
    let api = world.api();
    world.issuer.rotate();
    world.folder.replace(FILE, world.jwks());
    world.advance(4);
    api.token(world.token()).await.assert_invalid("unknown_key");
    world.advance(1);
    api.token(world.token()).await.assert_admitted();
}

#[tokio::test]
async fn after_a_quiet_day_the_first_request_sees_the_file_of_now() {
    let world = World::new();
    let api = world.api();
    world.issuer.rotate();
    let old = world.token();
    world.folder.replace(FILE, world.jwks());
    world.advance(80_000);
    api.token(&old).await.assert_admitted();
    world.folder.replace(FILE, r#"{"keys":[]}"#);
    world.advance(6_000);
    api.token(&old).await.assert_invalid("unknown_key");
}

#[tokio::test]
async fn an_empty_set_withdraws_every_key() {
    // covers: JWK-018
    let world = World::new();
    let api = world.api();
    world.folder.replace(FILE, r#"{"keys":[]}"#);
    world.advance(10);
    api.token(world.token()).await.assert_invalid("unknown_key");
    world.folder.replace(FILE, world.jwks());
    world.advance(10);
    api.token(world.token()).await.assert_admitted();
}

/// Contents that are no key file.
fn bad_contents() -> Vec<(&'static str, Vec<u8>)> {
    let good = Issuer::offline(ISSUER).jwks_json().to_string();
    let nameless = json!({ "keys": std::iter::repeat_with(|| {
        let mut key = Issuer::offline(ISSUER).jwks_json()["keys"][0].clone();
        key.as_object_mut().unwrap().remove("kid");
        key
    }).take(5).collect::<Vec<_>>() });
    let large = format!("{good}{}", " ".repeat(256 * 1024 + 1 - good.len()));
    vec![
        ("unreadable_key_file", Vec::new()),
        ("unreadable_key_file", b"{}".to_vec()),
        ("unreadable_key_file", b"[]".to_vec()),
        ("unreadable_key_file", br#"{"keys":{}}"#.to_vec()),
        ("unreadable_key_file", good.as_bytes()[..good.len() / 2].to_vec()),
        ("unreadable_key_file", [good.as_bytes(), b"\xff"].concat()),
        ("unreadable_key_file", large.into_bytes()),
        ("no_usable_key", br#"{"keys":[{"kty":"AKP"}]}"#.to_vec()),
        ("too_many_keys_without_id", nameless.to_string().into_bytes()),
    ]
}

#[tokio::test]
async fn bad_content_changes_nothing_for_an_hour_and_is_never_blamed_on_a_token() {
    // covers: JWK-001, JWK-011, JWK-016
    for (_, content) in bad_contents() {
        let world = World::new();
        let (api, old, kid) = (world.api(), world.token(), world.issuer.key_id(Es256));
        world.issuer.rotate();
        world.folder.replace(FILE, content);
        for _ in 0..12 {
            world.advance(300);
            api.token(&old).await.assert_admitted();
        }
        // The last good keys have no such key, but the file may.
        api.token(world.token()).await.assert_unavailable(5);
        // Another algorithm for a `kid` that is known is the token's fault.
        let other = world.issuer.token(AUDIENCE).algorithm(EdDsa).header("kid", kid.as_str());
        api.token(other.sign()).await.assert_invalid("unknown_key");
        world.advance(10);
        api.token(&old).await.assert_unavailable(5);
        world.folder.replace(FILE, world.jwks());
        world.advance(5);
        api.token(world.token()).await.assert_admitted();
        api.token(&old).await.assert_invalid("unknown_key");
    }
}

#[tokio::test]
async fn a_file_that_is_gone_is_trusted_for_an_hour_from_when_it_was_last_seen() {
    // covers: JWK-011, CHL-017
    let world = World::new();
    let (api, token) = (world.api(), world.token());
    world.advance(3_000);
    api.token(&token).await.assert_admitted();
    fs::remove_file(world.folder.path(FILE)).unwrap();
    world.advance(3_609);
    api.token(&token).await.assert_admitted();
    world.advance(1);
    api.token(&token).await.assert_unavailable(4);
    // A directory in its place is no file either.
    fs::create_dir(world.folder.path(FILE)).unwrap();
    world.advance(4);
    api.token(&token).await.assert_unavailable(5);
    fs::remove_dir(world.folder.path(FILE)).unwrap();
    world.folder.write(FILE, world.jwks());
    world.advance(5);
    api.token(&token).await.assert_admitted();
}

#[tokio::test]
async fn a_quiet_server_whose_file_is_gone_does_not_trust_it_longer() {
    let world = World::new();
    let (api, token) = (world.api(), world.token());
    fs::remove_file(world.folder.path(FILE)).unwrap();
    world.advance(3_610);
    api.token(&token).await.assert_unavailable(5);
}

#[tokio::test]
async fn without_any_stale_bound_keys_are_trusted_between_one_look_and_the_next() {
    let world = World::new();
    let mut timing = KeyTiming::default();
    timing.stale_bound = Duration::ZERO;
    let server = server(world.trusted()).with_clock(world.clock.clone()).key_timing(timing).build().unwrap();
    let (api, token) = (Api::new(server.require(authenticated())), world.token());
    for seconds in [0, 4, 5, 10, 3_600] {
        world.advance(seconds);
        api.token(&token).await.assert_admitted();
        // A look in the background takes real time; the clock does not go on before its end.
        let looked = || server.issuers().status()[0].keys.last_success.unwrap();
        eventually("the look", async || looked() < Duration::from_secs(5)).await;
    }
    fs::remove_file(world.folder.path(FILE)).unwrap();
    world.advance(9);
    api.token(&token).await.assert_admitted();
    world.advance(1);
    api.token(&token).await.assert_unavailable(4);
}

#[test]
fn without_a_runtime_and_after_one_files_are_looked_at_all_the_same() {
    let world = World::new();
    let (api, old) = (world.api(), world.token());
    world.issuer.rotate();
    world.folder.replace(FILE, world.jwks());
    world.advance(10);
    block_on(api.token(&old)).assert_invalid("unknown_key");
    block_on(api.token(world.token())).assert_admitted();
    // A runtime that goes away with a request that waits.
    world.folder.replace(FILE, r#"{"keys":[]}"#);
    world.advance(10);
    let runtime = || tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime().block_on(async { drop(futures_util::FutureExt::now_or_never(api.token(world.token()))) });
    runtime().block_on(async { api.token(world.token()).await.assert_invalid("unknown_key") });
}

/// Runs a future on this thread, with nothing around it.
fn block_on<F: Future>(future: F) -> F::Output {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Arc::new(Unpark(thread::current())).into();
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park(),
        }
    }
}

#[tokio::test]
async fn a_token_that_is_refused_anyway_does_not_wait_for_a_look() {
    let world = World::new();
    let api = world.api();
    fs::remove_file(world.folder.path(FILE)).unwrap();
    world.advance(7_200);
    let expired = world.issuer.token(AUDIENCE).flaw(Flaw::Expired).sign();
    let answer = futures_util::FutureExt::now_or_never(api.token(expired));
    answer.expect("without waiting").assert_invalid("expired");
}

#[test]
fn a_file_that_cannot_be_used_is_a_problem_of_the_configuration() {
    let codes = |issuer: TrustedIssuer| -> Vec<&'static str> {
        let error = server(issuer).build().map(drop).unwrap_err();
        assert!(error.to_string().contains(FILE), "{error}");
        error.problems().iter().map(portcullis::ConfigProblem::code).collect()
    };
    let world = World::new();
    server(world.trusted()).build().unwrap();
    let mut contents = bad_contents();
    contents.push(("no_usable_key", br#"{"keys":[]}"#.to_vec()));
    for (code, content) in contents {
        world.folder.write(FILE, &content);
        assert_eq!(codes(world.trusted()), [code], "{}", String::from_utf8_lossy(&content));
    }
    // A file as large as it may be.
    let padding = 256 * 1024 - world.jwks().len();
    world.folder.write(FILE, format!("{}{}", world.jwks(), " ".repeat(padding)));
    server(world.trusted()).build().unwrap();
    // Keys for other algorithms only.
    assert_eq!(codes(world.trusted().algorithms([Rs256])), ["no_usable_key"]);
    server(world.trusted().algorithms([Es256])).build().unwrap();
    fs::remove_file(world.folder.path(FILE)).unwrap();
    assert_eq!(codes(world.trusted()), ["unreadable_key_file"]);
    fs::create_dir(world.folder.path(FILE)).unwrap();
    assert_eq!(codes(world.trusted()), ["unreadable_key_file"]);
}

#[test]
fn a_file_and_another_place_of_keys_contradict_each_other() {
    let world = World::new();
    let set = JwkSet::from_json(&world.jwks()).unwrap();
    let file = world.folder.path(FILE);
    for issuer in [
        world.trusted().jwk_set(set),
        world.trusted().jwks_uri("https://id.example.com/jwks"),
        world.trusted().jwk_set_file(&file),
        TrustedIssuer::new(ISSUER).pem_file("/nonexistent.pem").jwk_set_file(&file),
    ] {
        let error = server(issuer).build().map(drop).unwrap_err();
        let codes: Vec<_> = error.problems().iter().map(portcullis::ConfigProblem::code).collect();
        assert_eq!(codes, ["two_key_sources"]);
    }
}

#[tokio::test]
async fn issuers_with_files_do_not_share_keys_and_can_be_taken_away() {
    // covers: JWK-019
    let (a, b) = (World::new(), World::new());
    let other = Issuer::offline("https://other.example.com").with_clock(a.clock.clone());
    b.folder.write(FILE, other.jwks_json().to_string());
    let auth = server(a.trusted()).with_clock(a.clock.clone()).build().unwrap();
    let api = Api::new(auth.require(authenticated()));
    let trusted = TrustedIssuer::new(other.url()).jwk_set_file(b.folder.path(FILE));
    auth.issuers().insert(trusted).unwrap();
    let token = other.token(AUDIENCE).sign();
    api.token(&token).await.assert_admitted();
    api.token(a.token()).await.assert_admitted();
    let forged = a.issuer.token(AUDIENCE).claim("iss", other.url()).header("kid", other.key_id(Es256));
    api.token(forged.sign()).await.assert_invalid("bad_signature");
    auth.issuers().remove(other.url());
    api.token(&token).await.assert_invalid("wrong_issuer");
}

#[tokio::test]
async fn a_pem_file_is_read_again_and_is_never_without_a_key() {
    let world = World::new();
    let p256 = include_str!("jose/pem/p256.pem");
    let ed25519 = include_str!("jose/pem/ed25519.pem");
    let signed_by = |key: &str| {
        let line =
            include_str!("jose/pem/tokens.txt").lines().find(|line| line.split(' ').nth(1) == Some(key));
        line.unwrap().split(' ').nth(2).unwrap()
    };
    world.folder.write(FILE, p256);
    let trusted = || TrustedIssuer::new(ISSUER).pem_file(world.folder.path(FILE));
    let api = world.api_of(trusted());
    api.token(signed_by("p256")).await.assert_admitted();
    api.token(signed_by("ed25519")).await.assert_invalid("unknown_key");
    world.folder.replace(FILE, ed25519);
    world.advance(10);
    api.token(signed_by("ed25519")).await.assert_admitted();
    api.token(signed_by("p256")).await.assert_invalid("unknown_key");
    for bad in ["", &p256[..p256.len() / 2], r#"{"keys":[]}"#] {
        world.folder.replace(FILE, bad);
        world.advance(10);
        api.token(signed_by("ed25519")).await.assert_admitted();
        api.token(signed_by("p256")).await.assert_unavailable(5);
        let error = server(trusted()).build().map(drop).unwrap_err();
        assert_eq!(error.problems()[0].code(), "unreadable_key_file");
    }
    // Nor is a PEM file one with a JWK Set.
    world.folder.replace(FILE, p256);
    let error = server(world.trusted()).build().map(drop).unwrap_err();
    assert_eq!(error.problems()[0].code(), "unreadable_key_file");
}

#[tokio::test]
async fn operators_are_told_once_what_is_wrong_with_a_file_and_when_it_is_right_again() {
    let world = World::new();
    let path = world.folder.path(FILE).display().to_string();
    let said = || logged_of_files(&path).len();
    let told = |count: usize, words: [&str; 3]| {
        let events = logged_of_files(&path);
        assert_eq!(events.len(), count, "{events:?}");
        assert!(words.iter().all(|word| events[count - 1].contains(word)), "{events:?}");
    };
    let api = world.api();
    assert_eq!(said(), 0);
    let look = async || {
        world.advance(10);
        drop(api.token(world.token()).await);
    };
    look().await;
    assert_eq!(said(), 0, "nothing changed");
    world.folder.replace(FILE, "secret");
    look().await;
    look().await;
    told(1, ["WARN portcullis::files", "event=\"file_unusable\"", "code=\"unreadable_key_file\""]);
    world.folder.replace(FILE, r#"{"keys":[{"kty":"secret"}]}"#);
    look().await;
    look().await;
    told(2, ["WARN portcullis::files", "event=\"file_unusable\"", "code=\"no_usable_key\""]);
    world.folder.replace(FILE, world.jwks());
    look().await;
    look().await;
    told(3, ["INFO portcullis::files", "event=\"file_recovered\"", "as it was before"]);
    world.issuer.rotate();
    world.folder.replace(FILE, world.jwks());
    look().await;
    look().await;
    told(4, ["INFO portcullis::files", "event=\"file_changed\"", "changed"]);
    assert!(!logged_of_files(&path).concat().contains("secret"), "nothing of the content is said");
    // Keys that are passed over, and what should be in no file at all, are told of when the rest comes into use.
    let mut odd = world.issuer.jwks_json();
    odd["keys"].as_array_mut().unwrap().push(json!({ "kty": "oct", "k": "c2VjcmV0" }));
    world.folder.replace(FILE, odd.to_string());
    look().await;
    look().await;
    let events = logged_of_files(&path).split_off(4);
    assert_eq!(events.len(), 3, "{events:?}");
    let level_and_name = ["WARN portcullis::files", "DEBUG portcullis::files", "INFO portcullis::files"]
        .into_iter()
        .zip(["file_with_secrets", "file_key_passed_over", "file_changed"]);
    for (event, (level, name)) in events.iter().zip(level_and_name) {
        assert!(event.contains(level) && event.contains(&format!("event=\"{name}\"")), "{event}");
        assert!(!event.contains("c2VjcmV0"), "{event}");
    }
}
