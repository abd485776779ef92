//! Finding exactly one credential: RFC 6750 §2, RFC 9110 §11.

use http::Request;
use portcullis::authenticated;

use crate::support::{AUDIENCE, Api};

fn api() -> (String, Api) {
    let (issuer, api) = Api::requiring(authenticated());
    (issuer.token(AUDIENCE).sign(), api)
}

#[tokio::test]
async fn the_token_is_taken_from_the_authorization_field_with_the_scheme_in_any_case() {
    // covers: EXT-001, EXT-002
    let (token, api) = api();
    for scheme in ["Bearer", "bearer", "BEARER", "BeArEr"] {
        api.authorization(format!("{scheme} {token}")).await.assert_admitted();
    }
}

#[tokio::test]
async fn spaces_and_only_spaces_stand_between_scheme_and_token() {
    // covers: EXT-003
    let (token, api) = api();
    api.authorization(format!("Bearer   {token}")).await.assert_admitted();
    api.authorization(format!("Bearer\t{token}")).await.assert_malformed("malformed_credential");
    api.authorization(format!("Bearer \t{token}")).await.assert_malformed("malformed_credential");
}

#[tokio::test]
async fn what_is_not_one_token68_is_malformed() {
    // covers: EXT-004, EXT-005, EXT-009, EXT-022, HH-001, HH-003
    let (token, api) = api();
    for value in [
        "Bearer".into(),
        "Bearer ".into(),
        "Bearer a,b".into(),
        "Bearer \"t\"".into(),
        "Bearer t t".into(),
        "Bearer a=b".into(),
        "Bearer ===".into(),
        format!("Bearer {token} "),
        format!("Bearer {token}, Bearer {token}"),
        format!("Bearer token={token}"),
        " ".into(),
        "Be\u{e9}rer x".into(),
        "Bearer t\u{e9}".into(),
    ] {
        api.authorization(&value).await.assert_malformed("malformed_credential");
    }
    for byte in [0x80, 0xA0, 0xFF] {
        api.authorization([b"Bearer abc", &[byte][..]].concat())
            .await
            .assert_malformed("malformed_credential");
    }
}

#[tokio::test]
async fn no_credential_and_another_scheme_get_a_challenge_without_error() {
    // covers: EXT-006, EXT-007, CHL-001, CHL-002, HH-015
    let (token, api) = api();
    api.send(Request::get("/").body(()).unwrap()).await.assert_unauthenticated();
    for value in ["Basic Zm9vOmJhcg==", "Digest username=\"x\"", "DPoP abc", "Bearer2 abc", &token] {
        api.authorization(value).await.assert_unauthenticated();
    }
}

#[tokio::test]
async fn a_second_authorization_line_is_refused_whatever_it_says() {
    // covers: EXT-008, HH-005
    let (token, api) = api();
    let bearer = format!("Bearer {token}");
    for (first, second) in
        [(&*bearer, &*bearer), ("Basic eA==", &bearer), (&bearer, "Basic eA=="), (&bearer, "")]
    {
        let request = Request::get("/").header("authorization", first).header("authorization", second);
        api.send(request.body(()).unwrap()).await.assert_malformed("repeated_credential");
    }
}

#[tokio::test]
async fn a_token_in_the_query_is_neither_read_nor_allowed_beside_the_field() {
    // covers: EXT-010, EXT-011, EXT-012, HH-007
    let (token, api) = api();
    for name in ["access_token", "Access_Token", "access%5Ftoken", "%61ccess_token"] {
        let request = Request::get(format!("/?{name}={token}"));
        api.send(request.body(()).unwrap()).await.assert_unauthenticated();
    }
    for query in ["access_token=x", "a=b&access_token=", "access%5ftoken=x", "access_token"] {
        let request = Request::get(format!("/?{query}")).header("authorization", format!("Bearer {token}"));
        api.send(request.body(()).unwrap()).await.assert_malformed("several_methods");
    }
    // The same token twice, too.
    let request =
        Request::get(format!("/?access_token={token}")).header("authorization", format!("Bearer {token}"));
    api.send(request.body(()).unwrap()).await.assert_malformed("several_methods");
    for query in ["Access_Token=x", "access_token2=x", "x=access_token", "access%5token=x", "q=%"] {
        let request = Request::get(format!("/?{query}")).header("authorization", format!("Bearer {token}"));
        api.send(request.body(()).unwrap()).await.assert_admitted();
    }
}

#[tokio::test]
async fn no_other_field_is_a_source_of_tokens() {
    // covers: EXT-017, EXT-018, EXT-025, HH-011
    let (token, api) = api();
    for (name, value) in [
        ("proxy-authorization", format!("Bearer {token}")),
        ("cookie", format!("access_token={token}")),
        ("sec-websocket-protocol", token.clone()),
        ("x-access-token", token.clone()),
        ("x-forwarded-access-token", token.clone()),
    ] {
        let request = Request::get("/").header(name, value).body(()).unwrap();
        api.send(request).await.assert_unauthenticated();
    }
}

#[tokio::test]
async fn a_value_above_16_kib_is_refused_before_it_is_parsed() {
    // covers: EXT-019
    let (token, api) = api();
    let largest = 16 * 1024 - "Bearer ".len();
    api.token("a".repeat(largest)).await.assert_invalid("malformed_token");
    api.token("a".repeat(largest + 1)).await.assert_malformed("oversized_credential");
    api.authorization(format!("Basic {}", "a".repeat(64 * 1024)))
        .await
        .assert_malformed("oversized_credential");
    api.token(token).await.assert_admitted();
}

#[tokio::test]
async fn a_head_request_is_answered_like_a_get() {
    // covers: CHL-020
    let (_, api) = api();
    api.send(Request::head("/").body(()).unwrap()).await.assert_unauthenticated();
}
