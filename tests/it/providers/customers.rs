//! Auth0, Okta and Amazon Cognito.

use portcullis::{TrustedIssuer, all_scopes, authenticated, not, role, scope, user};
use serde_json::{Value, json};

use super::{KEYS, World, changed, codes, reason};
use crate::support::{AUDIENCE, Api, NOW, capture_logs};

const AUTH0: &str = "https://example.eu.auth0.com/";
const AUTH0_METADATA: &str = "https://example.eu.auth0.com/.well-known/openid-configuration";
const OKTA: &str = "https://example.okta.com/oauth2/default";
const OKTA_METADATA: &str = "https://example.okta.com/oauth2/default/.well-known/openid-configuration";
pub(super) const POOL: &str = "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_AbCdEfGhI";
const CLIENT: &str = "4k5m6n7p8q9r0s1t2u3v4w5x6y";

fn auth0() -> Value {
    json!({
        "iss": AUTH0,
        "sub": "auth0|65f0c0ffee0123456789abcd",
        "aud": [AUDIENCE, "https://example.eu.auth0.com/userinfo"],
        "iat": NOW,
        "exp": NOW + 86_400,
        "scope": "openid profile orders:list",
        "azp": "Xk29fLq0pVb7NnZrTt3yUwEeRrTtYyUu",
        "permissions": ["orders:read", "orders:approve"],
    })
}

fn auth0_world() -> World {
    World::new(TrustedIssuer::auth0("example.eu.auth0.com"), &[(AUTH0_METADATA, AUTH0)])
}

#[tokio::test]
async fn auth0_keeps_permissions_apart_from_scopes() {
    // covers: PRV-023, PRV-024
    let world = auth0_world();
    world
        .send(scope("orders:list").and(role("orders:approve")).and(user()), &auth0())
        .await
        .assert_admitted();
    assert_eq!(world.client.requests(), [AUTH0_METADATA, KEYS]);
    // What is in one is not in the other.
    world.send(scope("orders:approve"), &auth0()).await.assert_denied(Some("orders:approve"));
    world.send(role("orders:list"), &auth0()).await.assert_denied(None);
    world.send(not(role("orders:list")), &auth0()).await.assert_admitted();
    assert_eq!(world.validated(&world.token(&auth0())).await.client_id(), auth0()["azp"].as_str());
    let one = changed(&auth0(), &json!({ "aud": AUDIENCE }));
    world.assert_valid(&one).await;
    let other = changed(&auth0(), &json!({ "aud": ["https://example.eu.auth0.com/userinfo"] }));
    let answer = world.send(authenticated(), &other).await;
    answer.assert_invalid("wrong_audience");
    assert!(reason(&answer).contains("`audience`"), "{}", reason(&answer));
    // The other profile of its access tokens is RFC 9068.
    let changes = json!({ "azp": null, "client_id": "Xk29fLq0pVb7NnZrTt3yUwEeRrTtYyUu", "jti": "j" });
    let typed = world.token_with(&json!({ "typ": "at+jwt" }), &changed(&auth0(), &changes));
    assert_eq!(world.validated(&typed).await.client_id(), auth0()["azp"].as_str());
    // An ID token names no client in either way.
    world.assert_invalid(&changed(&auth0(), &json!({ "azp": null })), "missing_claim").await;
}

#[tokio::test]
async fn a_client_of_auth0_is_known_by_its_subject() {
    // covers: JWT-027
    let world = auth0_world();
    let client = "Xk29fLq0pVb7NnZrTt3yUwEeRrTtYyUu";
    let own = json!({ "sub": format!("{client}@clients"), "gty": "client-credentials" });
    world.send(not(user()), &changed(&auth0(), &own)).await.assert_admitted();
    world.send(user(), &changed(&auth0(), &own)).await.assert_denied(None);
    for unclear in ["other@clients", "@clients", client, "ada"] {
        let claims = changed(&auth0(), &json!({ "sub": unclear }));
        world.send(user(), &claims).await.assert_denied(None);
        world.send(not(user()), &claims).await.assert_denied(None);
    }
    // A user of a database of one's own may be called anything.
    let claims = changed(&auth0(), &json!({ "sub": "auth0|ada@clients" }));
    world.send(user(), &claims).await.assert_admitted();
}

