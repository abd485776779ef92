//! The page of introspection, held against the code; and what it promises that no other test tries.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use bytes::Bytes;
use http::{Method, Request, Response};
use portcullis::testing::Issuer;
use portcullis::{
    BoxFuture, ClientAuthentication, FetchError, FetchLimits, HttpClient, Introspection, ResourceServer,
    Secret, TrustedIssuer, authenticated,
};

use crate::support::{AUDIENCE, Api, ISSUER, capture_logs};

const METADATA: &str = "https://inside.example.com/metadata";

/// Has the metadata at one place, which is no usual one, and the endpoint where that says.
#[derive(Debug)]
struct Inside(Issuer);

impl HttpClient for Inside {
    fn send(
        &self,
        request: Request<Bytes>,
        limits: FetchLimits,
    ) -> BoxFuture<'static, Result<Response<Bytes>, FetchError>> {
        if request.method() == Method::POST {
            return self.0.send(request, limits);
        }
        let metadata = (request.uri() == METADATA).then(|| self.0.metadata_json().to_string());
        let answer = Response::builder().status(if metadata.is_some() { 200 } else { 404 });
        let answer = answer.header("content-type", "application/json");
        let answer = answer.body(Bytes::from(metadata.unwrap_or_default())).unwrap();
        Box::pin(async { Ok(answer) })
    }
}

fn introspection(secret: &str) -> Introspection {
    Introspection::new(ClientAuthentication::basic("api", Secret::new(secret)))
}

fn api(trusted: TrustedIssuer, issuer: &Issuer) -> Api {
    let server = ResourceServer::builder(trusted).audience(AUDIENCE).with_http_client(Inside(issuer.clone()));
    Api::new(server.build().unwrap().require(authenticated()))
}

#[tokio::test]
async fn the_endpoint_is_found_where_the_metadata_is_said_to_be() {
    let issuer = Issuer::offline(ISSUER);
    let trusted = TrustedIssuer::new(ISSUER).introspection(introspection("secret"));
    let token = issuer.token(AUDIENCE).opaque();
    api(trusted.clone(), &issuer).token(&token).await.assert_unavailable(1);
    api(trusted.metadata_url(METADATA), &issuer).token(&token).await.assert_admitted();

    let every = TrustedIssuer::new(ISSUER).introspection(introspection("secret").every_token());
    api(every.clone().metadata_url(METADATA), &issuer).token(&token).await.assert_admitted();
    let refused = ResourceServer::builder(every.metadata_url("http://inside.example.com/metadata"));
    let refused = refused.audience(AUDIENCE).build().unwrap_err();
    assert_eq!(refused.problems()[0].code(), "insecure_metadata_url");
}

#[tokio::test]
async fn what_went_wrong_is_a_field_of_its_event() {
    let issuer = Issuer::offline(ISSUER);
    let trusted = TrustedIssuer::new(ISSUER).introspection(introspection("wrong")).metadata_url(METADATA);
    let (api, token) = (api(trusted, &issuer), issuer.token(AUDIENCE).opaque());
    let (answer, log) = capture_logs(async { api.token(&token).await }).await;
    answer.assert_unavailable(1);
    let told = log.lines().find(|line| line.contains("portcullis::introspection")).unwrap();
    assert!(told.contains("ERROR") && told.contains("code=\"credentials_refused\""), "{told}");
    assert!(told.contains("error=\"") && told.contains("401"), "{told}");
}

fn source(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap()
}

/// The rows of the table with this header on the page: the names in backticks of each cell.
fn page(header: &str) -> Vec<Vec<BTreeSet<String>>> {
    let text = source("docs/introspection.md");
    let rows = text.split(header).nth(1).unwrap_or_else(|| panic!("no table {header}"));
    let rows = rows.lines().skip(2).take_while(|line| line.starts_with('|'));
    let names = |cell: &str| cell.split('`').skip(1).step_by(2).map(str::to_owned).collect();
    rows.map(|line| line.trim_matches('|').split('|').map(names).collect()).collect()
}

/// The names in the first column.
fn listed(header: &str) -> BTreeSet<String> {
    page(header).into_iter().flat_map(|row| row[0].clone()).collect()
}

