//! What happens when the file changes while requests come.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use portcullis::{
    InvalidToken, PolicyFile, Presented, ResourceServer, TokenValidator, Validation, Vocabulary,
};

use super::{FILE, World, allows, get, token};
use crate::support::{AUDIENCE, Api, capture_logs, eventually, logged_of_files};

const OPEN: &str = "[rules]\n'GET /a' = 'authenticated'\n";
const CLOSED: &str = "[rules]\n'GET /a' = { role = 'nobody' }\n";

/// The events about the policies of this world.
fn logged(world: &World, what: &str) -> usize {
    let folder = world.folder.path("").display().to_string();
    logged_of_files(what).iter().filter(|line| line.contains(&folder)).count()
}

#[tokio::test]
async fn a_change_counts_within_five_seconds_of_requests_and_no_request_waits_for_it() {
    let world = World::new();
    logged(&world, "");
    world.write(CLOSED);
    let (_, server, clock) = Api::parts();
    let auth = server.build().unwrap();
    let policy = world.file().policy(&auth).unwrap();
    let allowed = || allows(&policy, Some(&token("{}")), "GET /a");
    world.write(OPEN);
    assert!(!allowed());
    clock.advance(std::time::Duration::from_secs(4));
    for _ in 0..20 {
        assert!(!allowed());
        tokio::task::yield_now().await;
    }
    clock.advance(std::time::Duration::from_secs(1));
    assert!(!allowed(), "the request that finds it due does not wait");
    eventually("the new rules", async || allowed()).await;
    eventually("an event", async || logged(&world, "rules_changed=1 issuers_changed=0") == 1).await;
    assert_eq!(policy.table().to_string(), "GET /a: a valid token\neverything else: nobody\n");
    // From the look on, not from the change, the next five seconds count.
    world.write(CLOSED);
    clock.advance(std::time::Duration::from_secs(4));
    assert!(allowed());
    clock.advance(std::time::Duration::from_secs(3600));
    assert!(allowed(), "after a quiet hour, too, the first request is decided by what is known");
    eventually("the old rules", async || !allowed()).await;
}

#[tokio::test]
async fn nothing_that_is_wrong_with_a_new_text_changes_anything_and_it_is_said_once() {
    let world = World::new();
    logged(&world, "");
    let (issuer, table) = world.issuer("a");
    world.write(format!("{table}{OPEN}"));
    let (auth, policy) = world.server();
    let api = Api::new(auth.require(policy.clone()));
    let path = world.folder.path(FILE);
    let good = issuer.token(AUDIENCE).expires_in(std::time::Duration::from_secs(86_400)).sign();
    let bad_issuer = table.replace("https://a.", "http://a.");
    let texts: Vec<(&str, Vec<u8>)> = vec![
        ("missing_member", Vec::new()),
        ("invalid_toml", format!("{table}[rules").into_bytes()),
        ("invalid_requirement", format!("{table}[rules]\n'GET /a' = 'nobody'\n").into_bytes()),
        ("insecure_issuer", format!("{bad_issuer}{CLOSED}").into_bytes()),
        ("unreadable_key_file", format!("{table}{CLOSED}").replace(".json", ".gone").into_bytes()),
        ("unreadable_policy_file", [CLOSED.as_bytes(), b"# \xff"].concat()),
        ("unreadable_policy_file", format!("{CLOSED}{}", "\n".repeat(1024 * 1024)).into_bytes()),
    ];
    for (refused, (code, text)) in (1..).zip(texts) {
        world.write(text);
        for _ in 0..3 {
            world
                .until("it is refused", async || {
                    get(&api, "/a", &good).await.assert_admitted();
                    logged(&world, "policy_refused") == refused
                })
                .await;
        }
        assert!(logged_of_files("ERROR").iter().any(|line| line.contains(code)), "{code}");
    }
    fs::remove_file(&path).unwrap();
    world
        .until("it is gone", async || {
            get(&api, "/a", &good).await.assert_admitted();
            logged(&world, "policy.toml` cannot be read: No such file") == 1
        })
        .await;
    fs::create_dir(&path).unwrap();
    world
        .until("it is a folder", async || {
            get(&api, "/a", &good).await.assert_admitted();
            logged(&world, "not a regular file") == 1
        })
        .await;
    fs::remove_dir(&path).unwrap();
    world.write(format!("{table}{OPEN}"));
    world
        .until("it recovers", async || {
            get(&api, "/a", &good).await.assert_admitted();
            logged(&world, "policy_recovered") == 1
        })
        .await;
    assert_eq!(logged(&world, "policy_in_force"), 0);
    world.write(format!("{table}{CLOSED}"));
    world.until("a good text counts", async || get(&api, "/a", &good).await.status == 403).await;
}

