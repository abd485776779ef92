//! An issuer inside a cluster: its certificate is of an authority that nobody else knows, and it wants to know who asks.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use portcullis::testing::{Issuer, ManualClock};
use portcullis::{ConfigProblem, ResourceServer, ResourceServerBuilder, TrustedIssuer};

use super::{
    AUDIENCE, Authority, Log, answer_of, authority, certificate, in_a_process, listen, on_a_runtime, serve,
};

const ADMITTED: (u16, &str) = (200, "admitted");
const UNAVAILABLE: (u16, &str) = (503, "unavailable");

const METADATA: &str = "/.well-known/openid-configuration";

/// What each server was asked for, with the token that it was shown.
type Asked = Arc<Mutex<Vec<(String, Option<String>)>>>;

/// A server of the cluster that takes one token at a time, and the files of a pod.
struct World {
    issuer: Issuer,
    clock: ManualClock,
    asked: Asked,
    accepted: Arc<Mutex<Option<&'static str>>>,
    files: Files,
    ours: Authority,
    stranger: Authority,
    log: Log,
}

/// A folder of its own.
struct Files(PathBuf);

impl Files {
    fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        fs::write(self.path(name), content).unwrap();
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

impl World {
    /// The system trusts a stranger. The pod has our authority and the token `secret-1`, which is the one to show.
    async fn new(log: Log, stranger: Authority) -> Self {
        let ours = authority("Cluster");
        let (listener, url) = listen().await;
        let clock = ManualClock::at(1_800_000_000);
        let issuer = Issuer::offline(&url).with_clock(clock.clone());
        let (asked, accepted) = (Asked::default(), Arc::new(Mutex::new(Some("secret-1"))));
        let respond = respond(&issuer, url, &asked, &accepted);
        serve(listener, certificate("localhost", Some(&ours), |_| {}), respond);
        let files = Files(std::env::temp_dir().join(format!("portcullis-cluster-{}", std::process::id())));
        fs::create_dir(&files.0).unwrap();
        files.write("ca.crt", ours.pem());
        files.write("token", "secret-1\n");
        Self { issuer, clock, asked, accepted, files, ours, stranger, log }
    }

    /// The issuer, by its metadata, with no setting of its own.
    fn bare(&self) -> TrustedIssuer {
        TrustedIssuer::new(self.issuer.url())
    }

    fn with_ca(&self) -> TrustedIssuer {
        self.bare().fetch_ca_file(self.files.path("ca.crt"))
    }

    fn with_both(&self) -> TrustedIssuer {
        self.with_ca().fetch_token_file(self.files.path("token"))
    }

    fn jwks_uri(&self) -> String {
        format!("{}/jwks", self.issuer.url())
    }

    fn builder(&self, trusted: TrustedIssuer) -> ResourceServerBuilder {
        ResourceServer::builder(trusted).audience(AUDIENCE).with_clock(self.clock.clone())
    }

    fn server(&self, trusted: TrustedIssuer) -> ResourceServer {
        self.builder(trusted).build().unwrap()
    }

    async fn answer(&self, server: &ResourceServer) -> (u16, &'static str) {
        answer_of(server, &self.issuer).await
    }

    fn accept(&self, token: Option<&'static str>) {
        *self.accepted.lock().unwrap() = token;
    }

    /// What was asked for since the last time.
    fn asked(&self) -> Vec<(String, Option<String>)> {
        std::mem::take(&mut self.asked.lock().unwrap())
    }

    /// Far enough for the next fetch, with a key that only that brings.
    fn rotate(&self) {
        self.issuer.rotate();
        self.clock.advance(Duration::from_secs(60));
    }

