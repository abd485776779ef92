//! What a token says: RFC 7519 (claims), RFC 9068 (access tokens), RFC 7800 (binding), RFC 8725 (what goes wrong).

mod document;
mod grants;

use std::time::Duration;

use portcullis::SignatureAlgorithm::Es256;
use portcullis::testing::{Flaw, Issuer, ManualClock};
use portcullis::{Profile, ResourceServer, ResourceServerBuilder, TrustedIssuer, role, scope};
use serde_json::{Value, json};

use crate::jose::{CLAIMS, api};
use crate::support::{AUDIENCE, Api, ISSUER, NOW, ScriptedClient};

const PROFILES: [Profile; 2] = [Profile::Rfc9068, Profile::PlainJwt];

/// An issuer, an API of each profile, and the clock of all.
fn both() -> (Issuer, [Api; 2], ManualClock) {
    both_with(|issuer| issuer, |server| server)
}

/// The same with further settings.
fn both_with(
    trusting: impl Fn(TrustedIssuer) -> TrustedIssuer,
    configure: impl Fn(ResourceServerBuilder) -> ResourceServerBuilder,
) -> (Issuer, [Api; 2], ManualClock) {
    let (issuer, _, clock) = Api::parts();
    let apis = PROFILES.map(|profile| {
        let keys = issuer.jwk_set();
        let (_, server, _) = Api::trusting(|issuer| trusting(issuer.jwk_set(keys).profile(profile)));
        api(configure(server.with_clock(clock.clone())))
    });
    (issuer, apis, clock)
}