#[cfg(unix)]
#[tokio::test]
async fn a_pipe_in_the_place_of_the_file_changes_nothing_and_holds_nobody() {
    let world = World::new();
    logged(&world, "");
    world.write(OPEN);
    let (_, server, clock) = Api::parts();
    let policy = world.file().policy(&server.build().unwrap()).unwrap();
    let path = world.folder.path(FILE);
    fs::remove_file(&path).unwrap();
    assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
    clock.advance(std::time::Duration::from_secs(5));
    eventually("it is refused", async || {
        assert!(allows(&policy, Some(&token("{}")), "GET /a"));
        logged(&world, "not a regular file") == 1
    })
    .await;
}

#[tokio::test]
async fn issuers_come_change_and_leave_with_the_text() {
    let world = World::new();
    let ((a, table_a), (b, table_b)) = (world.issuer("a"), world.issuer("b"));
    world.write(format!("{table_a}{OPEN}"));
    let (auth, policy) = world.server();
    let api = Api::new(auth.require(policy));
    let of = |issuer: &portcullis::testing::Issuer| {
        issuer.token(AUDIENCE).expires_in(std::time::Duration::from_secs(86_400))
    };
    let (token_a, token_b) = (of(&a).sign(), of(&b).sign());
    get(&api, "/a", &token_a).await.assert_admitted();
    get(&api, "/a", &token_b).await.assert_invalid("wrong_issuer");

    world.write(format!("{table_a}{table_b}{OPEN}"));
    world
        .until("b comes", async || {
            get(&api, "/a", &token_a).await.assert_admitted();
            get(&api, "/a", &token_b).await.status == 200
        })
        .await;

    // The keys of one that did not change are not read anew for it.
    fs::remove_file(world.folder.path("b.json")).unwrap();
    let changed = table_a.replace("audience", "max_token_lifetime = 60\naudience");
    world.write(format!("{table_b}{changed}{OPEN}"));
    world
        .until("a changes", async || {
            get(&api, "/a", &token_b).await.assert_admitted();
            get(&api, "/a", &token_a).await.status == 401
        })
        .await;
    get(&api, "/a", &token_a).await.assert_invalid("lives_too_long");

    world.write(format!("{changed}{OPEN}"));
    world.until("b leaves", async || get(&api, "/a", &token_b).await.status == 401).await;
    get(&api, "/a", &token_b).await.assert_invalid("wrong_issuer");
    assert_eq!(auth.issuers().status().len(), 1);
}

#[tokio::test]
async fn the_issuers_of_the_program_are_not_the_files_to_change() {
    let world = World::new();
    let ((own, _), (_, table_b)) = (world.issuer("own"), world.issuer("b"));
    world.write(format!("{table_b}{OPEN}"));
    let file = world.file();
    let program = portcullis::TrustedIssuer::new(own.url()).jwk_set(own.jwk_set()).audience(AUDIENCE);
    let auth = file.server().issuer(program).with_clock(world.clock.clone()).build().unwrap();
    let api = Api::new(auth.require(file.policy(&auth).unwrap()));
    let token = own.token(AUDIENCE).expires_in(std::time::Duration::from_secs(86_400)).sign();
    world.write(OPEN);
    world
        .until("b leaves", async || {
            get(&api, "/a", &token).await.assert_admitted();
            auth.issuers().status().len() == 1
        })
        .await;
    // One of the same name in the file is a mistake of the file.
    let taken = table_b.replace("https://b.", "https://own.");
    world.write(format!("{taken}{CLOSED}"));
    world
        .until("it is refused", async || {
            get(&api, "/a", &token).await.assert_admitted();
            logged(&world, "duplicate_issuer") == 1
        })
        .await;
}

