//! The same answers whatever library verifies.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};

use http::StatusCode;
use jsonwebtoken::crypto::{CryptoProvider, JwtVerifier, KeyUtils, aws_lc};
use jsonwebtoken::errors::{Error, ErrorKind};
use jsonwebtoken::{Algorithm, DecodingKey, jwk, signature};
use portcullis::SignatureAlgorithm::{
    self, Ed25519, EdDsa, Es256, Es384, Es512, Ps256, Ps384, Ps512, Rs256, Rs384, Rs512,
};
use portcullis::{
    ConfigError, ConfigProblem, JwkSet, JwkSetError, Profile, ResourceServer, ResourceServerBuilder,
    SignatureBackend, TrustedIssuer, authenticated,
};
use serde_json::json;

use super::published::{Published, RFC_7515_A2, RFC_7515_A3, RFC_7515_A4, RFC_8037_A4};
use super::{KEYS, decode, parts, resigned, server};
use crate::support::{AUDIENCE, Answer, Api, ISSUER, NOW};

/// Another backend than the default one.
pub(super) fn provided() -> SignatureBackend {
    SignatureBackend::jsonwebtoken(&aws_lc::DEFAULT_PROVIDER)
}

/// A server with fixed keys, to be built with any backend.
#[derive(Clone)]
pub(crate) struct Server(TrustedIssuer);

impl Server {
    pub(super) fn new(set: JwkSet) -> Self {
        Self(TrustedIssuer::new(ISSUER).jwk_set(set))
    }

    pub(crate) fn algorithms<const N: usize>(self, algorithms: [SignatureAlgorithm; N]) -> Self {
        Self(self.0.algorithms(algorithms))
    }

    pub(crate) fn profile(self, profile: Profile) -> Self {
        Self(self.0.profile(profile))
    }

    /// With the default backend.
    pub(crate) fn build(self) -> Result<ResourceServer, ConfigError> {
        self.builder().build()
    }

    fn builder(self) -> ResourceServerBuilder {
        let clock = portcullis::testing::ManualClock::at(NOW);
        ResourceServer::builder(self.0).audience(AUDIENCE).with_clock(clock)
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.clone().builder())
    }
}

/// One API for each backend. What one says, the other says, too.
pub(crate) struct Both {
    default: Api,
    provided: Option<Api>,
}

pub(crate) fn both(server: Server) -> Both {
    let api = |server: ResourceServer| Api::new(server.require(authenticated()));
    let default = api(server.clone().build().unwrap());
    let provided = match server.builder().with_signature_backend(provided()).build() {
        Ok(server) => Some(api(server)),
        // It has fewer algorithms, and these keys or this list are of none that it has.
        Err(error) => {
            let codes: Vec<_> = error.problems().iter().map(ConfigProblem::code).collect();
            assert!(matches!(*codes, ["no_usable_key"] | ["unsupported_algorithm", ..]), "{error}");
            None
        }
    };
    Both { default, provided }
}

impl Both {
    pub(crate) async fn token(&self, token: impl AsRef<str>) -> Answer {
        let answer = self.default.token(&token).await;
        if let Some(provided) = &self.provided {
            let other = provided.token(&token).await;
            if lacks_algorithm(token.as_ref()) {
                assert_eq!((other.status, other.inner_calls), (StatusCode::UNAUTHORIZED, 0), "{other:?}");
            } else {
                assert_eq!((other.code(), other.inner_calls), (answer.code(), answer.inner_calls));
                assert_eq!((other.status, other.challenge()), (answer.status, answer.challenge()));
            }
        }
        answer
    }
}

/// Whether the token names an algorithm that only the default backend has.
fn lacks_algorithm(token: &str) -> bool {
    use base64::Engine as _;
    let header = token.split('.').next().unwrap_or_default();
    let header = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(header).unwrap_or_default();
    let header: serde_json::Value = serde_json::from_slice(&header).unwrap_or_default();
    header["alg"].as_str().is_some_and(|name| name == "ES512" || name.starts_with("ML-DSA-"))
}

pub(super) fn codes(server: ResourceServerBuilder) -> Vec<&'static str> {
    let error = server.build().unwrap_err();
    error.problems().iter().map(ConfigProblem::code).collect()
}

