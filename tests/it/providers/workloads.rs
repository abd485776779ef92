//! Google, GitHub Actions and Kubernetes: tokens that say who somebody is, and nothing of what they may do.

use portcullis::{
    Decision, Denial, Policy, PolicyInput, TrustedIssuer, authenticated, not, role, scope, user,
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{KEYS, World, changed, reason};
use crate::support::{AUDIENCE, Api, NOW};

const GOOGLE: &str = "https://accounts.google.com";
const GOOGLE_METADATA: &str = "https://accounts.google.com/.well-known/openid-configuration";
const GITHUB: &str = "https://token.actions.githubusercontent.com";
const GITHUB_METADATA: &str = "https://token.actions.githubusercontent.com/.well-known/openid-configuration";
const CLUSTER: &str = "https://oidc.eks.eu-central-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF";

/// The ID token of a service account.
pub(super) fn google() -> Value {
    json!({
        "iss": GOOGLE,
        "azp": "105839482719283746501",
        "aud": AUDIENCE,
        "sub": "105839482719283746501",
        "email": "caller@example-project.iam.gserviceaccount.com",
        "email_verified": true,
        "iat": NOW,
        "exp": NOW + 3600,
    })
}

fn google_user() -> Value {
    let changes = json!({
        "azp": "1234567890-abc.apps.googleusercontent.com",
        "sub": "110169484474386276334",
        "email": "ada@example.com",
        "hd": "example.com",
        "at_hash": "HK6E_P6Dh8Y93mRNtsDB1Q",
        "nonce": "0394852-3190485-2490358",
    });
    changed(&google(), &changes)
}

pub(super) fn google_world() -> World {
    World::new(TrustedIssuer::google(), &[(GOOGLE_METADATA, GOOGLE)])
}

#[tokio::test]
async fn google_has_two_names_and_no_third() {
    // covers: PRV-016
    let world = google_world();
    for (issuer, good) in [
        (GOOGLE, true),
        ("accounts.google.com", true),
        ("https://accounts.google.com/", false),
        ("http://accounts.google.com", false),
        ("Accounts.Google.com", false),
        ("https://accounts.google.com.evil.example", false),
    ] {
        let claims = changed(&google(), &json!({ "iss": issuer }));
        let answer = world.send(authenticated(), &claims).await;
        if good { answer.assert_admitted() } else { answer.assert_invalid("wrong_issuer") }
    }
    assert_eq!(world.client.requests(), [GOOGLE_METADATA, KEYS]);
    // No other issuer gets a second name.
    let plain = TrustedIssuer::new(GOOGLE).profile(portcullis::Profile::PlainJwt);
    let world = World::new(plain, &[(GOOGLE_METADATA, GOOGLE)]);
    world.assert_valid(&google()).await;
    world.assert_invalid(&changed(&google(), &json!({ "iss": "accounts.google.com" })), "wrong_issuer").await;
}

#[tokio::test]
async fn google_sends_id_tokens_for_our_audience_and_they_grant_nothing() {
    let world = google_world();
    world.assert_valid(&google_user()).await;
    world.assert_invalid(&changed(&google_user(), &json!({ "aud": "another" })), "wrong_audience").await;
    // What marks neither ID nor access tokens is refused as ever.
    for marker in ["events", "c_hash", "code", "htm", "vp"] {
        world.assert_invalid(&changed(&google_user(), &json!({ marker: "x" })), "wrong_type").await;
    }
    let api = Api::new(world.auth.require(authenticated()));
    for typ in [json!(null), json!("at+jwt"), json!("logout+jwt")] {
        api.token(world.token_with(&json!({ "typ": typ }), &google())).await.assert_invalid("wrong_type");
    }
    api.token("ya29.a0AfH6SMBexampleexampleexample").await.assert_invalid("malformed_token");
    let claims = changed(&google(), &json!({ "scope": "admin", "roles": ["admin"] }));
    world.send(scope("admin"), &claims).await.assert_denied(Some("admin"));
    world.send(role("admin"), &claims).await.assert_denied(None);
    // Unless the configuration names a place for roles.
    let trusted = TrustedIssuer::google().roles_at("roles");
    let world = World::new(trusted, &[(GOOGLE_METADATA, GOOGLE)]);
    world.send(role("admin"), &claims).await.assert_admitted();
}

#[tokio::test]
async fn a_service_account_of_google_is_no_user() {
    // covers: JWT-027
    let world = google_world();
    world.send(user(), &google_user()).await.assert_admitted();
    world.send(not(user()), &google()).await.assert_admitted();
    world.send(not(user()), &changed(&google(), &json!({ "email": null }))).await.assert_admitted();
    world.send(user(), &google()).await.assert_denied(None);
    for unclear in [
        changed(&google_user(), &json!({ "azp": null })),
        changed(&google_user(), &json!({ "azp": "somebody" })),
        changed(&google_user(), &json!({ "email": "caller@example-project.iam.gserviceaccount.com" })),
    ] {
        world.send(user(), &unclear).await.assert_denied(None);
        world.send(not(user()), &unclear).await.assert_denied(None);
    }
}

/// One organisation, by the claim that Google signs.
#[derive(Debug)]
struct Organisation(&'static str);

impl Policy for Organisation {
    fn decide(&self, input: &PolicyInput<'_>) -> Decision {
        #[derive(Deserialize)]
        struct Member {
            hd: String,
        }
        let member = input.token().and_then(|token| token.claims().deserialize::<Member>().ok());
        if member.is_some_and(|member| member.hd == self.0) {
            Decision::Allow
        } else {
            Decision::Deny(Denial::because("not of the organisation"))
        }
    }
}

#[tokio::test]
async fn an_organisation_is_known_by_hd_and_not_by_an_address() {
    // covers: PRV-018
    let world = google_world();
    world.send(Organisation("example.com"), &google_user()).await.assert_admitted();
    for hd in [json!(null), json!("evil.example"), json!("EXAMPLE.COM")] {
        let claims = changed(&google_user(), &json!({ "hd": hd }));
        world.send(Organisation("example.com"), &claims).await.assert_denied(None);
    }
}

fn github() -> Value {
    json!({
        "jti": "4a5b6c7d-8e9f-4a0b-8c1d-2e3f4a5b6c7d",
        "sub": "repo:example-org/app:environment:prod",
        "environment": "prod",
        "aud": AUDIENCE,
        "ref": "refs/heads/main",
        "sha": "0123456789abcdef0123456789abcdef01234567",
        "repository": "example-org/app",
        "repository_owner": "example-org",
        "actor_id": "12",
        "repository_visibility": "private",
        "repository_id": "74",
        "repository_owner_id": "65",
        "run_id": "1234567890",
        "run_number": "10",
        "run_attempt": "2",
        "runner_environment": "github-hosted",
        "actor": "octo",
        "workflow": "deploy",
        "head_ref": "",
        "base_ref": "",
        "event_name": "push",
        "ref_type": "branch",
        "job_workflow_ref": "example-org/app/.github/workflows/deploy.yml@refs/heads/main",
        "iss": GITHUB,
        "nbf": NOW - 5,
        "exp": NOW + 300,
        "iat": NOW,
    })
}

/// The deployment workflow of one repository, from its main branch.
#[derive(Debug)]
struct Deployment;

impl Policy for Deployment {
    fn decide(&self, input: &PolicyInput<'_>) -> Decision {
        #[derive(Deserialize)]
        struct Workflow {
            repository: String,
            r#ref: String,
            environment: String,
            job_workflow_ref: String,
        }
        let workflow = input.token().and_then(|token| token.claims().deserialize::<Workflow>().ok());
        let is_deployment = workflow.is_some_and(|workflow| {
            workflow.repository == "example-org/app"
                && workflow.r#ref == "refs/heads/main"
                && workflow.environment == "prod"
                && workflow.job_workflow_ref == "example-org/app/.github/workflows/deploy.yml@refs/heads/main"
        });
        if is_deployment { Decision::Allow } else { Decision::Deny(Denial::because("not the deployment")) }
    }
}

#[tokio::test]
async fn a_workflow_is_let_in_by_whole_claims_and_never_by_the_audience_alone() {
    // covers: PRV-047
    let world = World::new(TrustedIssuer::github_actions(), &[(GITHUB_METADATA, GITHUB)]);
    world.send(Deployment, &github()).await.assert_admitted();
    assert_eq!(world.client.requests(), [GITHUB_METADATA, KEYS]);
    for changes in [
        // Whoever opens a pull request from a fork, or names a repository alike.
        json!({ "ref": "refs/pull/7/merge", "event_name": "pull_request", "head_ref": "x", "environment": null }),
        json!({ "repository": "example-org/app-evil", "sub": "repo:example-org/app-evil:environment:prod" }),
        json!({ "repository": "evil/app", "repository_owner": "evil" }),
        json!({ "repository": "Example-Org/App" }),
        json!({ "environment": "production" }),
        json!({ "environment": null }),
        json!({ "job_workflow_ref": "example-org/app/.github/workflows/deploy.yml@refs/heads/mainly" }),
    ] {
        world.send(Deployment, &changed(&github(), &changes)).await.assert_denied(None);
    }
    // The form of the subject is the repository's own choice.
    let custom = changed(&github(), &json!({ "sub": "repository_id:74:ref:refs/heads/main" }));
    world.send(Deployment, &custom).await.assert_admitted();
    let answer = world
        .send(Deployment, &changed(&github(), &json!({ "aud": "https://github.com/example-org" })))
        .await;
    answer.assert_invalid("wrong_audience");
    assert!(reason(&answer).contains("workflow"), "{}", reason(&answer));
    world.assert_invalid(&changed(&github(), &json!({ "repository": null })), "missing_claim").await;
    let claims = changed(&github(), &json!({ "scope": "admin", "roles": ["admin"] }));
    world.send(scope("admin").or(role("admin")), &claims).await.assert_denied(Some("admin"));
    world.send(user(), &github()).await.assert_denied(None);
    world.send(not(user()), &github()).await.assert_admitted();
}

fn kubernetes() -> Value {
    json!({
        "aud": [AUDIENCE],
        "exp": NOW + 3600,
        "iat": NOW,
        "iss": CLUSTER,
        "jti": "5b6c7d8e-9f0a-4b1c-8d2e-3f4a5b6c7d8e",
        "kubernetes.io": {
            "namespace": "shop",
            "node": { "name": "ip-10-0-0-7", "uid": "6c7d8e9f-0a1b-4c2d-8e3f-4a5b6c7d8e9f" },
            "pod": { "name": "batch-7d9c6", "uid": "7d8e9f0a-1b2c-4d3e-8f4a-5b6c7d8e9f0a" },
            "serviceaccount": { "name": "batch.v1", "uid": "8e9f0a1b-2c3d-4e4f-8a5b-6c7d8e9f0a1b" },
            "warnafter": NOW + 3607,
        },
        "nbf": NOW,
        "sub": "system:serviceaccount:shop:batch.v1",
    })
}

fn cluster() -> World {
    let metadata = format!("{CLUSTER}/.well-known/openid-configuration");
    World::new(TrustedIssuer::kubernetes(CLUSTER), &[(&metadata, CLUSTER)])
}

#[tokio::test]
async fn a_projected_token_is_taken_and_the_others_of_a_cluster_are_not() {
    // covers: PRV-031
    let world = cluster();
    // The API server sends no `typ`.
    let token = world.token_with(&json!({}), &kubernetes());
    assert_eq!(world.validated(&token).await.subject(), Some("system:serviceaccount:shop:batch.v1"));
    assert_eq!(world.client.count(), 2);
    for audience in
        ["https://kubernetes.default.svc", "https://kubernetes.default.svc.cluster.local", CLUSTER]
    {
        let answer =
            world.send(authenticated(), &changed(&kubernetes(), &json!({ "aud": [audience] }))).await;
        answer.assert_invalid("wrong_audience");
        assert!(reason(&answer).contains("API server"), "{}", reason(&answer));
    }
    // The old kind, which is in a secret and lives for ever.
    let legacy = json!({
        "iss": "kubernetes/serviceaccount",
        "kubernetes.io/serviceaccount/namespace": "shop",
        "kubernetes.io/serviceaccount/secret.name": "batch-token-x7k2p",
        "kubernetes.io/serviceaccount/service-account.name": "batch",
        "kubernetes.io/serviceaccount/service-account.uid": "8e9f0a1b-2c3d-4e4f-8a5b-6c7d8e9f0a1b",
        "sub": "system:serviceaccount:shop:batch",
    });
    world.assert_invalid(&legacy, "wrong_issuer").await;
    world.assert_invalid(&changed(&legacy, &json!({ "iss": CLUSTER })), "missing_claim").await;
    world.assert_invalid(&changed(&kubernetes(), &json!({ "aud": null })), "missing_claim").await;
    world.assert_invalid(&changed(&kubernetes(), &json!({ "exp": null })), "missing_claim").await;
    world.send(user(), &kubernetes()).await.assert_denied(None);
    world.send(scope("x").or(role("x")), &kubernetes()).await.assert_denied(Some("x"));
}

#[tokio::test]
async fn the_subject_is_exactly_the_service_account_that_the_token_describes() {
    // covers: PRV-032
    let world = cluster();
    world.assert_valid(&kubernetes()).await;
    for subject in [
        "system:serviceaccount:shop:batch.v1:x",
        "system:serviceaccount:shop:batch",
        "system:serviceaccount:shop2:batch.v1",
        "system:serviceaccount::batch.v1",
        "system:serviceaccount:shop:",
        "system:serviceaccount:shop",
        "System:serviceaccount:shop:batch.v1",
        "system:serviceaccounts:shop:batch.v1",
        "system:node:shop:batch.v1",
        " system:serviceaccount:shop:batch.v1",
        "ada",
    ] {
        world.assert_invalid(&changed(&kubernetes(), &json!({ "sub": subject })), "wrong_type").await;
    }
    // Even where both places agree, a name is a name.
    for (namespace, name) in [
        ("shop:x", "batch"),
        ("shop", "batch:x"),
        ("Shop", "batch"),
        ("shop.x", "batch"),
        ("-shop", "batch"),
        ("shop", "batch..v1"),
        ("shop", "bätch"),
        (&"s".repeat(64), "batch"),
        ("shop", &"s".repeat(254)),
    ] {
        let object = json!({ "namespace": namespace, "serviceaccount": { "name": name } });
        let changes =
            json!({ "sub": format!("system:serviceaccount:{namespace}:{name}"), "kubernetes.io": object });
        world.assert_invalid(&changed(&kubernetes(), &changes), "wrong_type").await;
    }
    for (object, code) in [
        (json!(null), "missing_claim"),
        (json!("shop"), "wrong_type"),
        (json!({}), "wrong_type"),
        (json!({ "namespace": "shop" }), "wrong_type"),
        (json!({ "namespace": "shop", "serviceaccount": "batch.v1" }), "wrong_type"),
        (json!({ "namespace": ["shop"], "serviceaccount": { "name": "batch.v1" } }), "wrong_type"),
        (json!({ "namespace": "shop", "serviceaccount": { "name": "other" } }), "wrong_type"),
    ] {
        world.assert_invalid(&changed(&kubernetes(), &json!({ "kubernetes.io": object })), code).await;
    }
}
