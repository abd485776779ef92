//! Presets: the tokens and documents of well-known providers, in the shapes that they have, with invented names and keys
//! of our own. Every network is scripted, every request counted.

mod customers;
mod entra;
mod keycloak;
mod workloads;

use portcullis::SignatureAlgorithm::Rs256;
use portcullis::testing::{Issuer, ManualClock, validate};
use portcullis::{
    Policy, Profile, ResourceServer, ResourceServerBuilder, TrustedIssuer, ValidatedToken, Validation,
    authenticated,
};
use serde_json::{Value, json};

use crate::support::{AUDIENCE, Answer, Api, NOW, Reply, ScriptedClient};

/// Where every provider of these tests keeps its keys.
const KEYS: &str = "https://keys.example.com/jwks";

/// A provider behind a scripted network, and a server that trusts it.
struct World {
    signer: Issuer,
    client: ScriptedClient,
    auth: ResourceServer,
}

impl World {
    /// A provider that publishes a document at each of these places, in which it calls itself so, and its one RSA key.
    fn new(trusted: TrustedIssuer, documents: &[(&str, &str)]) -> Self {
        Self::configured(trusted, documents, |server| server.audience(AUDIENCE))
    }

    fn configured(
        trusted: TrustedIssuer,
        documents: &[(&str, &str)],
        configure: impl FnOnce(ResourceServerBuilder) -> ResourceServerBuilder,
    ) -> Self {
        let signer = Issuer::offline("https://signer.example.com");
        let client = ScriptedClient::default().on(KEYS, [keys(&[jwk(&signer)])]);
        let client = documents.iter().fold(client, |client, (place, issuer)| {
            let document = json!({ "issuer": issuer, "jwks_uri": KEYS });
            client.on(place, [Reply::Json(document.to_string())])
        });
        let server = ResourceServer::builder(trusted)
            .with_clock(ManualClock::at(NOW))
            .with_http_client(client.clone());
        Self { signer, client, auth: configure(server).build().unwrap() }
    }

    /// A token with these claims and the header `typ: JWT`.
    fn token(&self, claims: &Value) -> String {
        self.token_with(&json!({ "typ": "JWT" }), claims)
    }

    /// A token with these claims, and these parameters beside `alg` and `kid`.
    fn token_with(&self, header: &Value, claims: &Value) -> String {
        let own = json!({ "alg": "RS256", "kid": self.signer.key_id(Rs256) });
        signed(&self.signer, &changed(&own, header), claims)
    }

    async fn send(&self, policy: impl Policy, claims: &Value) -> Answer {
        Api::new(self.auth.require(policy)).token(self.token(claims)).await
    }

    /// What a valid token is handed on as.
    async fn validated(&self, token: &str) -> ValidatedToken {
        let request = http::Request::get("/").header("authorization", format!("Bearer {token}"));
        match validate(&self.auth, &request.body(()).unwrap()) {
            Validation::Ready(result) => result.unwrap(),
            Validation::Pending(result) => result.await.unwrap(),
        }
    }

    /// Whether the claims make a valid token, whatever it grants.
    async fn assert_valid(&self, claims: &Value) {
        self.send(authenticated(), claims).await.assert_admitted();
    }

    async fn assert_invalid(&self, claims: &Value, code: &str) {
        self.send(authenticated(), claims).await.assert_invalid(code);
    }
}

fn signed(signer: &Issuer, header: &Value, claims: &Value) -> String {
    signer.sign(Rs256, &header.to_string(), claims.to_string().as_bytes())
}

/// The public RSA key, as providers publish theirs: without `alg`, with what nobody needs.
fn jwk(signer: &Issuer) -> Value {
    let key_id = signer.key_id(Rs256);
    let set = signer.jwks_json();
    let key = set["keys"].as_array().unwrap().iter().find(|key| key["kid"] == *key_id).unwrap();
    changed(key, &json!({ "alg": null, "use": "sig", "x5t": "GvnPApfWMdLRi8PDmisFn7bprKg" }))
}

fn keys(keys: &[Value]) -> Reply {
    Reply::Json(json!({ "keys": keys }).to_string())
}

/// These members with some of them changed, or with `null` taken out.
fn changed(members: &Value, changes: &Value) -> Value {
    let mut members = members.clone();
    for (name, value) in changes.as_object().unwrap() {
        match value {
            Value::Null => drop(members.as_object_mut().unwrap().remove(name)),
            value => members[name] = value.clone(),
        }
    }
    members
}

