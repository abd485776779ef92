//! The cases that both benches run, in groups.

use std::convert::Infallible;

use axum::body::Body;
use http::{Request, Response};
use portcullis::testing::{Flaw, Issuer, TokenBuilder, validate};
use portcullis::{
    JwkSet, ResourceServer, ResourceServerBuilder, SignatureAlgorithm, TrustedIssuer, Validation, all_scopes,
    authenticated, scope,
};
use serde_json::Value;
use tower::service_fn;

use super::case::{Case, Group, request, router};
use super::introspection;
use super::policy;
use super::token::{issuer, raw_verification, server, small, usual};

/// Every group. Each is made when its turn comes.
pub(crate) fn groups() -> impl Iterator<Item = Group> {
    let admitted = SignatureAlgorithm::ALL.into_iter().map(admitted);
    let refused = [SignatureAlgorithm::Rs256, SignatureAlgorithm::Es256].into_iter().map(refused);
    let growth = [more_keys, more_issuers, more_scopes, larger_tokens].into_iter().map(|group| group());
    admitted.chain(refused).chain(growth).chain(introspection::groups()).chain(policy::groups())
}

/// A valid token, verified anew each time.
fn admitted(algorithm: SignatureAlgorithm) -> Group {
    let issuer = issuer(algorithm);
    let token = usual(&issuer, algorithm).sign();
    let auth = protected(&issuer);
    let policy = || all_scopes(["orders:read", "orders:write"]);
    let around = || auth.require(policy()).layer(router());
    let empty = service_fn(async |_: Request<Body>| Ok::<_, Infallible>(Response::new(String::new())));

    let valid = Some(token.as_str());
    let bare = "bare";
    let cases = vec![
        raw_verification(&issuer, algorithm, &token),
        {
            let (auth, request) = (auth.clone(), request(valid));
            let valid = move || matches!(validate(&auth, &request), Validation::Ready(Ok(_)));
            Case::new("validate alone", valid)
        },
        Case::answered("empty service", valid, empty, 200),
        Case::answered("layer around the empty service", valid, auth.require(policy()).layer(empty), 200)
            .over("empty service"),
        Case::answered(bare, valid, router(), 200),
        Case::answered("layer around the router", valid, around(), 200).over(bare),
        Case::answered("layer in Router::layer", valid, router().layer(auth.require(policy())), 200)
            .over(bare),
        Case::answered(
            "two layers around the router",
            valid,
            auth.require(authenticated()).layer(around()),
            200,
        )
        .over(bare),
    ];
    Group { title: format!("admitted: {algorithm}, token of {} bytes", token.len()), cases }
}

/// What is refused, twice: around the router, over building the same request (all that a refusal costs); and in
/// `Router::layer`, over the bare route answering the same request (what the layer adds where it refuses).
fn refused(algorithm: SignatureAlgorithm) -> Group {
    let issuer = issuer(algorithm);
    let token = usual(&issuer, algorithm);
    let auth = protected(&issuer);
    let (valid, junk) = (token.clone().sign(), "junk".to_owned());
    let mut cases = vec![raw_verification(&issuer, algorithm, &valid)];
    let kinds = [("no header", None), ("junk", Some(junk.clone())), ("token", Some(valid))];
    for (kind, token) in kinds {
        cases.push(Case::answered(format!("bare, {kind}"), token.as_deref(), router(), 200));
        let made = move || request(token.as_deref()).uri().path() == "/orders";
        cases.push(Case::new(format!("request, {kind}"), made));
    }
    let wrong = |flaw| Some(token.clone().flaw(flaw).sign());
    for (name, kind, token) in [
        ("no header", "no header", None),
        ("junk", "junk", Some(junk)),
        ("unknown kid", "token", wrong(Flaw::UnknownKey)),
        ("expired", "token", wrong(Flaw::Expired)),
        ("wrong issuer", "token", wrong(Flaw::WrongIssuer)),
        ("wrong audience", "token", wrong(Flaw::WrongAudience)),
        ("bad signature", "token", wrong(Flaw::BadSignature)),
    ] {
        let (around, inside) =
            (auth.require(authenticated()).layer(router()), router().layer(auth.require(authenticated())));
        let token = token.as_deref();
        cases.extend([
            Case::answered(format!("refuse: {name}"), token, around, 401).over(format!("request, {kind}")),
            Case::answered(format!("refuse: {name}, in Router::layer"), token, inside, 401)
                .over(format!("bare, {kind}")),
        ]);
    }
    Group { title: format!("refused: {algorithm}"), cases }
}