fn never_signs(
    _: &Algorithm,
    _: &jsonwebtoken::EncodingKey,
) -> Result<Box<dyn jsonwebtoken::crypto::JwtSigner>, Error> {
    Err(ErrorKind::InvalidAlgorithm.into())
}

type VerifierFactory = fn(&Algorithm, &DecodingKey) -> Result<Box<dyn JwtVerifier>, Error>;

fn provider(verifier_factory: VerifierFactory) -> SignatureBackend {
    let key_utils = KeyUtils::new_unimplemented();
    SignatureBackend::jsonwebtoken(&CryptoProvider {
        signer_factory: never_signs,
        verifier_factory,
        key_utils,
    })
}

#[tokio::test]
async fn a_backend_has_its_algorithms_and_takes_no_other() {
    // covers: JWS-011
    assert_eq!(SignatureBackend::default().algorithms().collect::<Vec<_>>(), SignatureAlgorithm::ALL);
    let has: Vec<_> = provided().algorithms().collect();
    assert_eq!(has, [EdDsa, Ed25519, Es256, Es384, Ps256, Ps384, Ps512, Rs256, Rs384, Rs512]);
    let keys = || server(&KEYS.jwks_json());
    let build = |server: Server| server.builder().with_signature_backend(provided()).build();
    let api = Api::new(build(keys()).unwrap().require(authenticated()));
    for algorithm in SignatureAlgorithm::ALL {
        println!("{algorithm}");
        let answer = api.token(KEYS.token(AUDIENCE).algorithm(algorithm).sign()).await;
        if has.contains(&algorithm) {
            answer.assert_admitted();
            let _ = build(keys().algorithms([algorithm])).unwrap();
        } else {
            answer.assert_invalid("algorithm_not_allowed");
            let error = build(keys().algorithms([Es256, algorithm])).unwrap_err();
            let problem = &error.problems()[0];
            assert_eq!((problem.code(), error.problems().len()), ("unsupported_algorithm", 1));
            assert_eq!(
                problem.to_string(),
                format!("SignatureBackend(jsonwebtoken) does not have {algorithm}")
            );
        }
    }
}

#[cfg(feature = "fips")]
#[test]
fn the_fips_module_is_what_verifies() {
    assert_eq!(aws_lc_rs::try_fips_mode(), Ok(()));
}

#[tokio::test]
async fn the_battery_tries_both_backends() {
    let all = both(server(&KEYS.jwks_json()));
    assert!(all.provided.is_some());
    all.token(KEYS.token(AUDIENCE).algorithm(Es512).sign()).await.assert_admitted();
    assert!(both(server(&json!({ "keys": [RFC_7515_A4.public_jwk()] }))).provided.is_none());
}

#[tokio::test]
async fn a_provider_with_few_algorithms_serves_those() {
    // covers: JWS-011
    let only_es256 = || {
        provider(|algorithm, key| match algorithm {
            Algorithm::ES256 => (aws_lc::DEFAULT_PROVIDER.verifier_factory)(algorithm, key),
            _ => Err(ErrorKind::InvalidAlgorithm.into()),
        })
    };
    assert_eq!(only_es256().algorithms().collect::<Vec<_>>(), [Es256]);
    let keys = json!({ "keys": [RFC_7515_A2.public_jwk(), RFC_7515_A3.public_jwk()] });
    let server = server(&keys).builder().with_signature_backend(only_es256());
    let api = Api::new(server.build().unwrap().require(authenticated()));
    api.token(RFC_7515_A3.right_token(Es256)).await.assert_admitted();
    api.token(RFC_7515_A2.right_token(Rs256)).await.assert_invalid("algorithm_not_allowed");
    let rsa = super::server(&json!({ "keys": [RFC_7515_A2.public_jwk()] })).builder();
    assert_eq!(codes(rsa.with_signature_backend(only_es256())), ["no_usable_key"]);
    let nothing = provider(|_, _| Err(ErrorKind::InvalidAlgorithm.into()));
    let server = super::server(&keys).builder().with_signature_backend(nothing);
    assert_eq!(codes(server), ["unsupported_algorithm"]);
}

/// Says yes to everything, and counts.
struct Lax(Algorithm);