    /// What was logged since the last time. Nothing that is in the files.
    fn logged(&self) -> String {
        let logged = self.log.take();
        assert!(!logged.contains("secret") && !logged.contains("CERTIFICATE"), "{logged}");
        logged
    }
}

/// Serves the documents of an issuer, whose keys are at this origin, to who shows the token.
fn respond(
    issuer: &Issuer,
    keys_at: String,
    asked: &Asked,
    accepted: &Arc<Mutex<Option<&'static str>>>,
) -> impl Fn(&str) -> (&'static str, String) + Send + 'static {
    let (issuer, asked, accepted) = (issuer.clone(), Arc::clone(asked), Arc::clone(accepted));
    move |head| {
        let path = head.split(' ').nth(1).unwrap().to_owned();
        let shown: Vec<_> =
            head.lines().filter_map(|line| line.strip_prefix("authorization: ").map(str::to_owned)).collect();
        assert!(shown.len() <= 1, "{head}");
        let right = accepted.lock().unwrap().map(|token| format!("Bearer {token}"));
        let answer = if right.is_some() && right.as_ref() != shown.first() {
            ("401 Unauthorized", "{}".to_owned())
        } else if path == "/jwks" {
            ("200 OK", issuer.jwks_json().to_string())
        } else {
            let (url, keys) = (issuer.url(), format!("{keys_at}/jwks"));
            ("200 OK", serde_json::json!({ "issuer": url, "jwks_uri": keys }).to_string())
        };
        asked.lock().unwrap().push((path, shown.into_iter().next()));
        answer
    }
}

fn shown(path: &str, token: &str) -> (String, Option<String>) {
    (path.to_owned(), Some(format!("Bearer {token}")))
}

/// Runs the test in a process of its own: its log has nothing from others, and no proxy stands in between.
fn in_a_cluster(test: &str, work: impl AsyncFnOnce(World)) {
    in_a_process(&format!("cluster::{test}"), |trusted| {
        let stranger = authority("Stranger");
        fs::write(trusted, stranger.pem()).unwrap();
        let log = Log::of_this_process();
        on_a_runtime(async { work(World::new(log, stranger).await).await });
    });
}

#[test]
fn keys_load_with_the_authority_and_the_token_of_the_cluster() {
    // covers: PRV-030
    in_a_cluster("keys_load_with_the_authority_and_the_token_of_the_cluster", async |world| {
        let server = world.server(world.with_both().jwks_uri(world.jwks_uri()));
        assert_eq!(world.answer(&server).await, ADMITTED);
        assert_eq!(world.asked(), [shown("/jwks", "secret-1")]);

        let both = [shown(METADATA, "secret-1"), shown("/jwks", "secret-1")];
        let server = world.server(world.with_both());
        assert_eq!(world.answer(&server).await, ADMITTED);
        assert_eq!(world.asked(), both);

        let server =
            world.server(world.with_both().metadata_url(format!("{}{METADATA}", world.issuer.url())));
        assert_eq!(server.issuers().ready().await, Ok(()));
        assert_eq!(world.asked(), both);
        assert!(!world.logged().contains("WARN"));
    });
}

#[test]
fn who_is_trusted_is_in_the_file_and_nobody_else() {
    // covers: PRV-030
    in_a_cluster("who_is_trusted_is_in_the_file_and_nobody_else", async |world| {
        world.accept(None);
        assert_eq!(world.answer(&world.server(world.bare())).await, UNAVAILABLE);
        assert!(world.logged().contains("UnknownIssuer"), "the system does not know the cluster");
        assert_eq!(world.answer(&world.server(world.with_ca())).await, ADMITTED);
        assert_eq!(world.asked().len(), 2);
        world.files.write("ca.crt", world.stranger.pem());
        let server = world.server(world.with_both());
        assert_eq!(world.answer(&server).await, UNAVAILABLE);
        assert!(world.logged().contains("UnknownIssuer"));
        assert_eq!(world.asked(), [], "the token is shown to nobody else either");

        // A host that the system trusts, and the cluster does not.
        let (listener, url) = listen().await;
        let elsewhere = Issuer::offline(&url).with_clock(world.clock.clone());
        let respond = respond(&elsewhere, url, &world.asked, &world.accepted);
        serve(listener, certificate("localhost", Some(&world.stranger), |_| {}), respond);
        let trusted = || TrustedIssuer::new(elsewhere.url());
        assert_eq!(answer_of(&world.server(trusted()), &elsewhere).await, ADMITTED);
        world.files.write("ca.crt", world.ours.pem());
        let server = world.server(trusted().fetch_ca_file(world.files.path("ca.crt")));
        assert_eq!(answer_of(&server, &elsewhere).await, UNAVAILABLE);
        assert!(world.logged().contains("UnknownIssuer"));

        // The token alone goes with the authorities of the system.
        world.accept(Some("secret-1"));
        let server = world.server(trusted().fetch_token_file(world.files.path("token")));
        assert_eq!(answer_of(&server, &elsewhere).await, ADMITTED);
    });
}

#[test]
fn without_the_right_token_there_are_no_keys_and_that_is_an_outage() {
    // covers: PRV-030
    in_a_cluster("without_the_right_token_there_are_no_keys_and_that_is_an_outage", async |world| {
        for (trusted, token) in
            [(world.with_ca(), None), (world.with_both(), Some("Bearer secret-1".to_owned()))]
        {
            world.accept(Some("secret-2"));
            let server = world.server(trusted.jwks_uri(world.jwks_uri()));
            assert_eq!(world.answer(&server).await, UNAVAILABLE);
            assert_eq!(world.asked(), [("/jwks".to_owned(), token)]);
            let logged = world.logged();
            assert!(logged.contains("bad_status") && logged.contains("401"), "{logged}");
        }
    });
}

#[test]
fn who_is_named_by_the_metadata_alone_is_not_shown_the_token() {
    // covers: PRV-030
    in_a_cluster("who_is_named_by_the_metadata_alone_is_not_shown_the_token", async |world| {
        let (listener, keys_at) = listen().await;
        let (asked, accepted) = (Asked::default(), Arc::<Mutex<Option<&'static str>>>::default());
        let keys = respond(&world.issuer, keys_at.clone(), &asked, &accepted);
        serve(listener, certificate("localhost", Some(&world.ours), |_| {}), keys);
        let (listener, url) = listen().await;
        let metadata = respond(&world.issuer, keys_at.clone(), &world.asked, &world.accepted);
        serve(listener, certificate("localhost", Some(&world.ours), |_| {}), metadata);

        // The issuer's own origin counts where fetches begin there, and here they do not.
        let server = world.server(world.with_both().metadata_url(format!("{url}/metadata")));
        assert_eq!(world.answer(&server).await, ADMITTED);
        assert_eq!(world.asked(), [shown("/metadata", "secret-1")]);
        assert_eq!(std::mem::take(&mut *asked.lock().unwrap()), [("/jwks".to_owned(), None)]);
        let logged = world.logged();
        let warned = logged.lines().find(|line| line.contains("the token is not sent")).unwrap();
        assert!(
            warned.contains("WARN portcullis::files") && warned.contains(&format!("{keys_at}/jwks")),
            "{warned}"
        );

        *accepted.lock().unwrap() = Some("secret-1");
        let server = world.server(world.with_both().metadata_url(format!("{url}/metadata")));
        assert_eq!(world.answer(&server).await, UNAVAILABLE);
        assert_eq!(std::mem::take(&mut *asked.lock().unwrap()), [("/jwks".to_owned(), None)]);
        let server = world.server(world.with_both().jwks_uri(format!("{keys_at}/jwks")));
        assert_eq!(world.answer(&server).await, ADMITTED);
        assert_eq!(*asked.lock().unwrap(), [shown("/jwks", "secret-1")]);
    });
}

#[test]
fn files_that_are_rotated_count_from_the_next_fetch_on() {
    // covers: PRV-030, PRV-033
    in_a_cluster("files_that_are_rotated_count_from_the_next_fetch_on", async |world| {
        world.files.write("ca.crt", world.stranger.pem());
        let server = world.server(world.with_both().jwks_uri(world.jwks_uri()));
        assert_eq!(world.answer(&server).await, UNAVAILABLE);
        world.files.write("ca.crt", world.stranger.pem() + &world.ours.pem());
        world.clock.advance(Duration::from_secs(1));
        assert_eq!(world.answer(&server).await, ADMITTED);
        assert!(world.logged().contains("the file changed"));

        // As the kubelet does it: `token` -> `..data/token`, and `..data` -> a folder for each version.
        fs::remove_file(world.files.path("token")).unwrap();
        symlink("..data/token", world.files.path("token")).unwrap();
        for token in ["secret-2", "secret-3"] {
            world.rotate();
            fs::create_dir(world.files.path(token)).unwrap();
            world.files.write(&format!("{token}/token"), token);
            symlink(token, world.files.path("..data_new")).unwrap();
            fs::rename(world.files.path("..data_new"), world.files.path("..data")).unwrap();
            world.accept(Some(token));
            world.asked();
            assert_eq!(world.answer(&server).await, ADMITTED);
            assert_eq!(world.asked(), [shown("/jwks", token)]);
        }
        world.rotate();
        world.files.write("ca.crt", world.stranger.pem());
        assert_eq!(world.answer(&server).await, UNAVAILABLE);
        assert_eq!(world.asked(), []);
        assert!(world.logged().contains("UnknownIssuer"));

        world.files.write("ca.crt", world.ours.pem());
        world.clock.advance(Duration::from_secs(60));
        assert_eq!(world.answer(&server).await, ADMITTED);
    });
}

#[test]
fn keys_that_were_fetched_stay_where_an_issuer_with_the_same_files_takes_its_place() {
    let name = "keys_that_were_fetched_stay_where_an_issuer_with_the_same_files_takes_its_place";
    in_a_cluster(name, async |world| {
        let server = world.server(world.with_both().jwks_uri(world.jwks_uri()));
        assert_eq!(world.answer(&server).await, ADMITTED);
        server.issuers().insert(world.with_both().jwks_uri(world.jwks_uri())).unwrap();
        world.asked();
        assert_eq!(world.answer(&server).await, ADMITTED);
        assert_eq!(world.asked(), []);
        server.issuers().insert(world.with_ca().jwks_uri(world.jwks_uri())).unwrap();
        assert_eq!(world.answer(&server).await, UNAVAILABLE);
        assert_eq!(world.asked(), [("/jwks".to_owned(), None)]);
    });
}

#[test]
fn a_file_that_is_of_no_use_fails_the_fetch_and_nothing_is_sent() {
    // covers: PRV-030
    in_a_cluster("a_file_that_is_of_no_use_fails_the_fetch_and_nothing_is_sent", async |world| {
        let token = [
            (None, "No such file"),
            (Some(b"".to_vec()), "not one line of visible ASCII"),
            (Some(b" \r\n".to_vec()), "not one line of visible ASCII"),
            (Some(b"secret-1\r\nX-Forwarded-User: secret-2".to_vec()), "not one line of visible ASCII"),
            (Some(b"secret-1 secret-2".to_vec()), "not one line of visible ASCII"),
            (Some("secret-\u{e9}".into()), "not one line of visible ASCII"),
            (Some(b"secret-\xff".to_vec()), "valid UTF-8"),
            (Some(b"secret-1".repeat(2048 + 1)), "larger than 16384 bytes"),
        ];
        let pem = world.ours.pem();
        let ca = [
            (None, "No such file"),
            (Some(b"secret".to_vec()), "no certificate in it"),
            (Some(pem.replace("MII", "AAA").into_bytes()), "cannot be used"),
            (Some(pem.split_at(pem.len() / 2).0.into()), "cannot be used"),
            (Some(b"secret".repeat(200_000)), "larger than 1048576 bytes"),
        ];
        let cases = token.map(|case| ("token", "secret-1", case)).into_iter();
        for (name, right, (content, reason)) in cases.chain(ca.map(|case| ("ca.crt", &*pem, case))) {
            let (trusted, path) = (world.with_both(), world.files.path(name));
            let server = world.server(trusted.clone());
            match &content {
                Some(content) => world.files.write(name, content),
                None => fs::remove_file(&path).unwrap(),
            }
            // So it is when a server is made, so it is later.
            let error = world.builder(trusted).build().unwrap_err();
            let expected = if name == "token" { "unreadable_token_file" } else { "unreadable_ca_file" };
            let codes: Vec<_> = error.problems().iter().map(ConfigProblem::code).collect();
            assert_eq!(codes, [expected]);
            let not_ready = server.issuers().ready().await.unwrap_err();
            assert_eq!(world.answer(&server).await, UNAVAILABLE);
            assert_eq!(world.asked(), [], "{reason}");
            let logged = world.logged();
            let failed = logged.lines().find(|line| line.contains("keys_failed")).unwrap();
            assert!(failed.contains("request_failed"), "{failed}");
            let status = server.issuers().status().remove(0).keys.last_error.unwrap();
            for told in [&error.to_string(), failed, &status.message, &not_ready.to_string()] {
                assert!(told.contains(reason) && told.contains(path.to_str().unwrap()), "{reason}: {told}");
            }
            let printed = format!("{error:?} {not_ready:?} {status:?} {server:?}");
            assert!(!printed.contains("secret"), "{printed}");

            world.files.write(name, right);
            world.clock.advance(Duration::from_secs(1));
            assert_eq!(world.answer(&server).await, ADMITTED, "{reason}");
            world.asked();
            world.logged();
        }
    });
}

#[test]
fn the_token_is_printed_nowhere() {
    // covers: PRV-030, EXT-023
    in_a_cluster("the_token_is_printed_nowhere", async |world| {
        let trusted = world.with_both();
        let mut printed = format!("{trusted:?} {:?}", world.builder(trusted.clone()));
        let server = world.server(trusted);
        for accepted in ["secret-1", "secret-2"] {
            world.accept(Some(accepted));
            let ready = server.issuers().ready().await;
            printed += &format!("{ready:?} {:?} {server:?}", server.issuers().status());
            world.clock.advance(Duration::from_secs(86_400));
        }
        assert_eq!(world.asked().len(), 4);
        let logged = world.logged();
        assert!(logged.contains("keys_loaded") && logged.contains("keys_failed"), "{logged}");
        assert!(printed.contains("bad_status") && !printed.contains("secret"), "{printed}");
    });
}
