use portcullis::SignatureAlgorithm::{Rs256, Rs384};
use portcullis::testing::{Issuer, ManualClock};
use portcullis::{Policy, Profile, ResourceServer, TrustedIssuer, authenticated, not, role, scope, user};
use serde_json::{Value, json};

use super::{GUID as TENANT, KEYS, World, changed, jwk, keys, reason, signed};
use crate::support::{Answer, Api, NOW, Reply, ScriptedClient};

const OTHER: &str = "c0ffee00-1a2b-4c3d-8e4f-5a6b7c8d9e0f";
/// That of personal accounts, which nobody here trusts.
const CONSUMERS: &str = "9188040d-6c67-4c5b-b112-36a304b66dad";
const API: &str = "0d1f1e1c-7a2b-4c57-8f0e-3d7b4f0a9c22";
const API_URI: &str = "api://orders";
const EVERY_TENANT: &str = "https://login.microsoftonline.com/{tenantid}/v2.0";
const COMMON: &str = "https://login.microsoftonline.com/common/v2.0/.well-known/openid-configuration";

fn v2_issuer(tenant: &str) -> String {
    format!("https://login.microsoftonline.com/{tenant}/v2.0")
}

fn metadata_of(tenant: &str) -> String {
    format!("{}/.well-known/openid-configuration", v2_issuer(tenant))
}

/// A delegated token of version 2: a user, through an application.
fn v2() -> Value {
    json!({
        "aud": API,
        "iss": v2_issuer(TENANT),
        "iat": NOW,
        "nbf": NOW,
        "exp": NOW + 4711,
        "aio": "AXQAi/8TAAAAexample==",
        "azp": "7f6e5d4c-3b2a-4190-8f7e-6d5c4b3a2918",
        "azpacr": "0",
        "name": "Ada Example",
        "oid": "1c2d3e4f-5a6b-4c7d-8e9f-0a1b2c3d4e5f",
        "preferred_username": "ada@example.com",
        "rh": "0.AXoAHGsvWw4_bk-dWApOb2-cER4example.",
        "scp": "Orders.Read Orders.Write",
        "sub": "HKZpfaHyWadeOouYlitjrI-KffTm222X5rrV3xDqfKQ",
        "tid": TENANT,
        "uti": "fqiBqXLPj0eQa82S-IYFAA",
        "ver": "2.0",
    })
}

/// What an application gets for itself: no scopes, perhaps roles.
fn app_v2() -> Value {
    let oid = "2d3e4f5a-6b7c-4d8e-9f0a-1b2c3d4e5f60";
    let changes = json!({
        "scp": null, "name": null, "preferred_username": null, "azpacr": "1",
        "oid": oid, "sub": oid, "roles": ["Orders.Read.All"],
    });
    changed(&v2(), &changes)
}

/// The same of version 1.
fn v1() -> Value {
    let changes = json!({
        "aud": API_URI,
        "iss": format!("https://sts.windows.net/{TENANT}/"),
        "azp": null, "azpacr": null, "preferred_username": null,
        "acr": "1",
        "amr": ["pwd", "mfa"],
        "appid": "7f6e5d4c-3b2a-4190-8f7e-6d5c4b3a2918",
        "appidacr": "0",
        "ipaddr": "192.0.2.7",
        "unique_name": "ada@example.com",
        "upn": "ada@example.com",
        "ver": "1.0",
    });
    changed(&v2(), &changes)
}

/// A server for one tenant and version.
fn one(trusted: TrustedIssuer) -> World {
    let issuer = v2_issuer(TENANT);
    World::configured(trusted, &[(&metadata_of(TENANT), &issuer)], |server| {
        server.audience(API).audience(API_URI)
    })
}

