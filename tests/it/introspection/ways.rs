//! Which kind of token it is, and who judges it: here, or the one issuer that is asked.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use portcullis::SignatureAlgorithm::Es256;
use portcullis::testing::{Flaw, ManualClock};
use portcullis::{
    ClientAuthentication, ConfigError, ConfigProblem, HmacAlgorithm, HmacKey, Introspection, ResourceServer,
    Secret, TrustedIssuer,
};

use super::site::{Reply, Site, api, introspection};
use crate::support::{AUDIENCE, Api, ISSUER, NOW};

fn encode(text: &str) -> String {
    URL_SAFE_NO_PAD.encode(text)
}

fn codes(error: &ConfigError) -> Vec<&'static str> {
    error.problems().iter().map(ConfigProblem::code).collect()
}

fn every_token(site: &Site) -> TrustedIssuer {
    let introspection = introspection().every_token().endpoint(site.endpoint());
    TrustedIssuer::new(site.issuer.url()).introspection(introspection.with_http_client(site.desk.clone()))
}

/// What nobody takes for a JWT: other numbers of parts, or a first part that is no object.
fn opaque_texts() -> Vec<String> {
    let header = encode(r#"{"alg":"ES256","typ":"at+jwt"}"#);
    let jwe = encode(r#"{"alg":"RSA-OAEP-256","enc":"A256GCM"}"#);
    vec![
        "a".to_owned(),
        "v1.abc.def".to_owned(),
        "v2.local.abc.def".to_owned(),
        "a.b".to_owned(),
        "..".to_owned(),
        ".".repeat(500),
        header.clone(),
        format!("{header}.e30"),
        format!("{header}.e30.AA.AA"),
        format!("{jwe}.AA.AA.AA.AA"),
        format!("{jwe}.AA.AA.AA.AA.AA"),
        format!("{}.e30.AA", encode("[]")),
        format!(".{header}.e30"),
        "eA.e30.AA".to_owned(),
        "EYJ.e30.AA".to_owned(),
        "e".repeat(3_000),
    ]
}

#[tokio::test]
async fn a_jwt_is_judged_here_and_its_issuer_is_never_asked() {
    let site = Site::new();
    let api = site.api();
    let token = || site.issuer.token(AUDIENCE);
    api.token(token().sign()).await.assert_admitted();
    for flaw in Flaw::ALL.into_iter().filter(|flaw| *flaw != Flaw::Encrypted) {
        api.token(token().flaw(flaw).sign()).await.assert_invalid(flaw.code());
    }
    let good = token().sign();
    let (start, signature) = good.rsplit_once('.').unwrap();
    let (header, payload) = start.split_once('.').unwrap();
    let none = encode(r#"{"alg":"none"}"#);
    for wrong in [
        format!("{none}.{payload}."),
        format!("{none}.{payload}.{signature}"),
        format!("{header}.{}.{signature}", encode("{}")),
        format!("{header}.{payload}.{}", &signature[1..]),
        format!("{header}.{payload}."),
        format!("{header}..{signature}"),
        format!("{header}.%.{signature}").replace('%', "~"),
        format!("{header}.{payload}.{signature}="),
        format!("{}.{payload}.{signature}", encode("{")),
        format!("{}.{payload}.{signature}", encode("{}")),
        format!("{}.{payload}.{signature}", encode(r#" {"alg":"none"}"#)),
        "eyJ.a.b".to_owned(),
        "ey..".to_owned(),
    ] {
        // Even if its issuer would call it active.
        site.issuer.answer_introspection(&wrong, format!(r#"{{"active":true,"aud":"{AUDIENCE}"}}"#));
        let refused = api.token(&wrong).await;
        refused.assert_invalid(refused.code());
    }
    // Nor is it revoked here.
    site.issuer.revoke(&good);
    api.token(&good).await.assert_admitted();
    assert_eq!(site.desk.asked().len(), 0);
}

#[tokio::test]
async fn whatever_is_no_jwt_goes_to_the_issuer_as_it_is() {
    // covers: INT-001
    let site = Site::new();
    let apis = [site.api(), api(&site.server(every_token(&site)).build().unwrap())];
    let local = TrustedIssuer::new(ISSUER).jwk_set(site.issuer.jwk_set());
    let local = api(&site.server(local).build().unwrap());
    for token in opaque_texts() {
        for api in &apis {
            site.issuer
                .answer_introspection(&token, format!(r#"{{"active":true,"sub":"a","aud":"{AUDIENCE}"}}"#));
            api.token(&token).await.assert_admitted();
            assert_eq!(site.desk.asked().last().unwrap().token, token);
        }
        // Where nobody is asked, it is no token.
        let refused = local.token(&token).await;
        refused.assert_invalid(refused.code());
    }
    let texts = opaque_texts().len();
    assert_eq!(site.desk.exchanges(), 2 * texts);
    site.advance(60);
    for token in opaque_texts() {
        site.issuer.revoke(&token);
        apis[0].token(&token).await.assert_invalid("inactive");
    }
    assert_eq!(site.desk.exchanges(), 3 * texts);
}

#[tokio::test]
async fn with_every_token_a_jwt_goes_to_the_issuer_that_it_names_and_to_nobody_else() {
    // covers: INT-018
    let site = Site::new();
    let server = site.server(every_token(&site)).build().unwrap();
    let api = api(&server);
    let token = || site.issuer.token(AUDIENCE);
    let good = token().sign();
    api.token(&good).await.assert_admitted();
    assert_eq!(site.desk.asked()[0].token, good);
    assert_eq!((site.desk.exchanges(), site.desk.looks()), (1, 0), "no keys are needed");
    // Of another issuer, of none, or of something else: refused without a question.
    let compact =
        |claims: &str| site.issuer.sign(Es256, r#"{"alg":"ES256","typ":"at+jwt"}"#, claims.as_bytes());
    for (wrong, code) in [
        (token().flaw(Flaw::WrongIssuer).sign(), "wrong_issuer"),
        (token().claim("iss", format!("{ISSUER}/")).sign(), "wrong_issuer"),
        (token().without("iss").sign(), "missing_claim"),
        (compact(r#"{"iss":null}"#), "missing_claim"),
        (compact(r#"{"iss":["https://id.example.com"]}"#), "malformed_token"),
        (compact(r#"{"iss":"https://id.example.com","iss":"https://id.example.com"}"#), "malformed_token"),
        (compact("[]"), "malformed_token"),
        (compact(""), "malformed_token"),
    ] {
        site.issuer.answer_introspection(&wrong, format!(r#"{{"active":true,"aud":"{AUDIENCE}"}}"#));
        api.token(&wrong).await.assert_invalid(code);
    }
    assert_eq!(site.desk.exchanges(), 1);
    // The others are for the issuer to judge, and for the rules here.
    api.token(token().flaw(Flaw::BadSignature).sign()).await.assert_invalid("inactive");
    api.token(token().flaw(Flaw::WrongAudience).sign()).await.assert_invalid("wrong_audience");
    site.issuer.revoke(&good);
    server.issuers().forget_token(&good);
    api.token(&good).await.assert_invalid("inactive");
    api.token(site.opaque()).await.assert_admitted();
    assert_eq!(site.desk.exchanges(), 5);
}

/// Four issuers: one whose tokens are JWTs, one with a prefix, one with another that has JWTs looked at as well, and one
/// with whatever else there is.
struct World {
    local: Site,
    github: Site,
    strict: Site,
    others: Site,
}

impl World {
    fn new() -> Self {
        let clock = ManualClock::at(NOW);
        let site = |name: &str| Site::of(&format!("https://{name}.example.com"), clock.clone());
        Self { local: site("local"), github: site("github"), strict: site("strict"), others: site("others") }
    }

    fn server(&self, with_default: bool) -> ResourceServer {
        let local = TrustedIssuer::new(self.local.issuer.url()).jwk_set(self.local.issuer.jwk_set());
        let strict = introspection().every_token().token_prefix("st.").endpoint(self.strict.endpoint());
        let strict = TrustedIssuer::new(self.strict.issuer.url())
            .introspection(strict.with_http_client(self.strict.desk.clone()));
        let server = self.local.server(local);
        let server = server.issuer(self.github.trusted(|it| it.token_prefix("gho_"))).issuer(strict);
        let server = if with_default { server.issuer(self.others.trusted(|it| it)) } else { server };
        server.build().unwrap()
    }

    fn sites(&self) -> [&Site; 4] {
        [&self.local, &self.github, &self.strict, &self.others]
    }

    /// How often each was asked so far.
    fn exchanges(&self) -> [usize; 4] {
        self.sites().map(|site| site.desk.asked().len())
    }

    /// Presents a token that every endpoint would call active, and says which endpoint was asked.
    async fn asks(&self, api: &Api, token: &str) -> (&'static str, Vec<usize>) {
        for site in self.sites() {
            site.issuer
                .answer_introspection(token, format!(r#"{{"active":true,"sub":"a","aud":"{AUDIENCE}"}}"#));
        }
        let before = self.exchanges();
        let code = api.token(token).await.code();
        let asked = before.iter().zip(self.exchanges()).enumerate();
        (code, asked.filter(|(_, (before, after))| **before != *after).map(|(at, _)| at).collect())
    }
}

#[tokio::test]
async fn with_several_issuers_each_token_has_one_way() {
    let world = World::new();
    let api = api(&world.server(true));
    let token = |site: &Site| site.issuer.token(AUDIENCE).sign();
    for (token, code, asked) in [
        (token(&world.local), "admitted", None),
        (token(&world.github), "admitted", None),
        (token(&world.strict), "admitted", Some(2)),
        (token(&world.others), "admitted", None),
        (world.local.issuer.token(AUDIENCE).flaw(Flaw::BadSignature).sign(), "bad_signature", None),
        (world.strict.issuer.token(AUDIENCE).flaw(Flaw::BadSignature).sign(), "admitted", Some(2)),
        (world.local.issuer.token(AUDIENCE).flaw(Flaw::WrongIssuer).sign(), "wrong_issuer", None),
        (world.local.issuer.token(AUDIENCE).without("iss").sign(), "missing_claim", None),
        ("gho_abc".to_owned(), "admitted", Some(1)),
        ("gho_".to_owned(), "admitted", Some(1)),
        ("gho_a.b.c".to_owned(), "admitted", Some(1)),
        ("gho-abc".to_owned(), "admitted", Some(3)),
        ("GHO_abc".to_owned(), "admitted", Some(3)),
        ("gho".to_owned(), "admitted", Some(3)),
        ("xgho_abc".to_owned(), "admitted", Some(3)),
        ("st.a.b".to_owned(), "admitted", Some(2)),
        ("st.".to_owned(), "admitted", Some(2)),
        ("st_a".to_owned(), "admitted", Some(3)),
        ("opaque".to_owned(), "admitted", Some(3)),
    ] {
        assert_eq!(world.asks(&api, &token).await, (code, asked.into_iter().collect()), "{token}");
    }
    // What one of them does not know, another is not asked about, nor where one is down.
    for site in world.sites() {
        site.issuer.revoke("gho_revoked");
        site.desk.on(|_| Reply::Status(500));
    }
    world.github.desk.mend();
    let before = world.exchanges();
    api.token("gho_revoked").await.assert_invalid("inactive");
    world.github.desk.on(|_| Reply::Status(500));
    api.token("gho_down").await.assert_unavailable(1);
    assert_eq!(world.exchanges(), [before[0], before[1] + 2, before[2], before[3]]);
}

#[tokio::test]
async fn what_no_issuer_claims_is_no_token_and_nobody_is_asked() {
    let world = World::new();
    let server = world.server(false);
    let api = api(&server);
    for token in opaque_texts() {
        assert_eq!(world.asks(&api, &token).await, ("malformed_token", vec![]), "{token}");
    }
    api.token("opaque").await.assert_invalid("malformed_token");
    assert_eq!(world.asks(&api, "gho_abc").await, ("admitted", vec![1]));
    // The set of those who are asked changes with the issuers.
    assert!(server.issuers().remove(world.github.issuer.url()));
    assert_eq!(world.asks(&api, "gho_abcd").await, ("malformed_token", vec![]));
    server.issuers().insert(world.others.trusted(|it| it)).unwrap();
    assert_eq!(world.asks(&api, "gho_abcde").await, ("admitted", vec![3]));
}

#[tokio::test]
async fn issuers_whose_tokens_cannot_be_told_apart_are_no_configuration() {
    let sites: Vec<_> = ["a", "b", "c"]
        .map(|name| Site::of(&format!("https://{name}.example.com"), ManualClock::at(NOW)))
        .into();
    let trusted = |site: &Site, prefix: Option<&str>| {
        site.trusted(|it| if let Some(prefix) = prefix { it.token_prefix(prefix) } else { it })
    };
    for (prefixes, ambiguous) in [
        ([None, None, Some("a")], true),
        ([Some("a"), None, None], true),
        ([Some("a"), Some("a"), None], true),
        ([Some("ab"), Some("c"), Some("a")], true),
        ([Some("a"), Some("b"), Some("abc")], true),
        ([Some("a"), Some("b"), Some("c")], false),
        ([Some("ab"), Some("ac"), None], false),
        ([Some("a"), Some("A"), None], false),
        ([Some("ab"), Some("b"), Some("bb")], true),
    ] {
        let [first, second, third] = [0, 1, 2].map(|at| trusted(&sites[at], prefixes[at]));
        let server = sites[0].server(first.clone()).issuer(second.clone()).issuer(third.clone()).build();
        assert_eq!(server.is_err(), ambiguous, "{prefixes:?}");
        let Err(error) = server else { continue };
        assert_eq!(codes(&error), ["ambiguous_introspection"]);
        // One after the other: whoever cannot be told from those before changes nothing.
        let server = sites[0].server(first).build().unwrap();
        let issuers = server.issuers();
        let refused: Vec<_> =
            [second, third].into_iter().filter_map(|issuer| issuers.insert(issuer).err()).collect();
        assert_eq!(refused.len(), 1, "{prefixes:?}");
        assert_eq!(codes(&refused[0]), ["ambiguous_introspection"]);
        assert_eq!(issuers.status().len(), 2);
    }
    // An issuer makes way for itself, and one that is not asked is no conflict.
    let server = sites[0].server(trusted(&sites[0], None)).build().unwrap();
    let issuers = server.issuers();
    issuers.insert(trusted(&sites[0], None)).unwrap();
    issuers.insert(TrustedIssuer::new("https://b.example.com").jwk_set(sites[1].issuer.jwk_set())).unwrap();
    let error = issuers.insert(trusted(&sites[1], None)).unwrap_err();
    assert_eq!(codes(&error), ["ambiguous_introspection"]);
    let api = api(&server);
    api.token(sites[1].issuer.token(AUDIENCE).sign()).await.assert_admitted();
    api.token(sites[0].opaque()).await.assert_admitted();
    issuers.insert(trusted(&sites[0], Some("a_"))).unwrap();
    issuers.insert(trusted(&sites[1], None)).unwrap();
    api.token(sites[1].opaque()).await.assert_admitted();
}

#[test]
fn keys_that_nothing_is_verified_with_are_a_mistake() {
    let site = Site::new();
    let secret = || HmacKey::new(HmacAlgorithm::Hs256, &[7; 32]).unwrap();
    type Configure = fn(TrustedIssuer) -> TrustedIssuer;
    let configure: [(&str, Configure); 3] = [
        ("a place", |issuer| issuer.jwks_uri("https://id.example.com/jwks")),
        ("algorithms", |issuer| issuer.algorithms([Es256])),
        ("a file", |issuer| issuer.jwk_set_file("/nonexistent")),
    ];
    for (what, configure) in configure {
        let error = site.server(configure(every_token(&site))).build().unwrap_err();
        assert_eq!(codes(&error), ["unused_keys"], "{what}");
    }
    for trusted in [every_token(&site).jwk_set(site.issuer.jwk_set()), every_token(&site).hmac_key(secret())]
    {
        assert_eq!(codes(&site.server(trusted).build().unwrap_err()), ["unused_keys"]);
    }
    // Signed answers are verified, and JWTs where not every token is introspected.
    let signed = introspection().every_token().signed_answers().with_http_client(site.desk.clone());
    let signed = TrustedIssuer::new(ISSUER).introspection(signed).jwk_set(site.issuer.jwk_set());
    assert!(site.server(signed).build().is_ok());
    assert!(site.server(site.trusted(|it| it)).build().is_ok());
    assert!(site.server(every_token(&site)).build().is_ok());
}

#[test]
fn every_mistake_of_an_introspection_is_listed_at_once_with_no_secret() {
    // covers: INT-002, INT-013
    let site = Site::new();
    let missing = Secret::file("/nonexistent/private-is-the-content");
    let wrong = Introspection::new(ClientAuthentication::basic("", missing))
        .endpoint("http://user:private@id.example.com/introspect?private")
        .cache_lifetime(Duration::MAX)
        .max_cached_tokens(0)
        .token_prefix("")
        .client_as_audience("")
        .with_http_client(site.desk.clone());
    let trusted = TrustedIssuer::new(ISSUER).jwk_set(site.issuer.jwk_set()).introspection(wrong);
    let printed = format!("{trusted:?}");
    let error = site.server(trusted.clone()).build().unwrap_err();
    let expected = [
        "excessive_cache_lifetime",
        "no_cached_tokens",
        "invalid_token_prefix",
        "missing_client",
        "invalid_client_id",
        "unreadable_secret",
        "insecure_introspection_endpoint",
    ];
    let mut found = codes(&error);
    found.sort_unstable();
    let mut sorted = expected.to_vec();
    sorted.sort_unstable();
    assert_eq!(found, sorted);
    assert!(
        !format!("{printed} {error} {error:?}").replace("/private-is", "").contains("private"),
        "{error}"
    );
    // The same from `insert`, which changes nothing.
    let server = site.server(site.trusted(|it| it)).build().unwrap();
    let error = server.issuers().insert(trusted).unwrap_err();
    assert_eq!(error.problems().len(), expected.len());
    assert_eq!(site.desk.asked().len(), 0);
}

#[test]
fn each_limit_of_an_introspection_takes_what_is_on_it() {
    // covers: INT-013
    let site = Site::new();
    type Configure = fn(Introspection) -> Introspection;
    let rows: [(Configure, Option<&str>); 16] = [
        (|it| it.cache_lifetime(Duration::from_secs(300)), None),
        (|it| it.cache_lifetime(Duration::ZERO), None),
        (|it| it.cache_lifetime(Duration::new(300, 1)), Some("excessive_cache_lifetime")),
        (|it| it.cache_lifetime(Duration::MAX), Some("excessive_cache_lifetime")),
        (|it| it.inactive_lifetime(Duration::from_secs(300)), None),
        (|it| it.inactive_lifetime(Duration::new(300, 1)), Some("excessive_cache_lifetime")),
        (|it| it.inactive_lifetime(Duration::MAX), Some("excessive_cache_lifetime")),
        (|it| it.max_cached_tokens(1), None),
        (|it| it.max_cached_tokens(u32::MAX), None),
        (|it| it.max_cached_tokens(0), Some("no_cached_tokens")),
        (|it| it.token_prefix("a-._~+/1"), None),
        (|it| it.token_prefix("a b"), Some("invalid_token_prefix")),
        (|it| it.token_prefix("a="), Some("invalid_token_prefix")),
        (|it| it.token_prefix("\u{e4}"), Some("invalid_token_prefix")),
        (
            |it| it.endpoint("https://id.example.com/introspect#fragment"),
            Some("insecure_introspection_endpoint"),
        ),
        (|it| it.endpoint("introspect"), Some("insecure_introspection_endpoint")),
    ];
    for (at, (configure, expected)) in rows.into_iter().enumerate() {
        let server = site.server(site.trusted(configure)).build();
        let found = server.as_ref().err().map(codes).unwrap_or_default();
        assert_eq!(found, Vec::from_iter(expected), "{at}");
    }
}

#[tokio::test]
async fn as_many_tokens_are_kept_as_are_configured_and_not_many_more() {
    // covers: INT-012, INT-014
    let site = Site::new();
    let server = site.server(site.trusted(|it| it.max_cached_tokens(100))).build().unwrap();
    let api = api(&server);
    site.desk.on(|_| Reply::Json(format!(r#"{{"active":true,"sub":"a","aud":"{AUDIENCE}"}}"#)));
    for number in 0..3_000 {
        api.token(format!("token-{number}")).await.assert_admitted();
    }
    let kept = server.issuers().status().remove(0).introspection.unwrap().kept;
    assert!(kept <= 600, "{kept}");
    assert_eq!(site.desk.exchanges(), 3_000);
    // Who comes often is answered from memory all the while.
    for number in 0..3_000 {
        api.token(if number % 3 == 0 { "often".to_owned() } else { format!("other-{number}") })
            .await
            .assert_admitted();
    }
    let often = site.desk.asked().iter().filter(|asked| asked.token == "often").count();
    assert!(often < 100, "{often}");
}