#[tokio::test]
async fn what_auth0_issues_without_an_audience_is_no_token_of_ours() {
    // covers: PRV-022
    let world = auth0_world();
    let api = Api::new(world.auth.require(authenticated()));
    api.token("qXIsuhLZ8f2Kx0pWvD3yT6nRb1cMgEaU").await.assert_invalid("malformed_token");
    let jwe = "eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIn0..9sKq1vYB8H0bD3xk.c2VjcmV0.Zm9yIHVzZXJpbmZv";
    api.token(jwe).await.assert_invalid("encrypted");
    assert_eq!(world.client.count(), 0);
    // The issuer without its slash is another, and the log says which character is missing.
    let trusted = TrustedIssuer::new(AUTH0.trim_end_matches('/')).profile(portcullis::Profile::PlainJwt);
    let world = World::new(trusted, &[(AUTH0_METADATA, AUTH0)]);
    let token = world.token(&changed(&auth0(), &json!({ "iss": AUTH0.trim_end_matches('/') })));
    let sent = async { Api::new(world.auth.require(authenticated())).token(token).await };
    let (answer, logged) = capture_logs(sent).await;
    answer.assert_unavailable(1);
    assert!(logged.contains("slash"), "{logged}");
}

fn okta() -> Value {
    json!({
        "ver": 1,
        "jti": "AT.0mP4JKAZX1iACIT4vbEDF7LpvDVjxypPMf0D7uX39RE",
        "iss": OKTA,
        "aud": AUDIENCE,
        "iat": NOW,
        "exp": NOW + 3600,
        "cid": "0oa1ab2cd3EF4gh5ij6k",
        "uid": "00u1ab2cd3EF4gh5ij6k",
        "scp": ["openid", "orders:read", "orders:write"],
        "auth_time": NOW - 60,
        "sub": "ada@example.com",
        "groups": ["Everyone", "Clerks"],
    })
}

#[tokio::test]
async fn okta_lists_scopes_in_scp_and_names_the_client_in_cid() {
    // covers: PRV-020
    let world = World::new(TrustedIssuer::okta(OKTA), &[(OKTA_METADATA, OKTA)]);
    // It sends no `typ`.
    let token = world.token_with(&json!({}), &okta());
    let validated = world.validated(&token).await;
    assert_eq!(validated.client_id(), Some("0oa1ab2cd3EF4gh5ij6k"));
    assert_eq!(validated.scopes().iter().collect::<Vec<_>>(), ["openid", "orders:read", "orders:write"]);
    assert!(validated.scopes().contains("orders:read") && !validated.scopes().contains("orders"));
    assert_eq!(world.client.requests(), [OKTA_METADATA, KEYS]);
    let policy = || all_scopes(["orders:read", "orders:write"]).and(role("Clerks")).and(user());
    world.send(policy(), &okta()).await.assert_admitted();
    world.send(scope("orders:delete"), &okta()).await.assert_denied(Some("orders:delete"));
    world.send(not(scope("orders:delete")), &okta()).await.assert_admitted();
    // Another shape, or an entry that is no scope, is not "no scope".
    for (scp, listed) in [
        (json!("orders:read"), false),
        (json!({ "orders:read": true }), false),
        (json!(["orders:read openid"]), false),
        (json!([["orders:read"]]), false),
        (json!(["", 5, "orders:read"]), true),
    ] {
        let claims = changed(&okta(), &json!({ "scp": scp, "scope": "orders:read" }));
        let answer = world.send(scope("orders:read"), &claims).await;
        if listed {
            answer.assert_admitted();
        } else {
            answer.assert_denied(Some("orders:read"));
        }
        world.send(not(scope("orders:read")), &claims).await.assert_denied(None);
        world.send(not(scope("orders:delete")), &claims).await.assert_denied(None);
    }
    for nothing in [json!(null), json!([])] {
        let claims = changed(&okta(), &json!({ "scp": nothing }));
        world.send(scope("orders:read"), &claims).await.assert_denied(Some("orders:read"));
        world.send(not(scope("orders:read")), &claims).await.assert_admitted();
    }
}

#[tokio::test]
async fn okta_tokens_of_other_kinds_are_refused() {
    // covers: PRV-021
    let world = World::new(TrustedIssuer::okta(OKTA), &[(OKTA_METADATA, OKTA)]);
    // An ID token has no `cid`; a token of the org server is typed, and for Okta.
    world.assert_invalid(&changed(&okta(), &json!({ "cid": null })), "missing_claim").await;
    let internal = world.token_with(&json!({ "typ": "application/okta-internal-at+jwt" }), &okta());
    Api::new(world.auth.require(user())).token(internal).await.assert_invalid("wrong_type");
    let org = changed(&okta(), &json!({ "aud": "https://example.okta.com" }));
    let answer = world.send(user(), &org).await;
    answer.assert_invalid("wrong_audience");
    assert!(reason(&answer).contains("org authorization server"), "{}", reason(&answer));
    // A service, and what is neither.
    let service = json!({ "uid": null, "auth_time": null, "sub": "0oa1ab2cd3EF4gh5ij6k" });
    world.send(not(user()), &changed(&okta(), &service)).await.assert_admitted();
    for unclear in [json!({ "uid": null }), json!({ "sub": "0oa1ab2cd3EF4gh5ij6k" })] {
        world.send(user(), &changed(&okta(), &unclear)).await.assert_denied(None);
        world.send(not(user()), &changed(&okta(), &unclear)).await.assert_denied(None);
    }
    assert_eq!(codes(TrustedIssuer::okta("https://example.okta.com")), ["org_authorization_server"]);
}

