//! Policies from a file: what is in it, what is wrong with it, and what a change of it does. Virtual time, real files.

mod changes;
mod mistakes;
mod schema;

use std::time::Duration;

use http::Request;
use portcullis::testing::{Issuer, ManualClock};
use portcullis::{
    Claims, Decision, FilePolicy, Policy as _, PolicyFile, PolicyInput, ResourceServer, ValidatedToken,
    Vocabulary,
};

use crate::support::{Answer, Api, Folder, NOW, eventually};

const FILE: &str = "policy.toml";

/// A file, the issuers that may be in it, each with its keys in another file, and the clock of everybody.
struct World {
    folder: Folder,
    clock: ManualClock,
}

impl World {
    fn new() -> Self {
        Self { folder: Folder::new(), clock: ManualClock::at(NOW) }
    }

    fn write(&self, text: impl AsRef<[u8]>) {
        self.folder.replace(FILE, text);
    }

    /// An issuer, and its table in a policy file.
    fn issuer(&self, name: &str) -> (Issuer, String) {
        let issuer = Issuer::offline(&format!("https://{name}.example.com")).with_clock(self.clock.clone());
        let keys = self.folder.write(&format!("{name}.json"), issuer.jwks_json().to_string());
        let (url, keys) = (issuer.url(), keys.display());
        let table = format!(
            "[[issuers]]\nissuer = '{url}'\naudience = 'https://api.example.com'\njwk_set_file = '{keys}'\n"
        );
        (issuer, table)
    }

    fn file(&self) -> PolicyFile {
        PolicyFile::builder(self.folder.path(FILE)).build().unwrap()
    }

    /// The server of the file's issuers, and its policy.
    fn server(&self) -> (ResourceServer, FilePolicy) {
        let file = self.file();
        let auth = file.server().with_clock(self.clock.clone()).build().unwrap();
        let policy = file.policy(&auth).unwrap();
        (auth, policy)
    }