/// Signs this payload as it stands, as an access token.
fn signed(issuer: &Issuer, payload: impl AsRef<[u8]>) -> String {
    issuer.sign(Es256, r#"{"alg":"ES256","typ":"at+jwt"}"#, payload.as_ref())
}

/// The claims of a right token with this JSON text as the one member of this name.
fn with_raw(name: &str, value: &str) -> String {
    let mut claims: Value = CLAIMS.parse().unwrap();
    claims.as_object_mut().unwrap().remove(name);
    with_members(&claims.to_string(), &format!(r#""{name}":{value}"#))
}

/// These claims and more members, as text.
fn with_members(claims: &str, members: &str) -> String {
    format!("{},{members}}}", claims.strip_suffix('}').unwrap())
}

#[tokio::test]
async fn required_claims_must_be_there_and_null_is_not_there() {
    // covers: JWT-003, JWT-004, JWT-006, JWT-011, JWT-014, JWT-021, JWT-030, JWT-032
    let (issuer, [strict, plain], _) = both();
    let token = issuer.token(AUDIENCE).claim("https://example.com/x", json!({ "y": [1, null] }));
    for (name, of_all) in [
        ("iss", true),
        ("aud", true),
        ("exp", true),
        ("sub", false),
        ("client_id", false),
        ("iat", false),
        ("jti", false),
    ] {
        for token in [token.clone().without(name), token.clone().claim(name, Value::Null)] {
            println!("{name}");
            let token = token.sign();
            strict.token(&token).await.assert_invalid("missing_claim");
            match of_all {
                true => plain.token(&token).await.assert_invalid("missing_claim"),
                false => plain.token(&token).await.assert_admitted(),
            }
        }
    }
    let token = ["nbf", "scope", "cnf", "roles", "act"]
        .into_iter()
        .fold(token, |token, name| token.claim(name, Value::Null))
        .sign();
    strict.token(&token).await.assert_admitted();
    plain.token(&token).await.assert_admitted();
}

#[tokio::test]
async fn a_registered_claim_of_another_type_is_malformed_and_never_absent() {
    // covers: JWT-008, JWT-015, JWT-021, JWT-022
    let (issuer, apis, _) = both();
    let strings = ["iss", "sub", "jti", "client_id", "scope"];
    let not_strings =
        ["0", "5", "1.5", "true", "false", "[]", r#"["x"]"#, "{}", r#"[["x"]]"#, r#"{"x":"y"}"#];
    let dates = ["exp", "nbf", "iat"];
    let not_dates = [
        r#""""#,
        r#""0""#,
        r#""1767225900""#,
        r#""tomorrow""#,
        "true",
        "false",
        "[]",
        "[1767225900]",
        "{}",
        r#"{"x":1}"#,
        "[[1]]",
    ];
    let not_audiences = ["0", "5", "true", "false", "{}", "[5]", "[null]", "[{}]"];
    let not_audiences = not_audiences.map(str::to_owned).into_iter().chain([
        format!(r#"["{AUDIENCE}",1]"#),
        format!(r#"["{AUDIENCE}",null]"#),
        format!(r#"[["{AUDIENCE}"]]"#),
        format!(r#"{{"0":"{AUDIENCE}"}}"#),
    ]);
    let cases = strings.iter().flat_map(|name| not_strings.map(|value| (*name, value.to_owned())));
    let cases = cases.chain(dates.iter().flat_map(|name| not_dates.map(|value| (*name, value.to_owned()))));
    let cases = cases.chain(not_audiences.map(|value| ("aud", value)));
    let cases = cases.chain([
        ("iss", format!(r#"["{ISSUER}"]"#)),
        ("iss", format!(r#"["{ISSUER}","https://evil.example"]"#)),
    ]);
    for (name, value) in cases {
        println!("{name}: {value}");
        for api in &apis {
            api.token(signed(&issuer, with_raw(name, &value))).await.assert_invalid("malformed_token");
        }
    }
}

#[tokio::test]
async fn extreme_numbers_neither_wrap_nor_mean_forever() {
    // covers: JWT-015, JWT-016
    let (issuer, apis, _) = both();
    let malformed = [
        "1e400",
        "1e300",
        "1e18",
        "9223372036854775807",
        "9223372036854775808",
        "18446744073709551615",
        "18446744073709551616",
        "-1",
        "-0.5",
        "-1e300",
        "-9223372036854775808",
        "253402300800",
        "253402300800.5",
    ];
    // The last second of the year 9999, and that second's half.
    let far = ["253402300799", "253402300799.5", "2.53402300799e11"];
    let now = ["1767225630", "1767225600.5", "1.7672256e9", "1767225600e0"];
    let past = ["0", "-0", "-0.0", "0.1", "1", "1e-300", "1767225570", "1767225569.9"];
    let cases = [
        ("exp", &malformed[..], "malformed_token"),
        ("exp", &far, "admitted"),
        ("exp", &now, "admitted"),
        ("exp", &past, "expired"),
        ("nbf", &malformed, "malformed_token"),
        ("nbf", &far, "not_yet_valid"),
        ("nbf", &now, "admitted"),
        ("nbf", &past, "admitted"),
        ("iat", &malformed, "malformed_token"),
        ("iat", &far, "issued_in_the_future"),
        ("iat", &now, "admitted"),
        ("iat", &past, "admitted"),
    ];
    for (name, values, code) in cases {
        for value in values {
            println!("{name}: {value}");
            for api in &apis {
                let answer = api.token(signed(&issuer, with_raw(name, value))).await;
                match code {
                    "admitted" => answer.assert_admitted(),
                    _ => answer.assert_invalid(code),
                }
            }
        }
    }
}

#[tokio::test]
async fn leeway_is_exact_to_the_second_and_the_same_for_every_time() {
    // covers: JWT-011, JWT-012, JWT-013, JWT-014, JWT-031, HT-019
    for leeway in [None, Some(0), Some(10), Some(300)] {
        let set = |server: ResourceServerBuilder| match leeway {
            None => server,
            Some(leeway) => server.leeway(Duration::from_secs(leeway)),
        };
        let (issuer, apis, clock) = both_with(|issuer| issuer, set);
        let leeway = leeway.unwrap_or(30);
        for api in &apis {
            for (name, last_good, first_bad, code) in [
                ("exp", NOW - leeway + 1, NOW - leeway, "expired"),
                ("nbf", NOW + leeway, NOW + leeway + 1, "not_yet_valid"),
                ("iat", NOW + leeway, NOW + leeway + 1, "issued_in_the_future"),
            ] {
                println!("{name}, leeway {leeway}");
                let token = issuer.token(AUDIENCE);
                api.token(token.clone().claim(name, last_good).sign()).await.assert_admitted();
                api.token(token.claim(name, first_bad).sign()).await.assert_invalid(code);
            }
            for (name, value, code) in [
                ("exp", NOW - 3600, "expired"),
                ("nbf", NOW + 3600, "not_yet_valid"),
                ("iat", NOW + 3600, "issued_in_the_future"),
            ] {
                api.token(issuer.token(AUDIENCE).claim(name, value).sign()).await.assert_invalid(code);
            }
        }
        // One token, while time passes: refused from exactly the instant on that was computed above.
        let token = issuer.token(AUDIENCE).sign();
        let without_iat = issuer.token(AUDIENCE).without("iat").sign();
        clock.advance(Duration::from_millis((300 + leeway) * 1000 - 1));
        apis[1].token(&token).await.assert_admitted();
        apis[1].token(&without_iat).await.assert_admitted();
        clock.advance(Duration::from_millis(1));
        apis[1].token(&token).await.assert_invalid("expired");
        apis[1].token(&without_iat).await.assert_invalid("expired");
    }
}

#[tokio::test]
async fn the_issuer_is_compared_code_point_by_code_point() {
    // covers: DSC-005, JWT-004, JWT-026, HT-015
    let (issuer, apis, _) = both();
    let admitted = [
        format!("\"{ISSUER}\""),
        format!("\"{}\"", ISSUER.replace('/', "\\/")),
        format!("\"{}\"", ISSUER.replace('h', "\\u0068")),
        r#""\u0068\u0074\u0074\u0070\u0073\u003A//id\u002eexample.com""#.to_owned(),
    ];
    let refused = [
        "https://id.example.com/",
        "https://id.example.com//",
        "https://ID.example.com",
        "HTTPS://id.example.com",
        "http://id.example.com",
        "https://id.example.com:443",
        "https://id.example.com.evil.example",
        "id.example.com",
        "https://id.example.co",
        "xhttps://id.example.com",
        " https://id.example.com",
        "https://id.example.com ",
        "https://id.example.com\0",
        "https://id.example.com?",
        "https://id.example.com#",
        "https://user@id.example.com",
        "https://id.example\u{ff0e}com",
        "https://\u{131}d.example.com",
        "https%3A//id.example.com",
        "",
        "*",
        "https://evil.example",
        "http://169.254.169.254/",
        "file:///etc/passwd",
    ];
    for api in &apis {
        for iss in &admitted {
            api.token(signed(&issuer, with_raw("iss", iss))).await.assert_admitted();
        }
        for iss in refused {
            println!("{iss:?}");
            api.token(issuer.token(AUDIENCE).claim("iss", iss).sign()).await.assert_invalid("wrong_issuer");
        }
    }
}

#[tokio::test]
async fn no_claim_or_header_of_an_unverified_token_causes_a_request() {
    // covers: JWT-005, JWS-027, JWS-032, HT-015
    let (issuer, _, clock) = Api::parts();
    let client = ScriptedClient::default();
    let server = ResourceServer::builder(ISSUER).audience(AUDIENCE).with_clock(clock);
    let api = api(server.with_http_client(client.clone()));
    for iss in
        ["https://evil.example", "http://169.254.169.254/", "file:///etc/passwd", "https://id.example.com/"]
    {
        let token = issuer.token(AUDIENCE).claim("iss", iss).header("jku", iss).header("x5u", iss);
        api.token(token.sign()).await.assert_invalid("wrong_issuer");
    }
    api.token(issuer.token(AUDIENCE).claim("exp", 1).sign()).await.assert_invalid("expired");
    assert_eq!(client.requests(), [""; 0]);
    // Only what could be right is worth a request, and only to the configured issuer.
    let token = issuer.token(AUDIENCE).header("jku", "https://evil.example/jwks");
    assert_eq!(api.token(token.sign()).await.status, 503);
    assert!(client.requests().iter().all(|url| url.starts_with(ISSUER)), "{:?}", client.requests());
}

#[tokio::test]
async fn the_audience_is_one_string_or_a_list_of_strings_and_matches_as_a_whole() {
    // covers: JWT-006, JWT-007, JWT-009, JWT-026, HT-017
    // The second audience is in composed form (NFC).
    let (issuer, apis, _) =
        both_with(|issuer| issuer, |server| server.audience("https://api.example.com/\u{e9}"));
    let admitted = [
        json!(AUDIENCE),
        json!([AUDIENCE]),
        json!(["https://other.example.com", AUDIENCE]),
        json!([AUDIENCE, AUDIENCE]),
        json!("https://api.example.com/\u{e9}"),
    ];
    let refused = [
        json!([]),
        json!(["https://other.example.com"]),
        json!(""),
        json!([""]),
        json!("*"),
        json!("https://*.example.com"),
        json!("https://api.example.com.evil"),
        json!("https://api.example.com/"),
        json!("https://api.example.com/orders"),
        json!("https://api.example.com/e\u{301}"),
        json!("https://api.example.com/E\u{301}"),
        json!("HTTPS://API.EXAMPLE.COM"),
        json!("https://API.example.com"),
        json!("https://api.example.co"),
        json!("api.example.com"),
        json!("https://api.example.com https://other.example.com"),
        json!("https://api.example.com,https://other.example.com"),
        json!(format!(" {AUDIENCE}")),
        json!(format!("[\"{AUDIENCE}\"]")),
        json!("client-1"),
    ];
    for api in &apis {
        for aud in &admitted {
            api.token(issuer.token(AUDIENCE).claim("aud", aud.clone()).sign()).await.assert_admitted();
        }
        let escaped = with_raw("aud", r#"["x","https:\/\/api.example.com\/\u00e9"]"#);
        api.token(signed(&issuer, escaped)).await.assert_admitted();
        for aud in &refused {
            println!("{aud}");
            let answer = api.token(issuer.token(AUDIENCE).claim("aud", aud.clone()).sign()).await;
            answer.assert_invalid("wrong_audience");
        }
    }
}

#[tokio::test]
async fn tokens_of_another_kind_are_refused_even_where_typ_does_not_tell() {
    // covers: JWT-018, JWT-019, JWT-020, HT-021
    let (issuer, [strict, plain], _) = both();
    let logout = json!({ "http://schemas.openid.net/event/backchannel-logout": {} });
    for (name, value) in [
        ("nonce", json!("n-0S6_WzA2Mj")),
        ("nonce", json!(0)),
        ("at_hash", json!("77QmUPtjPfzWtF2AnpK9RQ")),
        ("c_hash", json!("LDktKdoQak3Pk0cnXxCltA")),
        ("s_hash", json!(false)),
        ("events", logout),
        ("events", json!({})),
        ("nonce", Value::Null),
        ("events", Value::Null),
        ("token_use", json!("id")),
        ("token_use", json!(["access"])),
        ("typ", json!("ID")),
        ("typ", json!("Refresh")),
        ("code", json!("SplxlOBeZQQYbYS6WxSbIA")),
        ("token_introspection", json!({ "active": true })),
        ("htm", json!("GET")),
        ("htu", json!("https://api.example.com/")),
        ("vp", json!({})),
        ("vc", json!({})),
    ] {
        for typ in [Value::Null, json!("JWT"), json!("at+jwt")] {
            println!("{name}: {value}, typ {typ}");
            let token = issuer.token(AUDIENCE).claim(name, value.clone()).header("typ", typ.clone()).sign();
            plain.token(&token).await.assert_invalid("wrong_type");
            match typ == "at+jwt" {
                // RFC 9068 §4: the explicit type is what tells.
                true => strict.token(&token).await.assert_admitted(),
                false => strict.token(&token).await.assert_invalid("wrong_type"),
            }
        }
    }
    // What only looks alike is no mark.
    for (name, value) in [("token_use", "access"), ("typ", "Bearer"), ("typ", "id"), ("Nonce", "x")] {
        let token = issuer.token(AUDIENCE).claim(name, value).without_header("typ").sign();
        plain.token(&token).await.assert_admitted();
    }
    // An ID token of the same issuer, whose audience is the client.
    let id_token = issuer.token("client-1").header("typ", Value::Null).claim("auth_time", NOW).sign();
    plain.token(&id_token).await.assert_invalid("wrong_audience");
    strict.token(&id_token).await.assert_invalid("wrong_type");
}

#[tokio::test]
async fn a_token_must_not_live_longer_than_the_configured_time() {
    // covers: JWT-016, JWT-029
    let day = Duration::from_secs(86_400);
    let (issuer, [strict, plain], _) = both_with(|issuer| issuer.max_token_lifetime(day), |server| server);
    let token = |iat: u64, exp: u64| issuer.token(AUDIENCE).claim("iat", iat).claim("exp", exp);
    for (iat, exp, good) in [
        (NOW, NOW + 86_400, true),
        (NOW, NOW + 86_401, false),
        (NOW - 86_000, NOW + 400, true),
        (NOW - 86_000, NOW + 401, false),
        (NOW + 30, NOW + 86_430, true),
        (NOW, NOW + 315_360_000, false),
        (0, NOW + 300, false),
        (NOW, 253_402_300_799, false),
    ] {
        for api in [&strict, &plain] {
            let answer = api.token(token(iat, exp).sign()).await;
            match good {
                true => answer.assert_admitted(),
                false => answer.assert_invalid("lives_too_long"),
            }
        }
    }
    plain.token(token(0, NOW + 86_400).without("iat").sign()).await.assert_admitted();
    plain.token(token(0, NOW + 86_401).without("iat").sign()).await.assert_invalid("lives_too_long");
}

#[tokio::test]
async fn a_bound_token_is_refused_whatever_it_is_bound_to() {
    // covers: DPP-026, DPP-027, DPP-041, DPP-042, MTL-008
    let (issuer, apis, _) = both();
    let token = issuer.token(AUDIENCE);
    for cnf in [
        json!({ "jkt": "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I" }),
        json!({ "x5t#S256": "A4DtL2JmUMhAsvJj5tKyn64SqzmuXbMrJa0n761y5v0" }),
        json!({ "jwk": { "kty": "EC" } }),
        json!({ "unheard-of": 1 }),
        json!({ "jkt": null }),
        json!({ "jkt": 5 }),
        json!({ "jkt": "0ZcOCORZNYy" }),
        json!({}),
        json!([]),
        json!(""),
        json!("x"),
        json!(0),
        json!(false),
    ] {
        println!("{cnf}");
        for api in &apis {
            let answer = api.token(token.clone().claim("cnf", cnf.clone()).sign()).await;
            answer.assert_invalid("binding_not_verified");
            // With something that looks like a proof, too: there is nobody to verify it.
            let request = http::Request::get("/").header("dpop", "eyJ0eXAiOiJkcG9wK2p3dCJ9.e30.AA");
            let bound = token.clone().claim("cnf", cnf.clone()).sign();
            let request = request.header("authorization", format!("Bearer {bound}"));
            api.send(request.body(()).unwrap()).await.assert_invalid("binding_not_verified");
        }
    }
    for api in &apis {
        api.token(token.clone().claim("cnf", Value::Null).sign()).await.assert_admitted();
        api.token(token.clone().claim("CNF", json!({})).sign()).await.assert_admitted();
    }
}

#[tokio::test]
async fn a_token_that_is_not_valid_is_never_asked_what_it_grants() {
    // covers: JWT-032
    let (issuer, server, _) = Api::parts();
    let api = Api::new(server.build().unwrap().require(scope("orders:write")));
    let token = issuer.token(AUDIENCE);
    api.token(token.clone().sign()).await.assert_denied(Some("orders:write"));
    for (name, value, code) in [
        ("exp", json!(NOW - 3600), "expired"),
        ("iss", json!("https://evil.example"), "wrong_issuer"),
        ("aud", json!("https://other.example.com"), "wrong_audience"),
        ("cnf", json!({}), "binding_not_verified"),
    ] {
        for scope in ["other", "orders:write"] {
            api.token(token.clone().scope(scope).claim(name, value.clone()).sign())
                .await
                .assert_invalid(code);
        }
    }
    api.token(token.scope("orders:write").sign()).await.assert_admitted();
}

#[tokio::test]
async fn an_empty_subject_is_no_subject() {
    // covers: JWT-021
    let (issuer, apis, _) = both();
    for api in &apis {
        api.token(issuer.token(AUDIENCE).subject("").sign()).await.assert_invalid("missing_claim");
        api.token(issuer.token(AUDIENCE).subject(" ").sign()).await.assert_admitted();
    }
}

#[tokio::test]
async fn every_failed_check_of_a_token_is_answered_with_invalid_token() {
    // covers: CHL-004
    let (issuer, apis, _) = both();
    for flaw in Flaw::ALL {
        apis[0].token(issuer.token(AUDIENCE).flaw(flaw).sign()).await.assert_invalid(flaw.code());
    }
    apis[0].token(issuer.token(AUDIENCE).sign()).await.assert_admitted();
}

#[tokio::test]
async fn error_and_description_stay_within_their_characters_whatever_the_token_says() {
    // covers: CHL-010, CHL-013
    let (issuer, api) = Api::requiring(scope("a").and(role("b")));
    let hostile = "\"\n\u{e9}\\\r\nSet-Cookie: x=y\0";
    let token = issuer.token(AUDIENCE).subject(hostile).scope(hostile).roles([hostile]);
    let mut tokens: Vec<_> = Flaw::ALL.into_iter().map(|flaw| token.clone().flaw(flaw).sign()).collect();
    tokens.extend(
        ["iss", "aud", "sub", "exp", "nbf", "iat", "jti", "client_id"]
            .map(|name| token.clone().claim(name, hostile).sign()),
    );
    tokens
        .extend(["typ", "kid", "alg", "cty", "crit"].map(|name| token.clone().header(name, hostile).sign()));
    tokens.push(token.sign());
    for token in tokens {
        let answer = api.token(token).await;
        let challenge = portcullis::testing::Challenge::all(&answer.headers).remove(0);
        for name in ["error", "error_description"] {
            let value = challenge.parameter(name).unwrap();
            let allowed = |octet: u8| matches!(octet, 0x20..=0x21 | 0x23..=0x5B | 0x5D..=0x7E);
            assert!(!value.is_empty() && value.bytes().all(allowed), "{value:?}");
        }
        assert!(!answer.headers.contains_key("set-cookie"));
    }
}