#[tokio::test]
async fn each_version_is_taken_from_its_own_issuer_and_no_other() {
    // covers: PRV-001, PRV-007, PRV-008
    let (only_v1, only_v2) = (one(TrustedIssuer::entra_v1([TENANT])), one(TrustedIssuer::entra_v2([TENANT])));
    only_v1.assert_valid(&v1()).await;
    only_v2.assert_valid(&v2()).await;
    for world in [&only_v1, &only_v2] {
        assert_eq!(world.client.requests(), [metadata_of(TENANT), KEYS.to_owned()]);
    }
    only_v1.assert_invalid(&v2(), "wrong_issuer").await;
    only_v2.assert_invalid(&v1(), "wrong_issuer").await;
    let both = World::configured(
        TrustedIssuer::entra_v2([TENANT]),
        &[(&metadata_of(TENANT), &v2_issuer(TENANT))],
        |server| server.audience(API).issuer(TrustedIssuer::entra_v1([TENANT]).audience(API_URI)),
    );
    both.assert_valid(&v1()).await;
    both.assert_valid(&v2()).await;
    // The versions do not mix: neither audiences, nor numbers, nor names of claims.
    both.assert_invalid(&changed(&v1(), &json!({ "aud": API })), "wrong_audience").await;
    both.assert_invalid(&changed(&v2(), &json!({ "aud": API_URI })), "wrong_audience").await;
    for ver in [json!("1.0"), json!("2"), json!(2.0), json!(["2.0"])] {
        both.assert_invalid(&changed(&v2(), &json!({ "ver": ver })), "wrong_type").await;
    }
    both.assert_invalid(&changed(&v1(), &json!({ "ver": null })), "missing_claim").await;
    let slash = format!("https://sts.windows.net/{TENANT}");
    both.assert_invalid(&changed(&v1(), &json!({ "iss": slash })), "wrong_issuer").await;
}

#[tokio::test]
async fn an_id_token_is_not_an_access_token_even_for_our_audience() {
    // covers: PRV-008, JWT-019
    let (v1_world, v2_world) =
        (one(TrustedIssuer::entra_v1([TENANT])), one(TrustedIssuer::entra_v2([TENANT])));
    v1_world.assert_invalid(&changed(&v1(), &json!({ "appid": null, "scp": null })), "missing_claim").await;
    let id_token = changed(&v2(), &json!({ "azp": null, "scp": null, "azpacr": null }));
    v2_world.assert_invalid(&id_token, "missing_claim").await;
    let with_nonce = changed(&v2(), &json!({ "nonce": "678910" }));
    v2_world.assert_invalid(&with_nonce, "wrong_type").await;
    for empty in [json!(""), json!(5), json!([])] {
        v2_world.assert_invalid(&changed(&v2(), &json!({ "azp": empty })), "missing_claim").await;
    }
    let api = Api::new(v2_world.auth.require(authenticated()));
    for typ in [json!(null), json!("logout+jwt")] {
        api.token(v2_world.token_with(&json!({ "typ": typ }), &v2())).await.assert_invalid("wrong_type");
    }
    api.token(v2_world.token_with(&json!({ "typ": "at+jwt" }), &v2())).await.assert_admitted();
}

#[tokio::test]
async fn tokens_for_graph_are_refused_with_a_word_on_whose_they_are() {
    // covers: PRV-009
    let world = one(TrustedIssuer::entra_v1([TENANT]));
    for audience in ["https://graph.microsoft.com", "00000003-0000-0000-c000-000000000000"] {
        let header =
            json!({ "typ": "JWT", "nonce": "AQABAAAAAADexample", "x5t": "GvnPApfWMdLRi8PDmisFn7bprKg" });
        let token = world.token_with(&header, &changed(&v1(), &json!({ "aud": audience })));
        let answer = Api::new(world.auth.require(authenticated())).token(token).await;
        answer.assert_invalid("wrong_audience");
        assert!(reason(&answer).contains("Graph"), "{}", reason(&answer));
    }
    assert_eq!(world.client.count(), 0);
}