/// What the operator reads.
fn reason(answer: &Answer) -> String {
    answer.rejection.as_ref().unwrap().to_string()
}

fn codes(trusted: TrustedIssuer) -> Vec<&'static str> {
    let error = ResourceServer::builder(trusted).audience(AUDIENCE).build().unwrap_err();
    error.problems().iter().map(portcullis::ConfigProblem::code).collect()
}

const GUID: &str = "5b2f6b1c-3f0e-4f6e-9d58-0a4e6f6f9c11";

#[test]
fn what_a_preset_is_asked_for_is_checked_when_the_server_is_built() {
    // covers: PRV-004, PRV-021
    type Issuers = TrustedIssuer;
    for (trusted, code) in [
        (Issuers::entra_v2([""; 0]), "invalid_tenant"),
        (Issuers::entra_v1(["common"]), "invalid_tenant"),
        (Issuers::entra_v2(["organizations"]), "invalid_tenant"),
        (Issuers::entra_v2([GUID, "../x"]), "invalid_tenant"),
        (Issuers::entra_v2(["5b2f6b1c3f0e4f6e9d580a4e6f6f9c11"]), "invalid_tenant"),
        (Issuers::entra_v2(["5b2f6b1c-3f0e-4f6e-9d58-0a4e6f6f9c1g"]), "invalid_tenant"),
        (Issuers::entra_v2(["5b2f6b1c-3f0e-4f6e-9d580-a4e6f6f9c11"]), "invalid_tenant"),
        (Issuers::auth0("https://example.eu.auth0.com/"), "invalid_domain"),
        (Issuers::auth0("example.eu.auth0.com/"), "invalid_domain"),
        (Issuers::auth0(""), "invalid_domain"),
        (Issuers::auth0("..."), "invalid_domain"),
        (Issuers::auth0("-"), "invalid_domain"),
        (Issuers::auth0("example"), "invalid_domain"),
        (Issuers::auth0(".eu.auth0.com"), "invalid_domain"),
        (Issuers::auth0("example.eu.auth0.com."), "invalid_domain"),
        (Issuers::auth0("example..auth0.com"), "invalid_domain"),
        (Issuers::auth0("-example.eu.auth0.com"), "invalid_domain"),
        (Issuers::auth0("example-.eu.auth0.com"), "invalid_domain"),
        (Issuers::auth0(format!("{}.auth0.com", "a".repeat(64))), "invalid_domain"),
        (Issuers::okta("https://example.okta.com"), "org_authorization_server"),
        (Issuers::okta("https://example.okta.com/oauth2"), "org_authorization_server"),
        (Issuers::okta("https://example.okta.com/oauth2/"), "org_authorization_server"),
        (Issuers::okta("https://oauth2/default"), "org_authorization_server"),
        (Issuers::okta("https://example.okta.com/oauth2/v1"), "org_authorization_server"),
        (Issuers::okta("https://example.okta.com/oauth2/default/"), "invalid_authorization_server"),
        (
            Issuers::okta("https://example.okta.com/oauth2/default/.well-known/openid-configuration"),
            "invalid_authorization_server",
        ),
        (Issuers::okta("https://example.okta.com/oauth2/default/v1/token"), "invalid_authorization_server"),
        (Issuers::okta("https://example.okta.com/oauth2/default?x=1"), "invalid_authorization_server"),
        (Issuers::cognito("AbCdEfGhI", ["c"]), "invalid_user_pool"),
        (Issuers::cognito("eu-central-1_", ["c"]), "invalid_user_pool"),
        (Issuers::cognito("evil.example/_x", ["c"]), "invalid_user_pool"),
        (Issuers::cognito("-_x", ["c"]), "invalid_user_pool"),
        (Issuers::cognito("eu-central-1-_x", ["c"]), "invalid_user_pool"),
        (Issuers::cognito("eu-central-1_x-", ["c"]), "invalid_user_pool"),
        (Issuers::cognito("eu-central-1_AbCdEfGhI", [""; 0]), "missing_client"),
        (Issuers::cognito("eu-central-1_AbCdEfGhI", ["c", ""]), "missing_client"),
        (Issuers::kubernetes("http://kubernetes.default.svc"), "insecure_issuer"),
        (Issuers::keycloak("id.example.com/realms/shop"), "insecure_issuer"),
        (Issuers::keycloak("https://id.example.com/realms/shop").client_roles(""), "invalid_claim_path"),
        (Issuers::entra_v2([GUID]).client_roles("orders-api"), "no_client_roles"),
        (Issuers::new("https://id.example.com").client_roles("orders-api"), "no_client_roles"),
        (Issuers::google().profile(Profile::PlainJwt), "preset_with_profile"),
        (
            Issuers::keycloak("https://id.example.com/realms/shop").profile(Profile::Rfc9068),
            "preset_with_profile",
        ),
    ] {
        println!("{trusted:?}");
        assert_eq!(codes(trusted), [code]);
    }
    for trusted in [
        Issuers::entra_v1([GUID.to_uppercase()]),
        Issuers::entra_v2([GUID, "0d1f1e1c-7a2b-4c57-8f0e-3d7b4f0a9c22"]),
        Issuers::auth0("login.example.com"),
        Issuers::auth0(format!("{}.xn--d1acpjx3f.example", "a-1".repeat(21))),
        Issuers::okta("https://login.example.com/oauth2/aus1"),
        Issuers::okta("https://example.okta.com/oauth2/default"),
        Issuers::cognito("us-gov-west-1_AbCdEfGhI", ["c"]),
        Issuers::google(),
        Issuers::github_actions(),
        Issuers::kubernetes("https://kubernetes.default.svc.cluster.local"),
        Issuers::keycloak("https://id.example.com/realms/shop")
            .client_roles("https://orders.example.com/~a b"),
    ] {
        println!("{trusted:?}");
        ResourceServer::builder(trusted).audience(AUDIENCE).build().unwrap();
    }
}

