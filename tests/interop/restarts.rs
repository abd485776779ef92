//! The servers themselves: what they say at introspection, without this crate in between, and after a kill.

use serde_json::{Value, json};

use crate::api::AUDIENCE;
use crate::dot::Dot;
use crate::provider::Provider;
use crate::token::{SECRET, Token};
use crate::{READ, step};

/// Asks what a token is worth, as `rs`.
fn introspect(endpoint: &str, token: &Token) -> Value {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    answer(client.post(endpoint).basic_auth("rs", Some(SECRET)), &format!("token={}", token.as_str()))
}

/// Asks what a token is worth, as `rs-mtls`.
fn introspect_by_certificate(provider: &Provider, token: &Token) -> Value {
    let authority = reqwest::Certificate::from_pem(provider.file("ca.pem").as_bytes()).unwrap();
    let identity = provider.file("client.pem") + &provider.file("client.key");
    let client = reqwest::Client::builder().no_proxy().tls_certs_only([authority]);
    let client = client.identity(reqwest::Identity::from_pem(identity.as_bytes()).unwrap()).build().unwrap();
    let form = format!("client_id=rs-mtls&token={}", token.as_str());
    answer(client.post(provider.tls_introspection_endpoint()), &form)
}

fn answer(request: reqwest::RequestBuilder, form: &str) -> Value {
    let request = request.header("content-type", "application/x-www-form-urlencoded").body(form.to_owned());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (status, body) = runtime.block_on(async {
        let response = request.send().await.unwrap();
        (response.status(), response.text().await.unwrap())
    });
    assert_eq!(status, 200, "{body}");
    serde_json::from_str(&body).unwrap()
}

#[test]
fn a_restarted_provider_still_knows_its_tokens() {
    let mut provider = Provider::start_with_tls();
    let opaque = format!("{AUDIENCE}/opaque");
    let (service, revoked) = (provider.token(&opaque, READ), provider.token(&opaque, READ));
    let (access, refresh) = provider.sign_in("alice", &opaque, READ);
    let jwt = provider.token(&format!("{AUDIENCE}/ES256"), READ);
    provider.revoke(&revoked);
    let said = |provider: &Provider| {
        let ask = |token| introspect(&provider.introspection_endpoint(), token);
        let by_certificate = introspect_by_certificate(provider, &access);
        (ask(&service), ask(&revoked), ask(&access), ask(&refresh), by_certificate)
    };
    let before = said(&provider);

    step("what it says");
    let (service_said, revoked_said, access_said, refresh_said, by_certificate) = &before;
    assert_eq!((&service_said["active"], &service_said["sub"]), (&json!(true), &Value::Null));
    assert_eq!((&service_said["aud"], &service_said["token_type"]), (&json!(AUDIENCE), &json!("Bearer")));
    assert_eq!(*revoked_said, json!({ "active": false }));
    assert_eq!(access_said["sub"], "alice");
    // Active, and no access token: neither `token_type` nor `aud`.
    assert_eq!((&refresh_said["active"], &refresh_said["scope"]), (&json!(true), &json!(READ)));
    assert_eq!((&refresh_said["token_type"], &refresh_said["aud"]), (&Value::Null, &Value::Null));
    assert_eq!(by_certificate, access_said);

    step("killed and started again, it says the same, and signs with the same keys");
    let issuer = provider.issuer().to_owned();
    provider.kill();
    provider.start_again();
    assert_eq!(provider.issuer(), issuer);
    assert_eq!(said(&provider), before);
    assert_eq!(provider.token(&format!("{AUDIENCE}/ES256"), READ).header(), jwt.header());
}

#[test]
fn a_restarted_django_server_still_knows_its_tokens() {
    let mut server = Dot::start();
    let (bare, bound) = (server.token(READ, ""), server.token(READ, &format!("&resource={AUDIENCE}")));
    let revoked = server.token(READ, "");
    server.revoke(&revoked);
    let said = |server: &Dot| {
        [&bare, &bound, &revoked].map(|token| introspect(&server.introspection_endpoint(), token))
    };
    let before = said(&server);

    step("what it says: no `iss`, `sub`, `iat` or `token_type`, and `aud` only where the token is bound");
    let [bare_said, bound_said, revoked_said] = &before;
    assert_eq!(
        *bare_said,
        json!({ "active": true, "scope": READ, "exp": bare_said["exp"].as_u64().unwrap(), "client_id": "svc" })
    );
    assert_eq!(bound_said["aud"], json!([AUDIENCE]));
    assert_eq!(*revoked_said, json!({ "active": false }));

    step("killed and started again, it says the same");
    let issuer = server.issuer().to_owned();
    server.kill();
    server.start_again();
    assert_eq!(server.issuer(), issuer);
    assert_eq!(said(&server), before);
}