#[tokio::test]
async fn only_rs256_is_taken_though_no_key_says_so() {
    // covers: PRV-005, JWK-023
    let world = one(TrustedIssuer::entra_v2([TENANT]));
    let api = Api::new(world.auth.require(authenticated()));
    for (algorithm, good) in [(Rs256, true), (Rs384, false)] {
        let header = json!({ "alg": algorithm.name(), "kid": world.signer.key_id(Rs256), "typ": "JWT" });
        let token = world.signer.sign(algorithm, &header.to_string(), v2().to_string().as_bytes());
        let answer = api.token(token).await;
        if good { answer.assert_admitted() } else { answer.assert_invalid("algorithm_not_allowed") }
    }
}

#[tokio::test]
async fn scopes_are_words_in_scp_and_applications_have_roles() {
    // covers: PRV-006
    let world = one(TrustedIssuer::entra_v2([TENANT]));
    let delegated = user().and(scope("Orders.Read")).and(scope("Orders.Write"));
    world.send(delegated, &v2()).await.assert_admitted();
    world.send(scope("Orders"), &v2()).await.assert_denied(Some("Orders"));
    world.send(scope("Orders.Read"), &app_v2()).await.assert_denied(Some("Orders.Read"));
    world.send(role("Orders.Read.All").and(not(user())), &app_v2()).await.assert_admitted();
    world.send(user(), &app_v2()).await.assert_denied(None);
    let token = world.validated(&world.token(&v2())).await;
    assert_eq!(token.client_id(), Some("7f6e5d4c-3b2a-4190-8f7e-6d5c4b3a2918"));
    assert_eq!(token.scopes().iter().collect::<Vec<_>>(), ["Orders.Read", "Orders.Write"]);
    assert!(token.claims().scopes().iter().next().is_none(), "the registered claim is another");
    // The registered claim is not a second place, and another shape is no answer.
    let elsewhere = changed(&app_v2(), &json!({ "scope": "Orders.Read" }));
    world.send(scope("Orders.Read"), &elsewhere).await.assert_denied(Some("Orders.Read"));
    for scp in [json!(["Orders.Read"]), json!({ "Orders.Read": true }), json!(5)] {
        let unreadable = changed(&v2(), &json!({ "scp": scp }));
        world.send(scope("Orders.Read"), &unreadable).await.assert_denied(Some("Orders.Read"));
        world.send(not(scope("Orders.Read")), &unreadable).await.assert_denied(None);
        world.send(user(), &unreadable).await.assert_denied(None);
        world.send(not(user()), &unreadable).await.assert_denied(None);
    }
    // `idtyp` is optional; where it is, it agrees.
    world.send(not(user()), &changed(&app_v2(), &json!({ "idtyp": "app" }))).await.assert_admitted();
    world.send(user(), &changed(&v2(), &json!({ "idtyp": "user" }))).await.assert_admitted();
    for contradiction in [
        changed(&v2(), &json!({ "idtyp": "app" })),
        changed(&app_v2(), &json!({ "idtyp": "user" })),
        changed(&v2(), &json!({ "idtyp": "device" })),
    ] {
        world.send(user(), &contradiction).await.assert_denied(None);
        world.send(not(user()), &contradiction).await.assert_denied(None);
    }
}