static LAX_CALLS: AtomicUsize = AtomicUsize::new(0);

impl signature::Verifier<Vec<u8>> for Lax {
    fn verify(&self, _: &[u8], _: &Vec<u8>) -> Result<(), signature::Error> {
        LAX_CALLS.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }
}

impl JwtVerifier for Lax {
    fn algorithm(&self) -> Algorithm {
        self.0
    }
}

#[tokio::test]
async fn the_length_of_a_signature_is_checked_before_any_library_sees_it() {
    // covers: JWS-018, JWS-030
    let lax = provider(|algorithm, _| Ok(Box::new(Lax(*algorithm))));
    let keys = [&RFC_7515_A2, &RFC_7515_A3, &RFC_8037_A4].map(Published::public_jwk);
    let server = server(&json!({ "keys": keys })).builder().with_signature_backend(lax);
    let api = Api::new(server.build().unwrap().require(authenticated()));
    for (key, algorithm) in
        [(&RFC_7515_A2, Rs256), (&RFC_7515_A2, Ps512), (&RFC_7515_A3, Es256), (&RFC_8037_A4, EdDsa)]
    {
        let token = key.right_token(algorithm);
        let length = decode(parts(&token)[2]).len();
        for wrong in [0, 1, length - 1, length + 1, 2 * length] {
            let before = LAX_CALLS.load(Ordering::SeqCst);
            api.token(resigned(&token, |_| vec![1; wrong])).await.assert_invalid("bad_signature");
            assert_eq!(LAX_CALLS.load(Ordering::SeqCst), before, "{algorithm}, {wrong} octets");
        }
        let before = LAX_CALLS.load(Ordering::SeqCst);
        api.token(resigned(&token, |_| vec![1; length])).await.assert_admitted();
        assert_eq!(LAX_CALLS.load(Ordering::SeqCst), before + 1);
    }
}

#[tokio::test]
async fn keys_of_the_other_crate_are_read_by_the_same_rules() {
    // covers: JWK-002, JWK-005
    let read = |json: serde_json::Value| serde_json::from_value::<jwk::Jwk>(json).unwrap();
    for (key, algorithm) in [(&RFC_7515_A2, Rs256), (&RFC_7515_A3, Es256), (&RFC_8037_A4, EdDsa)] {
        // The private members too, as somebody may have them.
        let json = key.jwk.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
        let set = JwkSet::try_from(read(json)).unwrap();
        assert_eq!(set.len(), 1);
        both(super::server_of(set)).token(key.right_token(algorithm)).await.assert_admitted();
    }
    let secret = json!({ "kty": "oct", "k": super::encode([0xA7; 32]) });
    let weak = json!({ "kty": "RSA", "n": super::encode([0xFF; 128]), "e": "AQAB" });
    let mut unknown = RFC_7515_A3.public_jwk();
    unknown["alg"] = json!("ES256-of-tomorrow");
    let mut encryption = RFC_7515_A2.public_jwk();
    encryption["use"] = json!("enc");
    let post_quantum =
        KEYS.jwks_json()["keys"].as_array().unwrap().iter().find(|key| key["kty"] == "AKP").unwrap().clone();
    let unusable = [secret, weak, unknown, encryption, post_quantum];
    for key in &unusable {
        assert_eq!(JwkSet::try_from(read(key.clone())).unwrap_err(), JwkSetError::UnusableKey, "{key}");
    }
    let mut keys: Vec<_> = unusable.into_iter().map(read).collect();
    assert!(JwkSet::try_from(jwk::JwkSet { keys: keys.clone() }).unwrap().is_empty());
    keys.push(read(RFC_7515_A3.public_jwk()));
    let set = JwkSet::try_from(jwk::JwkSet { keys: keys.clone() }).unwrap();
    assert_eq!(set.len(), 1);
    let apis = both(super::server_of(set));
    apis.token(RFC_7515_A3.right_token(Es256)).await.assert_admitted();
    apis.token(RFC_7515_A2.right_token(Rs256)).await.assert_invalid("unknown_key");
    let crowd = jwk::JwkSet { keys: keys.into_iter().cycle().take(1_001).collect() };
    assert_eq!(JwkSet::try_from(crowd).unwrap_err(), JwkSetError::TooManyKeys);
}
