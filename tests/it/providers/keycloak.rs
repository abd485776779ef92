use portcullis::{TrustedIssuer, not, role, scope, user};
use serde_json::{Value, json};

use super::{KEYS, World, changed, codes, reason};
use crate::support::{AUDIENCE, Api, NOW, capture_logs};

pub(super) const REALM: &str = "https://id.example.com/realms/shop";
const METADATA: &str = "https://id.example.com/realms/shop/.well-known/openid-configuration";

/// A user's access token, after an audience mapper.
pub(super) fn claims() -> Value {
    json!({
        "exp": NOW + 300,
        "iat": NOW,
        "auth_time": NOW - 40,
        "jti": "onrtac:0c9d7f3e-7a39-4f0c-9a54-1a5a7f0b1c2d",
        "iss": REALM,
        "aud": [AUDIENCE, "account"],
        "sub": "f3b0a9f2-2d1c-4a6e-8a5e-7d2f1c3b4a59",
        "typ": "Bearer",
        "azp": "shop-web",
        "sid": "3d1f5b4e-4f2a-4f6f-8c80-9a7c62a5a0de",
        "acr": "1",
        "allowed-origins": ["https://shop.example.com"],
        "realm_access": { "roles": ["default-roles-shop", "offline_access", "clerk"] },
        "resource_access": {
            "orders-api": { "roles": ["approver"] },
            "account": { "roles": ["manage-account", "view-profile"] },
        },
        "scope": "openid profile orders:read",
        "email_verified": true,
        "name": "Ada Example",
        "preferred_username": "ada",
    })
}

/// What a client with a service account gets for itself.
fn service_account() -> Value {
    let changes = json!({
        "auth_time": null,
        "sid": null,
        "sub": "8b7a6c5d-1e2f-4a3b-9c8d-0e1f2a3b4c5d",
        "preferred_username": "service-account-shop-batch",
        "azp": "shop-batch",
        "client_id": "shop-batch",
        "clientHost": "192.0.2.7",
        "clientAddress": "192.0.2.7",
    });
    changed(&claims(), &changes)
}

fn world() -> World {
    World::new(TrustedIssuer::keycloak(REALM), &[(METADATA, REALM)])
}

#[tokio::test]
async fn an_access_token_of_a_realm_is_taken_with_its_scopes_and_roles() {
    // covers: PRV-026
    let world = world();
    world.send(scope("orders:read").and(role("clerk")).and(user()), &claims()).await.assert_admitted();
    let token = world.validated(&world.token(&claims())).await;
    assert_eq!(token.client_id(), Some("shop-web"));
    assert_eq!(world.client.requests(), [METADATA, KEYS]);
    // With its own type, which a client can be set to.
    let typed = world.token_with(&json!({ "typ": "at+jwt" }), &claims());
    assert_eq!(world.validated(&typed).await.subject(), token.subject());
    for typ in [json!(null), json!("logout+jwt"), json!("dpop+jwt")] {
        let api = Api::new(world.auth.require(user()));
        api.token(world.token_with(&json!({ "typ": typ }), &claims())).await.assert_invalid("wrong_type");
    }
}

#[tokio::test]
async fn only_bearer_and_dpop_are_types_of_access_tokens() {
    // covers: PRV-027, JWT-018
    let world = world();
    for typ in ["ID", "Refresh", "Offline", "Logout", "bearer", "Serialized-ID", ""] {
        world.assert_invalid(&changed(&claims(), &json!({ "typ": typ })), "wrong_type").await;
    }
    world.assert_invalid(&changed(&claims(), &json!({ "typ": ["Bearer"] })), "wrong_type").await;
    world.assert_invalid(&changed(&claims(), &json!({ "typ": null })), "missing_claim").await;
    world.assert_valid(&changed(&claims(), &json!({ "typ": "DPoP" }))).await;
    // Old versions put the nonce of the login into all tokens; the type tells them apart.
    world.assert_valid(&changed(&claims(), &json!({ "nonce": "n-0S6_WzA2Mj" }))).await;
    world
        .assert_invalid(&changed(&claims(), &json!({ "at_hash": "77QmUPtjPfzWtF2AnpK9RQ" })), "wrong_type")
        .await;
}

#[tokio::test]
async fn a_token_that_is_bound_is_refused_while_nobody_verifies_the_binding() {
    // covers: DPP-027
    let bound = json!({ "typ": "DPoP", "cnf": { "jkt": "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I", "kc-jkt-type": "dpop" } });
    world().assert_invalid(&changed(&claims(), &bound), "binding_not_verified").await;
}