#[tokio::test]
async fn groups_that_were_left_out_are_not_no_groups() {
    // covers: PRV-010
    let world = one(TrustedIssuer::entra_v2([TENANT]).roles_at("groups"));
    let group = "aa11bb22-cc33-4d44-8e55-ff6677889900";
    let listed = changed(&v2(), &json!({ "groups": [group] }));
    world.send(role(group), &listed).await.assert_admitted();
    world.send(not(role(group)), &v2()).await.assert_admitted();
    let sources =
        json!({ "src1": { "endpoint": "https://graph.microsoft.com/v1.0/users/1/getMemberObjects" } });
    let named = json!({ "_claim_names": { "groups": "src1" }, "_claim_sources": sources });
    let fetched = world.client.count();
    for overage in [named.clone(), json!({ "hasgroups": true }), json!({ "_claim_names": "groups" })] {
        for claims in [changed(&v2(), &overage), changed(&listed, &overage)] {
            for policy in [role(group), not(role(group))] {
                let answer = world.send(policy, &claims).await;
                answer.assert_denied(None);
                assert!(reason(&answer).ends_with("leaves out its groups (overage)"), "{}", reason(&answer));
            }
            // What does not depend on groups is decided as ever, and blamed on nothing else.
            world.send(role(group).or(scope("Orders.Read")), &claims).await.assert_admitted();
            let answer = world.send(role(group).and(scope("Orders.Delete")), &claims).await;
            assert!(!reason(&answer).contains("overage"), "{}", reason(&answer));
        }
    }
    assert_eq!(world.client.count(), fetched, "nobody is asked for them");
    // Something else that was left out, and roles from elsewhere, are told as before.
    let other = changed(&listed, &json!({ "_claim_names": { "wids": "src1" } }));
    world.send(role(group), &other).await.assert_admitted();
    let by_role = one(TrustedIssuer::entra_v2([TENANT]));
    by_role.send(role("Orders.Read.All"), &changed(&app_v2(), &named)).await.assert_admitted();
}

#[tokio::test]
async fn groups_that_were_left_out_are_not_no_scopes_either() {
    // covers: PRV-010
    let group = "aa11bb22-cc33-4d44-8e55-ff6677889900";
    let listed = changed(&v2(), &json!({ "groups": [group] }));
    for place in ["groups", "/groups"] {
        let world = one(TrustedIssuer::entra_v2([TENANT]).scopes_at(place));
        world.send(scope(group), &listed).await.assert_admitted();
        world.send(not(scope(group)), &v2()).await.assert_admitted();
        for overage in [json!({ "_claim_names": { "groups": "src1" } }), json!({ "hasgroups": true })] {
            for claims in [changed(&v2(), &overage), changed(&listed, &overage)] {
                for (policy, needed) in [(scope(group), Some(group)), (not(scope(group)), None)] {
                    let answer = world.send(policy, &claims).await;
                    answer.assert_denied(needed);
                    assert!(
                        reason(&answer).ends_with("leaves out its groups (overage)"),
                        "{}",
                        reason(&answer)
                    );
                }
            }
        }
        // Roles are elsewhere, and told as before.
        let overage = json!({ "hasgroups": true });
        world.send(role("Orders.Read.All"), &changed(&app_v2(), &overage)).await.assert_admitted();
        world.send(not(role("Orders.Read.All")), &changed(&v2(), &overage)).await.assert_admitted();
    }
}

/// A server for two tenants of both versions, whose keys come from the document for all tenants.
struct Tenants {
    /// A key for every tenant, one for the first tenant only, one for personal accounts, and one that names nobody.
    signers: [Issuer; 4],
    client: ScriptedClient,
    auth: ResourceServer,
}

impl Tenants {
    fn new() -> Self {
        let signers = ["every", "first", "consumers", "nobody"]
            .map(|name| Issuer::offline(&format!("https://{name}.signer.example.com")));
        let owners =
            [json!(EVERY_TENANT), json!(v2_issuer(TENANT)), json!(v2_issuer(CONSUMERS)), json!(null)];
        let published: Vec<_> = signers
            .iter()
            .zip(owners)
            .map(|(signer, owner)| changed(&jwk(signer), &json!({ "issuer": owner, "kid": signer.url() })))
            .collect();
        let document = json!({ "issuer": EVERY_TENANT, "jwks_uri": KEYS }).to_string();
        let client =
            ScriptedClient::default().on(COMMON, [Reply::Json(document)]).on(KEYS, [keys(&published)]);
        let auth = ResourceServer::builder(TrustedIssuer::entra_v2([TENANT, OTHER]))
            .issuer(TrustedIssuer::entra_v1([TENANT, OTHER]))
            .audience(API)
            .audience(API_URI)
            .with_clock(ManualClock::at(NOW))
            .with_http_client(client.clone())
            .build()
            .unwrap();
        Self { signers, client, auth }
    }

