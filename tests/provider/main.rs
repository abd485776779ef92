//! A process in which nobody but this crate's backend uses `jsonwebtoken`: it touches the provider it was handed, and
//! never the default of the process.
#![expect(clippy::unwrap_used, reason = "a test fails where it stands")]

use std::convert::Infallible;
use std::sync::atomic::{AtomicUsize, Ordering};

use http::{Request, Response, StatusCode};
use jsonwebtoken::crypto::{CryptoProvider, JwtSigner, JwtVerifier, KeyUtils, aws_lc};
use jsonwebtoken::errors::{Error, ErrorKind};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey};
use portcullis::testing::{Flaw, Issuer};
use portcullis::{
    HmacAlgorithm, HmacKey, Rejection, RequireLayer, ResourceServer, SignatureAlgorithm, SignatureBackend,
    TrustedIssuer, authenticated,
};
use tower::{ServiceExt as _, service_fn};

const AUDIENCE: &str = "https://api.example.com";

static CALLS: AtomicUsize = AtomicUsize::new(0);

/// Counts what it is asked for.
static COUNTING: CryptoProvider = CryptoProvider {
    signer_factory: never_signs,
    verifier_factory: |algorithm: &Algorithm, key: &DecodingKey| -> Result<Box<dyn JwtVerifier>, Error> {
        CALLS.fetch_add(1, Ordering::SeqCst);
        (aws_lc::DEFAULT_PROVIDER.verifier_factory)(algorithm, key)
    },
    key_utils: KeyUtils::new_unimplemented(),
};

fn never_signs(_: &Algorithm, _: &EncodingKey) -> Result<Box<dyn JwtSigner>, Error> {
    Err(ErrorKind::InvalidAlgorithm.into())
}

async fn answer(layer: &RequireLayer, token: String) -> (StatusCode, Option<&'static str>) {
    let inner = service_fn(async |_: Request<()>| Ok::<_, Infallible>(Response::new(String::new())));
    let request = Request::get("/").header("authorization", format!("Bearer {token}")).body(()).unwrap();
    let response = layer.layer(inner).oneshot(request).await.unwrap();
    (response.status(), response.extensions().get().map(Rejection::code))
}

fn layer(issuer: TrustedIssuer) -> RequireLayer {
    let backend = SignatureBackend::jsonwebtoken(&COUNTING);
    let server = ResourceServer::builder(issuer);
    server.audience(AUDIENCE).with_signature_backend(backend).build().unwrap().require(authenticated())
}

#[tokio::test]
async fn only_the_provider_that_was_handed_over_is_used() {
    let issuer = Issuer::offline("https://id.example.com");
    for algorithm in SignatureAlgorithm::ALL {
        assert!(!issuer.key_id(algorithm).is_empty());
    }
    let trusted = || TrustedIssuer::new(issuer.url());
    let secret = HmacKey::new(HmacAlgorithm::Hs256, &[0xA7; 32]).unwrap();
    let token = issuer.token(AUDIENCE);
    let signed = layer(trusted().jwk_set(issuer.jwk_set()));
    let secured = layer(trusted().hmac_key(secret.clone()));
    let invalid = |code| (StatusCode::UNAUTHORIZED, Some(code));
    let admitted = (StatusCode::OK, None);
    for (layer, token, expected, calls) in [
        (&signed, token.clone(), admitted, 1),
        (&signed, token.clone().algorithm(SignatureAlgorithm::Rs256), admitted, 1),
        (&signed, token.clone().algorithm(SignatureAlgorithm::Ed25519), admitted, 1),
        (&signed, token.clone().flaw(Flaw::BadSignature), invalid("bad_signature"), 1),
        (&secured, token.clone().hmac_key(secret.clone()), admitted, 1),
        (&secured, token.clone().hmac_key(secret).flaw(Flaw::BadSignature), invalid("bad_signature"), 1),
        // What is refused for another reason costs no verification.
        (&signed, token.clone().algorithm(SignatureAlgorithm::Es512), invalid("algorithm_not_allowed"), 0),
        (&signed, token.clone().flaw(Flaw::Expired), invalid("expired"), 0),
        (&secured, token, invalid("algorithm_not_allowed"), 0),
    ] {
        let before = CALLS.load(Ordering::SeqCst);
        assert_eq!(answer(layer, token.sign()).await, expected);
        assert_eq!(CALLS.load(Ordering::SeqCst) - before, calls);
    }
    // Whoever asks for the default fixes it: it would be too late to install one.
    assert!(COUNTING.install_default().is_ok(), "the default of the process was used");
    assert!(COUNTING.install_default().is_err());
}