#[tokio::test]
async fn a_server_with_a_validator_of_its_own_takes_no_issuers_from_a_file() {
    let world = World::new();
    logged(&world, "");
    world.write(CLOSED);
    let auth = ResourceServer::from_validator(Nobody);
    let file = PolicyFile::builder(world.folder.path(FILE)).build().unwrap();
    let policy = file.policy(&auth).unwrap();
    assert!(!allows(&policy, Some(&token("{}")), "GET /a"));
    let issuer = "[[issuers]]\nissuer = 'https://a.example.com'\naudience = 'a'\n";
    let file = PolicyFile::builder(FILE).build_from_text(&format!("{issuer}{OPEN}")).unwrap();
    assert_eq!(file.policy(&auth).unwrap_err().problems()[0].code(), "unused_issuers");
}

#[derive(Debug)]
struct Nobody;

impl TokenValidator for Nobody {
    fn validate(&self, _: Presented<'_>) -> Validation {
        Validation::Ready(Err(InvalidToken::refused("nobody is known").into()))
    }
}

/// No two answers of one request, and of no request but those of one text.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn whoever_decides_while_the_file_flips_decides_by_one_whole_text() {
    let world = World::new();
    // By either text exactly one of the two is allowed, and a look at both in one decision shows a mix.
    let texts = ["a", "b"].map(|open| {
        format!("[roles.{open}]\nshown_by = {{ predicate = 'always' }}\n[rules]\n'GET /both' = {{ any_of = [{{ all_of = [{{ role = 'a' }}, {{ not = {{ role = 'b' }} }}] }}, {{ all_of = [{{ role = 'b' }}, {{ not = {{ role = 'a' }} }}] }}] }}\n'GET /{open}' = 'user'\n'GET /{open}{open}' = 'user'\n")
    });
    world.write(&texts[0]);
    let words = Vocabulary::builder().predicate("always", |_| true);
    let file = PolicyFile::builder(world.folder.path(FILE)).vocabulary(words).build().unwrap();
    let (_, server, clock) = Api::parts();
    let policy = file.policy(&server.build().unwrap()).unwrap();
    let (stop, seen) =
        (Arc::<AtomicBool>::default(), Arc::new([AtomicBool::new(false), AtomicBool::new(false)]));
    let deciding = (0..8).map(|_| {
        let (policy, stop, seen) = (policy.clone(), Arc::clone(&stop), Arc::clone(&seen));
        tokio::task::spawn_blocking(move || {
            let token = token("{}");
            while !stop.load(Ordering::Relaxed) {
                assert!(allows(&policy.table(), Some(&token), "GET /both"), "one role of the two");
                let table = policy.table();
                let names: Vec<_> = table.rules().iter().map(portcullis::Rule::name).collect();
                assert!(
                    names == ["GET /both", "GET /a", "GET /aa"]
                        || names == ["GET /both", "GET /b", "GET /bb"]
                );
                seen[usize::from(names[1] == "GET /b")].store(true, Ordering::Relaxed);
                let request = http::Request::get("/both").body(()).unwrap();
                let decision =
                    portcullis::Policy::decide(&policy, &portcullis::PolicyInput::of(Some(&token), &request));
                assert_eq!(decision, portcullis::Decision::Allow);
            }
        })
    });
    let deciding: Vec<_> = deciding.collect();
    for flip in 1..30 {
        let wanted = if flip % 2 == 0 { "GET /aa" } else { "GET /bb" };
        world.folder.replace(FILE, &texts[flip % 2]);
        clock.advance(std::time::Duration::from_secs(5));
        eventually("the other text", async || {
            policy.table().rules().last().is_some_and(|rule| rule.name() == wanted)
        })
        .await;
    }
    stop.store(true, Ordering::Relaxed);
    for task in deciding {
        task.await.unwrap();
    }
    assert!(seen.iter().all(|seen| seen.load(Ordering::Relaxed)));
}

#[tokio::test]
async fn a_comment_is_a_change_of_no_rules() {
    let world = World::new();
    logged(&world, "");
    world.write(OPEN);
    let (_, server, clock) = Api::parts();
    let auth = server.build().unwrap();
    let policy = world.file().policy(&auth).unwrap();
    world.write(format!("# Who may do what.\n{OPEN}"));
    clock.advance(std::time::Duration::from_secs(5));
    let (_, log) = capture_logs(async {
        eventually("an event", async || {
            assert!(allows(&policy, Some(&token("{}")), "GET /a"));
            logged(&world, "rules_changed=0 issuers_changed=0") == 1
        })
        .await;
    })
    .await;
    assert!(!log.contains("policy_refused"), "{log}");
}