    async fn send(&self, signer: usize, policy: impl Policy, claims: &Value) -> Answer {
        let signer = &self.signers[signer];
        let header = json!({ "alg": "RS256", "kid": signer.url(), "typ": "JWT" });
        Api::new(self.auth.require(policy)).token(signed(signer, &header, claims)).await
    }
}

/// The claims as another tenant's.
fn of_tenant(claims: &Value, tenant: &str) -> Value {
    let issuer = claims["iss"].as_str().unwrap().replace(TENANT, tenant);
    changed(claims, &json!({ "iss": issuer, "tid": tenant }))
}

#[tokio::test]
async fn listed_tenants_share_keys_that_are_found_without_any_of_them() {
    // covers: PRV-001, PRV-002, PRV-004
    let world = Tenants::new();
    for tenant in [TENANT, OTHER] {
        for claims in [v1(), v2()] {
            world.send(0, authenticated(), &of_tenant(&claims, tenant)).await.assert_admitted();
        }
    }
    // Each version has keys of its own, from the same document.
    assert_eq!(world.client.requests(), [COMMON, KEYS, COMMON, KEYS]);
    let stranger = "deadbeef-1a2b-4c3d-8e4f-5a6b7c8d9e0f";
    for tenant in [stranger, CONSUMERS, "../x", "{tenantid}", "common", &OTHER.to_uppercase(), ""] {
        for claims in [v1(), v2()] {
            let claims = of_tenant(&claims, tenant);
            world.send(0, authenticated(), &claims).await.assert_invalid("wrong_issuer");
        }
    }
    assert_eq!(world.client.count(), 4);
}

#[tokio::test]
async fn a_tenant_more_costs_no_fetch() {
    let (world, added) = (Tenants::new(), "deadbeef-1a2b-4c3d-8e4f-5a6b7c8d9e0f");
    let theirs = of_tenant(&v2(), added);
    world.send(0, authenticated(), &v2()).await.assert_admitted();
    world.send(0, authenticated(), &theirs).await.assert_invalid("wrong_issuer");
    let asked = world.client.count();
    world.auth.issuers().insert(TrustedIssuer::entra_v2([TENANT, OTHER, added])).unwrap();
    world.send(0, authenticated(), &theirs).await.assert_admitted();
    world.send(0, authenticated(), &v2()).await.assert_admitted();
    world.auth.issuers().insert(TrustedIssuer::entra_v2([OTHER, added])).unwrap();
    world.send(0, authenticated(), &v2()).await.assert_invalid("wrong_issuer");
    assert_eq!(world.client.count(), asked);
    // One tenant alone is asked at its own place, and comes in place of all of them.
    world.auth.issuers().insert(TrustedIssuer::entra_v2([OTHER])).unwrap();
    world.send(0, authenticated(), &theirs).await.assert_invalid("wrong_issuer");
    let listed: Vec<_> = world.auth.issuers().status().into_iter().map(|status| status.issuer).collect();
    assert_eq!(listed.len(), 2, "and version 1 as before: {listed:?}");
    // Two groups of tenants of one version are one identifier: neither changes the other unasked.
    let groups = ResourceServer::builder(TrustedIssuer::entra_v2([TENANT, OTHER]))
        .issuer(TrustedIssuer::entra_v2([added, CONSUMERS]))
        .audience(API);
    assert_eq!(groups.build().unwrap_err().problems()[0].code(), "duplicate_issuer");
}

#[tokio::test]
async fn the_tenant_of_a_token_is_that_of_its_issuer() {
    // covers: PRV-002
    let world = Tenants::new();
    for claims in [v1(), v2()] {
        for tid in [json!(OTHER), json!(CONSUMERS), json!(TENANT.to_uppercase()), json!("{tenantid}")] {
            let claims = changed(&claims, &json!({ "tid": tid }));
            world.send(0, authenticated(), &claims).await.assert_invalid("wrong_issuer");
        }
        for tid in [json!(null), json!(""), json!([TENANT])] {
            let claims = changed(&claims, &json!({ "tid": tid }));
            world.send(0, authenticated(), &claims).await.assert_invalid("missing_claim");
        }
    }
}