pub(super) fn cognito() -> Value {
    json!({
        "sub": "b3c4d5e6-f7a8-4b9c-8d0e-1f2a3b4c5d6e",
        "cognito:groups": ["clerks", "eu:admins"],
        "iss": POOL,
        "version": 2,
        "client_id": CLIENT,
        "origin_jti": "0a1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d",
        "event_id": "1b2c3d4e-5f6a-4b7c-8d9e-0f1a2b3c4d5e",
        "token_use": "access",
        "scope": "aws.cognito.signin.user.admin orders/read",
        "auth_time": NOW,
        "exp": NOW + 3600,
        "iat": NOW,
        "jti": "2c3d4e5f-6a7b-4c8d-9e0f-1a2b3c4d5e6f",
        "username": "ada",
    })
}

fn cognito_world(audience: Option<&str>) -> World {
    let trusted = TrustedIssuer::cognito("eu-central-1_AbCdEfGhI", ["another", CLIENT]);
    let metadata = format!("{POOL}/.well-known/openid-configuration");
    World::configured(trusted, &[(&metadata, POOL)], |server| match audience {
        Some(audience) => server.audience(audience),
        None => server,
    })
}

#[tokio::test]
async fn cognito_takes_listed_clients_in_place_of_an_audience() {
    // covers: PRV-013
    let (without, with) = (cognito_world(None), cognito_world(Some(AUDIENCE)));
    for world in [&without, &with] {
        world.assert_valid(&cognito()).await;
        assert_eq!(
            world.validated(&world.token_with(&json!({}), &cognito())).await.client_id(),
            Some(CLIENT)
        );
        assert_eq!(world.client.count(), 2);
        for client in [json!("5x6y"), json!(CLIENT.to_uppercase()), json!(format!("{CLIENT} "))] {
            let claims = changed(&cognito(), &json!({ "client_id": client }));
            world.assert_invalid(&claims, "wrong_audience").await;
        }
        for client in [json!(null), json!("")] {
            world
                .assert_invalid(&changed(&cognito(), &json!({ "client_id": client })), "missing_claim")
                .await;
        }
        // Neither `azp` nor an audience makes up for it.
        let other = json!({ "client_id": "5x6y", "azp": CLIENT, "aud": AUDIENCE });
        world.assert_invalid(&changed(&cognito(), &other), "wrong_audience").await;
    }
    // An audience that is there counts, too.
    let ours = changed(&cognito(), &json!({ "aud": AUDIENCE }));
    with.assert_valid(&ours).await;
    without.assert_invalid(&ours, "wrong_audience").await;
    for audience in [json!("https://other.example.com"), json!([]), json!(CLIENT)] {
        let claims = changed(&cognito(), &json!({ "aud": audience }));
        for world in [&without, &with] {
            world.assert_invalid(&claims, "wrong_audience").await;
        }
    }
}

#[tokio::test]
async fn cognito_says_what_a_token_is_for() {
    // covers: PRV-012
    let world = cognito_world(Some(CLIENT));
    world.assert_valid(&cognito()).await;
    let id_token = json!({ "token_use": "id", "aud": CLIENT, "client_id": null, "cognito:username": "ada" });
    world.assert_invalid(&changed(&cognito(), &id_token), "missing_claim").await;
    for (token_use, code) in [
        (json!("id"), "wrong_type"),
        (json!("Access"), "wrong_type"),
        (json!(["access"]), "wrong_type"),
        (json!(null), "missing_claim"),
    ] {
        world.assert_invalid(&changed(&cognito(), &json!({ "token_use": token_use })), code).await;
    }
}

#[tokio::test]
async fn cognito_groups_are_roles_by_names_with_a_colon() {
    // covers: PRV-014
    let world = cognito_world(None);
    let policy = scope("aws.cognito.signin.user.admin").and(scope("orders/read")).and(role("eu:admins"));
    world.send(policy.and(user()), &cognito()).await.assert_admitted();
    world.send(role("admins"), &cognito()).await.assert_denied(None);
    let elsewhere =
        changed(&cognito(), &json!({ "cognito:groups": null, "cognito": { "groups": ["clerks"] } }));
    world.send(role("clerks"), &elsewhere).await.assert_denied(None);
    // What an app client gets for itself.
    let own = json!({ "username": null, "cognito:groups": null, "sub": CLIENT });
    world.send(not(user()), &changed(&cognito(), &own)).await.assert_admitted();
    world.send(user(), &changed(&cognito(), &own)).await.assert_denied(None);
}
