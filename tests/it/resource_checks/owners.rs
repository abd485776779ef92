//! Owners and tenants.

use http::Request;
use portcullis::{ResourceRequirement, TrustedIssuer, anyone, authenticated, claim, not, resource_predicate};
use serde_json::json;

use super::{Order, Shop, order, owned};
use crate::support::{AUDIENCE, Api};

#[tokio::test]
async fn the_owner_is_admitted_and_a_stranger_is_refused() {
    // covers: POL-031
    let (issuer, shop, _) = Shop::checking(owned());
    let token = issuer.token(AUDIENCE);
    let answer = shop.token(token.clone().subject("alice").sign()).await;
    answer.assert_admitted();
    assert_eq!(answer.body, "alice");
    for stranger in ["bob", "ALICE", "alice ", "alic"] {
        shop.token(token.clone().subject(stranger).sign()).await.assert_denied(None);
    }
}

#[tokio::test]
async fn the_same_subject_of_another_issuer_is_somebody_else() {
    // covers: POL-031
    let (issuer, server, clock) = Api::parts();
    let other = portcullis::testing::Issuer::offline("https://other.example").with_clock(clock);
    let server = server.issuer(TrustedIssuer::new(other.url()).jwk_set(other.jwk_set())).build().unwrap();
    let shop = Shop::behind(server.require(authenticated()), owned());
    shop.token(issuer.token(AUDIENCE).subject("alice").sign()).await.assert_admitted();
    shop.token(other.token(AUDIENCE).subject("alice").sign()).await.assert_denied(None);
    // And the other way round.
    let shop = shop.with(Order { issuer: other.url().to_owned(), ..order() });
    shop.token(issuer.token(AUDIENCE).subject("alice").sign()).await.assert_denied(None);
    shop.token(other.token(AUDIENCE).subject("alice").sign()).await.assert_admitted();
}

#[tokio::test]
async fn what_nobody_owns_is_neither_somebodys_nor_not_somebodys() {
    // covers: POL-031
    let (issuer, shop, _) = Shop::checking(not(owned()));
    let (alice, bob) = (issuer.token(AUDIENCE), issuer.token(AUDIENCE).subject("bob"));
    shop.token(bob.clone().sign()).await.assert_admitted();
    shop.token(alice.sign()).await.assert_denied(None);
    for order in [Order { owner: String::new(), ..order() }, Order { issuer: String::new(), ..order() }] {
        for requirement in [owned(), not(owned())] {
            let (issuer, shop, _) = Shop::checking(requirement);
            let shop = shop.with(order.clone());
            shop.token(issuer.token(AUDIENCE).subject("bob").sign()).await.assert_denied(None);
        }
    }
}

fn same_tenant() -> ResourceRequirement<Order> {
    claim("tenant").equals_resource(|order: &Order| &order.tenant)
}

#[tokio::test]
async fn a_resource_of_another_tenant_is_refused() {
    // covers: POL-030, POL-011
    let (issuer, shop, _) = Shop::checking(same_tenant());
    let token = issuer.token(AUDIENCE);
    shop.token(token.clone().claim("tenant", "acme").sign()).await.assert_admitted();
    shop.token(token.clone().sign()).await.assert_denied(None);
    for tenant in
        [json!("globex"), json!("ACME"), json!(["acme"]), json!({"acme": true}), json!(7), json!(null)]
    {
        shop.token(token.clone().claim("tenant", tenant).sign()).await.assert_denied(None);
    }
}

#[tokio::test]
async fn a_tenant_that_cannot_be_told_is_not_another_one() {
    // covers: POL-030, POL-011
    let (issuer, shop, _) = Shop::checking(not(same_tenant()));
    let token = issuer.token(AUDIENCE);
    shop.token(token.clone().claim("tenant", "globex").sign()).await.assert_admitted();
    shop.token(token.clone().sign()).await.assert_admitted();
    for tenant in [json!("acme"), json!(["acme"]), json!(7)] {
        shop.token(token.clone().claim("tenant", tenant).sign()).await.assert_denied(None);
    }
    // What has no tenant is not the property of those who have none.
    for requirement in [same_tenant(), not(same_tenant())] {
        let (issuer, shop, _) = Shop::checking(requirement);
        let shop = shop.with(Order { tenant: String::new(), ..order() });
        shop.token(issuer.token(AUDIENCE).claim("tenant", "").sign()).await.assert_denied(None);
    }
}

#[tokio::test]
async fn a_predicate_sees_the_resource_and_the_request() {
    let in_use = || resource_predicate("in use", |order: &Order, _| !order.archived);
    let (issuer, shop, _) = Shop::checking(in_use());
    let token = issuer.token(AUDIENCE).sign();
    shop.token(&token).await.assert_admitted();
    let shop = shop.with(Order { archived: true, ..order() });
    shop.token(&token).await.assert_denied(None);

    let own_path =
        resource_predicate("own path", |order: &Order, input| input.path().ends_with(&order.tenant));
    let (issuer, shop, _) = Shop::checking(own_path);
    let send = async |path: &str| {
        let field = format!("Bearer {}", issuer.token(AUDIENCE).sign());
        shop.send(Request::get(path).header("authorization", field).body(()).unwrap()).await
    };
    send("/orders/acme?x=globex").await.assert_admitted();
    send("/orders/globex?x=acme").await.assert_denied(None);
}

#[tokio::test]
async fn a_request_without_a_token_owns_nothing() {
    // covers: EXT-020, POL-031
    let bare = || Request::get("/").body(()).unwrap();
    let public = || resource_predicate("public", |order: &Order, _| !order.archived);
    for requirement in [
        owned(),
        not(owned()),
        same_tenant(),
        not(same_tenant()),
        public(),
        owned().or(authenticated()),
        owned().and(anyone()),
        not(public()).and(anyone()),
    ] {
        let (_, shop, _) = Shop::admitting(anyone(), requirement.clone());
        shop.send(bare()).await.assert_unauthenticated();
    }
    for requirement in [owned().or(anyone()), public().and(anyone()), owned().or(public().and(anyone()))] {
        let (_, shop, _) = Shop::admitting(anyone(), requirement);
        shop.send(bare()).await.assert_anonymous();
    }
    let (issuer, shop, _) = Shop::admitting(anyone(), owned().or(public().and(anyone())));
    let shop = shop.with(Order { archived: true, ..order() });
    shop.send(bare()).await.assert_unauthenticated();
    shop.token(issuer.token(AUDIENCE).sign()).await.assert_admitted();
}