#[tokio::test]
async fn a_key_that_names_its_issuer_signs_for_that_tenant_only() {
    // covers: PRV-003
    let world = Tenants::new();
    for claims in [v1(), v2()] {
        let other = of_tenant(&claims, OTHER);
        for every in [0, 3] {
            world.send(every, authenticated(), &claims).await.assert_admitted();
            world.send(every, authenticated(), &other).await.assert_admitted();
        }
        world.send(1, authenticated(), &claims).await.assert_admitted();
        world.send(1, authenticated(), &other).await.assert_invalid("unknown_key");
        // The keys of personal accounts are in the same document, and vouch for none of these.
        world.send(2, authenticated(), &claims).await.assert_invalid("unknown_key");
        world.send(2, authenticated(), &other).await.assert_invalid("unknown_key");
    }
    assert_eq!(world.client.count(), 4, "no fetch within the cooldown");
}

#[tokio::test]
async fn a_key_whose_issuer_is_no_text_signs_for_nobody() {
    // covers: PRV-003, JWK-003
    for issuer in
        [json!(5), json!([v2_issuer(TENANT)]), json!(""), json!("https://login.microsoftonline.com//v2.0")]
    {
        let world = one(TrustedIssuer::entra_v2([TENANT]));
        let key = changed(&jwk(&world.signer), &json!({ "issuer": issuer }));
        world.client.clone().on(KEYS, [keys(&[key])]);
        world.assert_invalid(&v2(), "unknown_key").await;
    }
    // Elsewhere the member means nothing (RFC 7517 §4).
    let world = super::workloads::google_world();
    let key = changed(&jwk(&world.signer), &json!({ "issuer": v2_issuer(CONSUMERS) }));
    world.client.clone().on(KEYS, [keys(&[key])]);
    world.assert_valid(&super::workloads::google()).await;
}

#[tokio::test]
async fn metadata_with_another_issuer_than_the_expected_one_gives_no_keys() {
    // covers: DSC-004
    let other = v2_issuer(OTHER);
    for named in [EVERY_TENANT, &other, "https://sts.windows.net/5b2f6b1c-3f0e-4f6e-9d58-0a4e6f6f9c11/"] {
        let trusted = TrustedIssuer::entra_v2([TENANT]);
        let world =
            World::configured(trusted, &[(&metadata_of(TENANT), named)], |server| server.audience(API));
        world.send(authenticated(), &v2()).await.assert_unavailable(1);
        assert!(!world.client.requests().contains(&KEYS.to_owned()));
    }
}

#[tokio::test]
async fn an_issuer_whose_metadata_is_on_another_host_needs_to_be_told_where() {
    // covers: PRV-011
    let issuer = format!("https://example.b2clogin.com/{TENANT}/v2.0/");
    let place = "https://login.example.com/example.onmicrosoft.com/b2c_1_sign_in/v2.0/.well-known/openid-configuration";
    let claims = changed(&v2(), &json!({ "iss": issuer, "tfp": "B2C_1_sign_in", "ver": "1.0" }));
    let trusted = || TrustedIssuer::new(&*issuer).profile(Profile::PlainJwt);
    let world =
        |trusted, named: &str| World::configured(trusted, &[(place, named)], |server| server.audience(API));
    let told = world(trusted().metadata_url(place), &issuer);
    told.assert_valid(&claims).await;
    assert_eq!(told.client.requests(), [place, KEYS]);
    world(trusted(), &issuer).send(authenticated(), &claims).await.assert_unavailable(1);
    let other = world(trusted().metadata_url(place), "https://login.example.com/other/v2.0/");
    other.send(authenticated(), &claims).await.assert_unavailable(1);
}