    fn advance(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    /// Lets time pass until the file is looked at again, and asks until something comes of it.
    async fn until(&self, what: &str, mut happens: impl AsyncFnMut() -> bool) {
        self.advance(5);
        eventually(what, async || happens().await).await;
    }
}

fn token(claims: &str) -> ValidatedToken {
    ValidatedToken::assertion(Claims::from_json(claims).unwrap())
}

fn allows(policy: &impl portcullis::Policy, token: Option<&ValidatedToken>, request: &str) -> bool {
    let (method, path) = request.split_once(' ').unwrap();
    let request = Request::builder().method(method).uri(path).body(()).unwrap();
    let input = PolicyInput::of(token, &request);
    let decision = policy.decide(&input);
    decision == Decision::Allow
}

async fn get(api: &Api, path: &str, token: &str) -> Answer {
    let request = Request::get(path).header("authorization", format!("Bearer {token}"));
    api.send(request.body(()).unwrap()).await
}

#[test]
fn roles_scopes_and_rules_of_a_file_mean_what_they_mean_in_the_program() {
    // covers: POL-001, POL-002
    let text = r#"
        permissions_at = "/can"

        [roles.admin]
        includes = ["clerk"]
        permissions = "orders:refund"
        shown_by = [{ claim = { path = "groups", contains = "/staff/admins" } }]
        [roles.clerk]
        shown_by = { claim = { path = "/resource/shop", has_word = "clerk" } }

        [scopes]
        "orders:write" = ["orders:read"]
        "orders:*" = "orders:*"

        [rules]
        "GET /health" = "anyone"
        "GET /orders/{id}" = { scope = "orders:read" }
        "POST,PUT /orders/{id}" = { all_of = [{ scope = "orders:write" }, { role = "clerk" }] }
        "POST /refunds" = { permission = "orders:refund" }
        "* /admin/{*rest}" = { role = "admin" }
        "GET /tenants/{tenant}" = { claim = { path = "tenant", equals_path_parameter = "tenant" } }
        "GET /home" = { any_of = [{ predicate = "at home" }, { not = { any_scope = ["a", "b"] } }] }
        "GET /five" = { claim = { path = "level", is_any_of = [5, "five", true] } }
    "#;
    let words = Vocabulary::builder().predicate("at home", |input| input.path() == "/home");
    let table = PolicyFile::builder(FILE).vocabulary(words).build_from_text(text).unwrap().table().clone();
    assert_eq!(
        table.rules().first().map(portcullis::Rule::name),
        Some("GET /health"),
        "in the order of the file"
    );
    for (claims, allowed, denied) in [
        (r#"{"scope":"orders:write"}"#, "GET /orders/7", "PUT /orders/7"),
        (r#"{"scope":"orders:*","roles":["admin"]}"#, "PUT /orders/7", "PUT /orders/7/lines"),
        (r#"{"groups":["/staff/admins"]}"#, "DELETE /admin/a/b", "GET /orders/7"),
        (r#"{"groups":["/staff/admins"]}"#, "POST /refunds", "GET /refunds"),
        (r#"{"can":["orders:refund"]}"#, "POST /refunds", "GET /admin/a"),
        (r#"{"resource":{"shop":"a clerk"},"scope":"orders:write"}"#, "PUT /orders/7", "GET /admin/a"),
        (r#"{"tenant":"acme"}"#, "GET /tenants/acme", "GET /tenants/globex"),
        (r#"{"scope":"a"}"#, "GET /home", "GET /elsewhere"),
        (r#"{"level":5}"#, "GET /five", "POST /five"),
        (r#"{"level":true}"#, "GET /five", "GET /"),
    ] {
        let token = token(claims);
        assert!(allows(&table, Some(&token), allowed), "{claims} {allowed}");
        assert!(!allows(&table, Some(&token), denied), "{claims} {denied}");
    }
    assert!(allows(&table, None, "GET /health") && !allows(&table, None, "GET /orders/7"));
}

#[test]
fn rules_that_are_empty_deny_everything_and_no_rules_are_a_mistake() {
    let empty = PolicyFile::builder(FILE).build_from_text("[rules]").unwrap();
    assert!(!allows(empty.table(), Some(&token("{}")), "GET /"));
    assert!(!allows(empty.table(), None, "GET /"));
    let error = PolicyFile::builder(FILE).build_from_text("").unwrap_err();
    assert_eq!(error.to_string(), "policy.toml:1:1: a policy file without `rules`");
}

#[tokio::test]
async fn rules_on_trial_decide_nothing_and_are_heard_of_where_they_differ() {
    let text = r#"
        [rules]
        "GET /a" = { role = "clerk" }
        "GET /b" = "authenticated"
        [shadow_rules]
        "GET /b" = { role = "clerk" }
        "GET /c" = "authenticated"
    "#;
    let world = World::new();
    world.write(text);
    let (_, server, _) = Api::parts();
    let policy = world.file().policy(&server.build().unwrap()).unwrap();
    let token = token("{}");
    let decide = |request: &'static str| {
        let (policy, token) = (policy.clone(), token.clone());
        crate::support::capture_logs(async move { allows(&policy, Some(&token), request) })
    };
    let (allowed, log) = decide("GET /b").await;
    assert!(allowed && log.contains("would=\"deny\"") && log.contains("GET /b"), "{log}");
    let (allowed, log) = decide("GET /c").await;
    assert!(!allowed && log.contains("would=\"allow\""), "{log}");
    let (allowed, log) = decide("GET /a").await;
    assert!(!allowed && !log.contains("would"), "{log}");
    assert_eq!(policy.table().rules().len(), 2);
    let request = Request::get("/b").body(()).unwrap();
    let explanation = policy.explain(&PolicyInput::of(Some(&token), &request)).to_string();
    assert!(explanation.contains("rule `GET /a`") && explanation.contains("shadow"), "{explanation}");
}

#[test]
fn every_kind_of_issuer_is_one_of_the_servers() {
    let folder = Folder::new();
    let keys = folder.write("keys.json", Issuer::offline("https://a.example.com").jwks_json().to_string());
    let secret = folder.write("secret", "hunter2");
    let pem = folder.write("keys.pem", include_str!("jose/pem/p256.pem"));
    let (keys, pem, secret) = (keys.display(), pem.display(), secret.display());
    let text = format!(
        r#"
        audience = ["https://api.example.com", "orders"]
        rules = {{}}
        [[issuers]]
        issuer = "https://a.example.com"
        audience = "own"
        profile = "plain_jwt"
        algorithms = ["ES256", "EdDSA"]
        scopes_at = "scp"
        roles_at = "/realm_access/roles"
        max_token_lifetime = 3600
        jwk_set_file = '{keys}'
        [[issuers]]
        issuer = "https://b.example.com"
        pem_file = '{pem}'
        [[issuers]]
        issuer = "https://c.example.com"
        jwks_uri = "https://c.example.com/keys"
        fetch_token_file = '{secret}'
        [[issuers]]
        issuer = "https://d.example.com"
        metadata_url = "https://internal.example.com/metadata"
        [issuers.introspection]
        method = "post"
        client_id = "orders"
        secret = 'file:{secret}'
        endpoint = "https://d.example.com/introspect"
        token_prefix = "d_"
        every_token = true
        without_hint = true
        signed_answers = false
        cache_lifetime = 30
        inactive_lifetime = 0
        max_cached_tokens = 100
        client_as_audience = ["web", "app"]
        [[issuers]]
        provider = "keycloak"
        issuer = "https://sso.example.com/realms/shop"
        client_roles = "orders"
        introspection = {{ method = "bearer", secret = "env:CARGO_PKG_NAME" }}
        [[issuers]]
        provider = "okta"
        issuer = "https://example.okta.com/oauth2/default"
        introspection = {{ method = "mutual_tls", client_id = "orders", token_prefix = "okta_" }}
        [[issuers]]
        provider = "kubernetes"
        issuer = "https://kubernetes.default.svc"
        [[issuers]]
        provider = "auth0"
        domain = "example.eu.auth0.com"
        [[issuers]]
        provider = "cognito"
        user_pool = "eu-central-1_AbCdEfGhI"
        clients = ["web"]
        [[issuers]]
        provider = "entra_v1"
        tenants = "5b2f6b1c-3f0e-4f6e-9d58-0a4e6f6f9c11"
        [[issuers]]
        provider = "entra_v2"
        tenants = ["5b2f6b1c-3f0e-4f6e-9d58-0a4e6f6f9c11"]
        [[issuers]]
        provider = "google"
        [[issuers]]
        provider = "github_actions"
    "#
    );
    let file = PolicyFile::builder(FILE).build_from_text(&text).unwrap();
    let auth = file.server().build().unwrap();
    assert_eq!(auth.issuers().status().len(), 13);
    file.policy(&auth).unwrap();
    let shown = format!("{file:?}");
    assert!(!shown.contains("hunter2"), "{shown}");
    for said in [
        r#"audiences: ["own"]"#,
        r#"audiences: ["https://api.example.com", "orders"]"#,
        "/realm_access/roles",
        "every_token: true",
        "d_",
        "Secret(env:CARGO_PKG_NAME)",
        "resource_access/orders/roles",
    ] {
        assert!(shown.contains(said), "{said} / {shown}");
    }
}

#[test]
fn a_file_with_issuers_goes_with_a_server_that_trusts_them_and_one_without_goes_with_every_server() {
    let with = "[[issuers]]\nissuer = 'https://a.example.com'\naudience = 'a'\n[rules]";
    let with = PolicyFile::builder(FILE).build_from_text(with).unwrap();
    let without = PolicyFile::builder(FILE).build_from_text("[rules]").unwrap();
    let other = ResourceServer::builder("https://b.example.com").audience("b").build().unwrap();
    without.policy(&other).unwrap();
    with.policy(&with.server().issuer("https://b.example.com").audience("b").build().unwrap()).unwrap();
    let error = with.policy(&other).unwrap_err();
    assert_eq!(error.problems()[0].code(), "unused_issuers");
    assert!(error.to_string().starts_with("policy.toml:1:1: "), "{error}");
    let error = without.server().build().unwrap_err();
    assert_eq!(error.problems()[0].code(), "missing_issuer");
    without.server().issuer("https://b.example.com").audience("b").build().unwrap();
}