/// Name, levels and fields of every event of the target, but for its issuer. One without a name or an issuer fails.
fn emitted() -> Vec<(String, String, BTreeSet<String>)> {
    let text = source("src/introspect/events.rs");
    let mut events: Vec<(String, String, BTreeSet<String>)> = Vec::new();
    for call in text.split("tracing::").skip(1) {
        let (level, call) = call.split_once("!(target: \"portcullis::introspection\", event = \"").unwrap();
        let (name, rest) = call.split_once("\", ").unwrap();
        let fields = rest.split('"').next().unwrap().split(", ").filter(|field| !field.is_empty());
        let mut fields: BTreeSet<String> = fields.map(str::to_owned).collect();
        assert!(fields.remove("issuer"), "{name} says of what");
        match events.iter_mut().find(|event| event.0 == name) {
            Some((_, levels, known)) => {
                assert_eq!(*known, fields, "fields of {name}");
                *levels = format!("{levels} or {level}");
            }
            None => events.push((name.to_owned(), level.to_owned(), fields)),
        }
    }
    events
}

#[test]
fn the_page_has_every_event_and_no_other() {
    let header = "| event | level | more fields | when |";
    let emitted = emitted();
    assert_eq!(listed(header), emitted.iter().map(|(name, ..)| name.clone()).collect());
    let text = source("docs/introspection.md");
    for (row, (name, levels, fields)) in page(header).iter().zip(&emitted) {
        assert!(row[0].contains(name), "in the order of the code: {name}");
        assert_eq!(row[2], *fields, "fields of {name}");
        assert!(text.contains(&format!("| `{name}` | {levels} |")), "{name} is of level {levels}");
    }
    // And nobody else uses the target.
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    while let Some(path) = folders.pop() {
        if path.is_dir() {
            folders.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        } else if !path.ends_with("introspect/events.rs") {
            assert!(!fs::read_to_string(&path).unwrap().contains("target: \"portcullis::introspection\""));
        }
    }
}

#[test]
fn the_page_has_every_code_of_a_failure_and_no_other() {
    let mut codes = BTreeSet::new();
    for name in ["introspect/error.rs", "fetch/http_client.rs", "metadata/authorization_server.rs"] {
        let text = source(&format!("src/{name}"));
        let body = text.split("fn code(").nth(1).unwrap().split("\n    }\n").next().unwrap();
        codes.extend(body.split('"').skip(1).step_by(2).map(str::to_owned));
    }
    // Of the same metadata, on the page of keys.
    assert!(codes.remove("no_jwks_uri"));
    assert!(codes.len() > 10, "the codes were found");
    assert_eq!(listed("| code | what went wrong |"), codes);

    let ours = source("src/introspect/error.rs");
    let ours = ours.split("fn is_ours(").nth(1).unwrap().split("\n    }\n").next().unwrap();
    let ours: BTreeSet<_> =
        ours.split("Self::").skip(1).map(|name| name.split('(').next().unwrap()).collect();
    assert_eq!(ours, BTreeSet::from(["NoCredentials", "CredentialsRefused", "ForeignEndpoint"]));
    let marked = source("docs/introspection.md").lines().filter(|line| line.ends_with("**yours** |")).count();
    assert_eq!(marked, ours.len(), "who has to mend it");
}

#[test]
fn the_page_has_every_counter_and_no_other() {
    let text = source("src/introspect/status.rs");
    let counters =
        text.split("pub struct IntrospectionCounters {").nth(1).unwrap().split("\n}").next().unwrap();
    let counters =
        counters.lines().filter_map(|line| line.trim().strip_prefix("pub ")?.strip_suffix(": u64,"));
    assert_eq!(listed("| counter | counts |"), counters.map(str::to_owned).collect());
}

#[test]
fn the_page_has_every_refusal_by_the_rules_of_an_answer() {
    let text = source("docs/introspection.md");
    let codes = source("docs/codes.md");
    let rows = page("| what happened | answer | code | kept |");
    assert!(rows.len() > 10, "the rows were found");
    for code in rows.iter().flat_map(|row| &row[2]) {
        assert!(codes.contains(&format!("| `{code}` |")), "{code} is on the page of codes");
    }
    for bound in ["64 KiB", "1 024", "10 000", "300 s", "30 s"] {
        assert!(text.contains(bound), "{bound}");
    }
}
