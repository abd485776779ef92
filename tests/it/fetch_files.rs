//! What cannot be a file for the fetches of an issuer. Those that can are tried over TLS, in `tests/tls/cluster.rs`.

use portcullis::testing::Issuer;
use portcullis::{ConfigError, ConfigProblem, ResourceServer, TrustedIssuer};

use crate::support::{AUDIENCE, Folder, ISSUER};

fn codes(error: &ConfigError) -> Vec<&'static str> {
    error.problems().iter().map(ConfigProblem::code).collect()
}

#[test]
fn a_file_that_no_fetch_could_use_is_a_problem_of_the_configuration() {
    // covers: PRV-030
    let folder = Folder::new();
    let broken = |name: &str| {
        let token = folder.write("token", "private-1\nprivate-2");
        let ca = folder.write("ca", "private");
        TrustedIssuer::new(name).fetch_token_file(token).fetch_ca_file(ca)
    };
    let server = ResourceServer::builder(broken(ISSUER)).audience(AUDIENCE);
    let error = server.build().unwrap_err();
    assert_eq!(codes(&error), ["unreadable_ca_file", "unreadable_token_file"]);
    assert!(!format!("{error} {error:?} {:?}", broken(ISSUER)).contains("private"), "{error}");
    // Beside others, and of an issuer that comes later.
    let server = ResourceServer::builder(broken("http://id.example.com")).build().unwrap_err();
    let all = ["insecure_issuer", "missing_audience", "unreadable_ca_file", "unreadable_token_file"];
    assert_eq!(codes(&server), all);
    let server = ResourceServer::builder(ISSUER).audience(AUDIENCE).build().unwrap();
    let error = server.issuers().insert(broken("https://b.example.com")).unwrap_err();
    assert_eq!(codes(&error), ["unreadable_ca_file", "unreadable_token_file"]);

    let folder_for_file = TrustedIssuer::new(ISSUER).fetch_token_file(folder.path(""));
    let error = ResourceServer::builder(folder_for_file).audience(AUDIENCE).build().unwrap_err();
    assert_eq!(codes(&error), ["unreadable_token_file"]);
    assert!(error.to_string().contains("not a regular file"), "{error}");
}

#[test]
fn a_client_of_ones_own_takes_no_files() {
    // covers: PRV-030
    let (folder, client) = (Folder::new(), Issuer::offline(ISSUER));
    let token = folder.write("token", "private\n");
    let trusted = || TrustedIssuer::new(ISSUER).fetch_token_file(&token);
    let server = |issuer: TrustedIssuer| ResourceServer::builder(issuer).audience(AUDIENCE);
    server(trusted()).build().unwrap();
    for server in [
        server(trusted().with_http_client(client.clone())),
        server(trusted()).with_http_client(client.clone()),
        server(trusted().jwks_uri("https://id.example.com/jwks")).with_http_client(client.clone()),
    ] {
        assert_eq!(codes(&server.build().unwrap_err()), ["client_with_fetch_files"]);
    }
    // Where nothing is fetched, no client is in the way.
    let issuer = trusted().jwk_set(client.jwk_set());
    server(issuer).with_http_client(client).build().unwrap();
}