/// One key among many.
fn more_keys() -> Group {
    let issuer = issuer(SignatureAlgorithm::Rs256);
    let token = usual(&issuer, SignatureAlgorithm::Rs256).sign();
    let own = issuer.jwks_json()["keys"].as_array().unwrap().last().unwrap().clone();
    let cases = [1, 10, 100, 1_000].map(|count| {
        let other = |number| {
            let mut key = own.clone();
            key["kid"] = format!("another-key-{number}").into();
            key
        };
        let keys: Vec<Value> = (1..count).map(other).chain([own.clone()]).collect();
        let set = JwkSet::from_json(&serde_json::json!({ "keys": keys }).to_string()).unwrap();
        assert_eq!(set.len(), count);
        let auth = server(&issuer, set).build().unwrap();
        let service = auth.require(authenticated()).layer(router());
        Case::answered(format!("{count:>4} keys"), Some(&token), service, 200)
    });
    Group { title: "growth: RS256, keys".to_owned(), cases: cases.into() }
}

/// One issuer among many. The others are known and have not been asked for their keys.
fn more_issuers() -> Group {
    let own = issuer(SignatureAlgorithm::Rs256);
    let token = usual(&own, SignatureAlgorithm::Rs256).sign();
    let cases = [1, 10, 100, 1_000, 10_000].map(|count| {
        let others =
            (1..count).map(|number| TrustedIssuer::new(format!("https://tenant-{number}.example.com")));
        let builder = others.fold(server(&own, own.jwk_set()), ResourceServerBuilder::issuer);
        let service = builder.build().unwrap().require(authenticated()).layer(router());
        Case::answered(format!("{count:>5} issuers"), Some(&token), service, 200)
    });
    Group { title: "growth: RS256, issuers".to_owned(), cases: cases.into() }
}

/// One scope among many, in tokens of the same size.
fn more_scopes() -> Group {
    let issuer = issuer(SignatureAlgorithm::Rs256);
    let padded = |count: usize| {
        let scopes: Vec<_> =
            (1..count).map(|number| format!("area-{number:02}:read")).chain(["orders:read".into()]).collect();
        let scopes = scopes.join(" ");
        let padding = "x".repeat(1000 - scopes.len());
        usual(&issuer, SignatureAlgorithm::Rs256).scope(&scopes).claim("padding", padding)
    };
    let tokens = [1, 10, 50].map(|count| (format!("{count:>4} scopes"), padded(count)));
    growth(&issuer, "scopes", tokens.into())
}

/// Tokens full of groups, as directories send them. The smallest is what RFC 9068 asks for: half of it is the signature.
fn larger_tokens() -> Group {
    let issuer = issuer(SignatureAlgorithm::Rs256);
    let with_groups = |count: usize| {
        let groups: Vec<_> = (0..count).map(|number| format!("department-{number:05}")).collect();
        small(&issuer, SignatureAlgorithm::Rs256).scope("orders:read").claim("groups", groups)
    };
    // Each group adds 19 bytes of JSON and a third more of base64url.
    let counts = [0, 10, 50, 130, 290];
    let tokens = counts.map(|count| (format!("{count:>4} groups,"), with_groups(count)));
    growth(&issuer, "size of the token", tokens.into())
}

fn growth(issuer: &Issuer, what: &str, tokens: Vec<(String, TokenBuilder)>) -> Group {
    let auth = protected(issuer);
    let case = |(name, token): (String, TokenBuilder)| {
        let token = token.sign();
        let service = auth.require(scope("orders:read")).layer(router());
        Case::answered(format!("{name} {} bytes", token.len()), Some(&token), service, 200)
    };
    Group { title: format!("growth: RS256, {what}"), cases: tokens.into_iter().map(case).collect() }
}

/// A server with the issuer's keys as they are now.
fn protected(issuer: &Issuer) -> ResourceServer {
    server(issuer, issuer.jwk_set()).build().unwrap()
}