#[test]
fn only_a_row_that_replaces_the_audience_does_without_one() {
    // covers: PRV-013
    let build = |trusted: TrustedIssuer| ResourceServer::builder(trusted).build().map(drop);
    build(TrustedIssuer::cognito("eu-central-1_AbCdEfGhI", ["c"])).unwrap();
    for trusted in [
        TrustedIssuer::keycloak("https://id.example.com/realms/shop"),
        TrustedIssuer::entra_v2([GUID]),
        TrustedIssuer::google(),
        TrustedIssuer::github_actions(),
    ] {
        let error = build(trusted).unwrap_err();
        assert_eq!(error.problems()[0].code(), "missing_audience");
    }
}

#[test]
fn a_preset_prints_its_row() {
    // covers: PRV-054
    let printed = format!("{:?}", TrustedIssuer::cognito("eu-central-1_AbCdEfGhI", ["client"]));
    for part in [
        "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_AbCdEfGhI",
        "`cognito`",
        "`token_use` is `access`",
        "`cognito:groups`",
        "RS256",
        "Amazon Cognito Developer Guide",
    ] {
        assert!(printed.contains(part), "{part} / {printed}");
    }
}

#[tokio::test]
async fn a_token_without_a_preset_names_its_client_in_client_id_or_else_in_azp() {
    let issuer = "https://id.example.com";
    let trusted = TrustedIssuer::new(issuer).profile(Profile::PlainJwt);
    let world = World::new(trusted, &[(&format!("{issuer}/.well-known/openid-configuration"), issuer)]);
    let plain = json!({ "iss": issuer, "aud": AUDIENCE, "exp": NOW + 300, "sub": "ada" });
    for (named, client) in [
        (json!({ "client_id": "web" }), Some("web")),
        (json!({ "azp": "web" }), Some("web")),
        (json!({ "client_id": "web", "azp": "other" }), Some("web")),
        (json!({}), None),
        // An empty name is nobody's, and another type than text names nobody.
        (json!({ "azp": "" }), None),
        (json!({ "azp": ["web"] }), None),
    ] {
        let token = world.validated(&world.token(&changed(&plain, &named))).await;
        assert_eq!(token.client_id(), client, "{named}");
        // The registered claim stays what it is.
        assert_eq!(token.claims().client_id(), named["client_id"].as_str());
    }
}

#[tokio::test]
async fn the_tokens_of_providers_are_refused_without_their_preset() {
    // covers: PRV-054
    for (issuer, claims) in [
        (customers::POOL, customers::cognito()),
        (keycloak::REALM, keycloak::claims()),
        ("https://accounts.google.com", workloads::google()),
    ] {
        let metadata = format!("{issuer}/.well-known/openid-configuration");
        let world = World::new(TrustedIssuer::new(issuer), &[(&metadata, issuer)]);
        let audience = changed(&claims, &json!({ "aud": AUDIENCE }));
        world.assert_invalid(&audience, "wrong_type").await;
        assert_eq!(world.client.count(), 0, "for its type alone, before anybody is asked");
    }
}