#[tokio::test]
async fn the_default_audience_is_refused_with_a_word_on_how_to_set_ours() {
    // covers: PRV-025
    let world = world();
    for (audience, code) in [(json!("account"), "wrong_audience"), (json!(null), "missing_claim")] {
        // Not even where the client is called what the API is.
        for client in ["shop-web", AUDIENCE] {
            let claims = changed(&claims(), &json!({ "aud": audience, "azp": client, "client_id": client }));
            let (answer, log) = capture_logs(world.send(user(), &claims)).await;
            answer.assert_invalid(code);
            assert!(reason(&answer).contains("audience mapper"), "{}", reason(&answer));
            assert!(log.contains("audience mapper") && !answer.challenge().contains("mapper"), "{log}");
        }
    }
    assert_eq!(world.client.count(), 0);
}

#[tokio::test]
async fn roles_of_the_realm_and_of_each_client_are_kept_apart() {
    // covers: PRV-026
    let realm = world();
    let trusted = TrustedIssuer::keycloak(REALM).client_roles("orders-api");
    let client = World::new(trusted, &[(METADATA, REALM)]);
    for (world, held) in [(&realm, "clerk"), (&client, "approver")] {
        for name in ["clerk", "approver", "manage-account"] {
            let answer = world.send(role(name), &claims()).await;
            if name == held { answer.assert_admitted() } else { answer.assert_denied(None) }
        }
    }
    // The same name of another client is another role, and names with slashes are names.
    let other =
        json!({ "account": { "roles": ["approver"] }, "orders": { "api": { "roles": ["approver"] } } });
    let claims = changed(&claims(), &json!({ "resource_access": other }));
    client.send(role("approver"), &claims).await.assert_denied(None);
    client.send(not(role("approver")), &claims).await.assert_admitted();
    let trusted = TrustedIssuer::keycloak(REALM).client_roles("orders/api");
    World::new(trusted, &[(METADATA, REALM)]).send(role("approver"), &claims).await.assert_denied(None);
    let trusted = TrustedIssuer::keycloak(REALM).client_roles("https://a.example/~b");
    let url = json!({ "https://a.example/~b": { "roles": ["approver"] } });
    let claims = changed(&claims, &json!({ "resource_access": url }));
    World::new(trusted, &[(METADATA, REALM)]).send(role("approver"), &claims).await.assert_admitted();
}

#[tokio::test]
async fn a_service_account_is_no_user_and_half_a_sign_is_no_answer() {
    // covers: JWT-027
    let world = world();
    world.send(user(), &claims()).await.assert_admitted();
    world.send(not(user()), &claims()).await.assert_denied(None);
    world.send(user(), &service_account()).await.assert_denied(None);
    world.send(not(user()), &service_account()).await.assert_admitted();
    let old = json!({ "client_id": null, "clientId": "shop-batch" });
    world.send(not(user()), &changed(&service_account(), &old)).await.assert_admitted();
    for unclear in [
        // A user who chose such a name, a mapper that adds the claim for everybody, a token that says little.
        changed(&claims(), &json!({ "preferred_username": "service-account-shop-batch" })),
        changed(&claims(), &json!({ "client_id": "shop-web" })),
        changed(&claims(), &json!({ "preferred_username": null })),
        changed(&claims(), &json!({ "preferred_username": 5 })),
        changed(&service_account(), &json!({ "client_id": null })),
    ] {
        world.send(user(), &unclear).await.assert_denied(None);
        world.send(not(user()), &unclear).await.assert_denied(None);
    }
}

#[tokio::test]
async fn metadata_comes_from_an_internal_host_only_where_that_is_configured_and_names_the_public_one() {
    // covers: PRV-029
    let place = "https://keycloak.internal:8443/realms/shop/.well-known/openid-configuration";
    let trusted = || TrustedIssuer::keycloak(REALM).metadata_url(place);
    let world = World::new(trusted(), &[(place, REALM)]);
    world.send(user(), &claims()).await.assert_admitted();
    assert_eq!(world.client.requests(), [place, KEYS]);
    let internal = "https://keycloak.internal:8443/realms/shop";
    world.assert_invalid(&changed(&claims(), &json!({ "iss": internal })), "wrong_issuer").await;
    // A document that names the internal host is somebody else's, wherever it was found.
    for (trusted, place) in [(trusted(), place), (TrustedIssuer::keycloak(REALM), METADATA)] {
        let world = World::new(trusted, &[(place, internal)]);
        world.send(user(), &claims()).await.assert_unavailable(1);
        assert_eq!(world.client.requests(), [place]);
    }
    assert_eq!(
        codes(TrustedIssuer::keycloak(REALM).metadata_url("http://keycloak.internal/")),
        ["insecure_metadata_url"]
    );
    assert_eq!(codes(trusted().jwks_uri(KEYS)), ["two_key_sources"]);
}
