//! The cases that both benches run.

use std::convert::Infallible;

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents,
};
use axum::body::Body;
use axum::{Router, routing::get};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures_util::FutureExt as _;
use http::{Request, Response};
use portcullis::testing::{Flaw, Issuer, TokenBuilder};
use portcullis::{ResourceServer, SignatureAlgorithm, all_scopes, authenticated};
use tower::{Service, ServiceExt as _, service_fn};

const AUDIENCE: &str = "https://api.example.com/orders";

/// One thing to measure.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    /// The case that this one is compared with.
    pub(crate) base: Option<&'static str>,
    /// Runs once and says whether it did what it should.
    pub(crate) run: Box<dyn FnMut() -> bool>,
}

impl Case {
    fn new(name: &'static str, run: impl FnMut() -> bool + 'static) -> Self {
        Self { name, base: None, run: Box::new(run) }
    }

    fn over(mut self, base: &'static str) -> Self {
        self.base = Some(base);
        self
    }
}

/// Everything that is measured for one algorithm, under a title. The first case is the unit `V`.
pub(crate) fn cases(algorithm: SignatureAlgorithm) -> (String, Vec<Case>) {
    let issuer = Issuer::offline("https://id.example.com/realms/main");
    let valid = token(&issuer, algorithm).sign();
    let auth =
        ResourceServer::builder(issuer.url()).audience(AUDIENCE).jwk_set(issuer.jwk_set()).build().unwrap();
    let policy = || all_scopes(["orders:read", "orders:write"]);
    let router = || Router::new().route("/orders", get(async || "orders"));
    let around = || auth.require(policy()).layer(router());
    let empty = service_fn(async |_: Request<Body>| Ok::<_, Infallible>(Response::new(String::new())));

    let (key, input, signature) = raw(&issuer, algorithm, &valid);
    let (made, title) = (valid.clone(), format!("{algorithm}, token of {} bytes", valid.len()));
    let mut cases = vec![
        Case::new("V: raw verify, key parsed once", move || key.verify_sig(&input, &signature).is_ok()),
        Case::new("request", move || request(Some(&made)).headers().len() == 1),
        admitted("empty service", &valid, empty),
        admitted("validate (layer around the empty service)", &valid, auth.require(policy()).layer(empty))
            .over("empty service"),
        admitted("bare", &valid, router()),
        admitted("layer around the router", &valid, around()).over("bare"),
        admitted("layer in Router::layer", &valid, router().layer(auth.require(policy()))).over("bare"),
        admitted("two layers around the router", &valid, auth.require(authenticated()).layer(around()))
            .over("bare"),
    ];
    let wrong = |flaw| token(&issuer, algorithm).flaw(flaw).sign();
    for (name, token) in [
        ("refuse: no header", None),
        ("refuse: junk", Some("junk".to_owned())),
        ("refuse: unknown kid", Some(wrong(Flaw::UnknownKey))),
        ("refuse: expired", Some(wrong(Flaw::Expired))),
        ("refuse: wrong audience", Some(wrong(Flaw::WrongAudience))),
        ("refuse: bad signature", Some(wrong(Flaw::BadSignature))),
    ] {
        let service = around();
        let refused = move || status(&mut service.clone(), request(token.as_deref())) == 401;
        cases.push(Case::new(name, refused).over("request"));
    }
    (title, cases)
}

fn admitted<S, R>(name: &'static str, token: &str, service: S) -> Case
where
    S: Service<Request<Body>, Response = Response<R>, Error = Infallible> + Clone + 'static,
{
    let token = token.to_owned();
    Case::new(name, move || status(&mut service.clone(), request(Some(&token))) == 200)
}

/// A token of the size that real issuers send: 12 claims, 6 scopes, 3 roles.
fn token(issuer: &Issuer, algorithm: SignatureAlgorithm) -> TokenBuilder {
    issuer
        .token(AUDIENCE)
        .algorithm(algorithm)
        .subject("248289761001-9b1deb4d-3b7d-4bad")
        .scope("openid profile orders:read orders:write invoices:read customers:read")
        .roles(["clerk", "accountant", "support"])
        .claim("client_id", "s6BhdRkqt3-backoffice-web")
        .claim("jti", "dbe39bf3a3ba4238a513f51d6e1691c4")
        .claim("tenant", "t-0815")
        .claim("auth_time", 1_767_225_000)
        .claim("acr", "urn:example:loa:2")
}

/// What the backend needs to verify the same token.
fn raw(issuer: &Issuer, algorithm: SignatureAlgorithm, token: &str) -> (ParsedPublicKey, Vec<u8>, Vec<u8>) {
    let decode = |text: &str| URL_SAFE_NO_PAD.decode(text).unwrap();
    let (input, signature) = token.rsplit_once('.').unwrap();
    let set = issuer.jwks_json();
    let keys = set["keys"].as_array().unwrap();
    let jwk = keys.iter().find(|jwk| jwk["alg"] == algorithm.name()).unwrap();
    let member = |name: &str| decode(jwk[name].as_str().unwrap());
    let key = match algorithm {
        SignatureAlgorithm::Rs256 => RsaPublicKeyComponents { n: member("n"), e: member("e") }
            .to_parsed_public_key(&RSA_PKCS1_2048_8192_SHA256)
            .unwrap(),
        _ => {
            let point = [vec![4], member("x"), member("y")].concat();
            ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).unwrap()
        }
    };
    (key, input.as_bytes().to_vec(), decode(signature))
}

fn request(token: Option<&str>) -> Request<Body> {
    let mut request = Request::get("/orders");
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    request.body(Body::empty()).unwrap()
}

/// Drives a service to its answer, which every one of these has at once.
fn status<S, R>(service: &mut S, request: Request<Body>) -> u16
where
    S: Service<Request<Body>, Response = Response<R>, Error = Infallible>,
{
    let ready = service.ready().now_or_never().unwrap().unwrap();
    ready.call(request).now_or_never().unwrap().unwrap().status().as_u16()
}
