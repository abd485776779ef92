//! A token: its text, or its header and payload behind a right signature.

use std::sync::LazyLock;

use http::{HeaderValue, Request, header};
use jsonwebtoken::Algorithm;
use portcullis::{ProblemJson, Profile, RequireLayer, TrustedIssuer, authenticated};

use super::base64url::decode;
use super::claims::are_claims;
use super::json::Json;
use super::known::{AUDIENCE, ISSUER, KEY_ID, NOW, hmac_key, issuer, jwk_set, server, sign, signed};
use super::service::send;

/// A server, as the oracle sees it.
struct Api {
    algorithm: Algorithm,
    names: &'static [&'static str],
    profile: Profile,
    layer: RequireLayer<ProblemJson>,
}

/// One line is a token. Of more lines the first is a header and the rest a payload, and they are signed.
pub fn run(data: &[u8]) {
    static APIS: LazyLock<[Api; 2]> = LazyLock::new(|| {
        let (symmetric, asymmetric) = (issuer().hmac_key(hmac_key()), issuer().jwk_set(jwk_set()));
        let layer = |issuer: TrustedIssuer, profile| {
            server(issuer.profile(profile)).0.build().unwrap().problem_json().require(authenticated())
        };
        [
            Api {
                algorithm: Algorithm::HS256,
                names: &["HS256"],
                profile: Profile::PlainJwt,
                layer: layer(symmetric, Profile::PlainJwt),
            },
            Api {
                algorithm: Algorithm::EdDSA,
                names: &["EdDSA", "Ed25519"],
                profile: Profile::Rfc9068,
                layer: layer(asymmetric, Profile::Rfc9068),
            },
        ]
    });
    let token = match data.iter().position(|byte| *byte == b'\n') {
        None => String::from_utf8_lossy(data).into_owned(),
        Some(end) => {
            let (header, payload) = (&data[..end], &data[end + 1..]);
            let asymmetric = header.windows(2).any(|window| window == b"Ed");
            signed(if asymmetric { Algorithm::EdDSA } else { Algorithm::HS256 }, header, payload)
        }
    };
    for api in &*APIS {
        api.judges(&token);
    }
}

impl Api {
    fn judges(&self, token: &str) {
        let Ok(value) = HeaderValue::from_str(&format!("Bearer {token}")) else { return };
        let request = || Request::get("/").header(header::AUTHORIZATION, value.clone()).body(()).unwrap();
        let answer = send(&self.layer, request());
        assert_eq!(send(&self.layer, request()).code(), answer.code(), "the same token, the same answer");
        // What is no `token68` of 16 KiB is another target's.
        let code = answer.code();
        if !["malformed_credential", "oversized_credential"].contains(&code) {
            assert_eq!(answer.is_admitted(), self.takes(token), "{code}: {token}");
        }
    }

    fn takes(&self, token: &str) -> bool {
        let parts: Vec<_> = token.split('.').collect();
        let [header, payload, signature] = parts[..] else { return false };
        let json = |part| Json::strict(&String::from_utf8(decode(part)?).ok()?);
        let (Some(header), Some(payload)) = (json(header), json(payload)) else { return false };
        let Some((input, _)) = token.rsplit_once('.') else { return false };
        self.takes_header(&header) && self.takes_claims(&payload) && sign(self.algorithm, input) == signature
    }

    fn takes_header(&self, header: &Json) -> bool {
        let typ = media_type(header, "typ");
        let typ_fits = match self.profile {
            Profile::Rfc9068 => typ.as_deref() == Some("at+jwt"),
            _ => matches!(typ.as_deref(), None | Some("at+jwt" | "jwt")),
        };
        // One secret is not selected by `kid`.
        is_header(header, self.names)
            && typ_fits
            && (self.algorithm == Algorithm::HS256 || names_the_key(header))
    }

    fn takes_claims(&self, claims: &Json) -> bool {
        let text = |name| claims.claim(name).and_then(Json::text);
        let date = |name| claims.claim(name).and_then(Json::number);
        let (now, leeway) = (NOW as f64, 30.0);
        let kind = match self.profile {
            Profile::Rfc9068 => {
                ["sub", "client_id", "iat", "jti"].iter().all(|name| claims.claim(name).is_some())
            }
            _ => {
                let markers = [
                    "nonce",
                    "at_hash",
                    "c_hash",
                    "s_hash",
                    "events",
                    "code",
                    "token_introspection",
                    "htm",
                    "htu",
                    "vp",
                    "vc",
                ];
                markers.iter().all(|name| claims.get(name).is_none())
                    && claims.get("token_use").is_none_or(|value| value.text() == Some("access"))
                    && !matches!(text("typ"), Some("ID" | "Refresh" | "Offline" | "Logout"))
            }
        };
        are_claims(claims)
            && kind
            && text("iss") == Some(ISSUER)
            && claims.claim("aud").and_then(Json::texts).is_some_and(|all| all.contains(&AUDIENCE))
            && date("exp").is_some_and(|expires_at| now < expires_at + leeway)
            && date("nbf").is_none_or(|not_before| not_before <= now + leeway)
            && date("iat").is_none_or(|issued_at| issued_at <= now + leeway)
            // Bound tokens need a proof that nobody looks at yet.
            && claims.claim("cnf").is_none()
    }
}

/// A header with one of these algorithms that promises nothing we do not do, whatever its `typ` and `kid` are.
pub(super) fn is_header(header: &Json, algorithms: &[&str]) -> bool {
    let texts = ["alg", "kid", "typ", "cty"];
    let refused = ["crit", "b64", "jwk", "x5c", "enc", "zip"];
    header.is_object()
        && texts.iter().all(|name| header.get(name).is_none_or(|value| value.text().is_some()))
        && refused.iter().all(|name| header.get(name).is_none())
        && media_type(header, "cty").as_deref() != Some("jwt")
        && header.get("alg").and_then(Json::text).is_some_and(|name| algorithms.contains(&name))
}

/// A media type in small letters, without the `application/` that it may have.
pub(super) fn media_type(header: &Json, name: &str) -> Option<String> {
    let text = header.get(name).and_then(Json::text).map(str::to_ascii_lowercase);
    text.map(|text| text.strip_prefix("application/").unwrap_or(&text).to_owned())
}

/// Whether the one key that there is may be meant.
pub(super) fn names_the_key(header: &Json) -> bool {
    header.get("kid").and_then(Json::text).is_none_or(|id| id == KEY_ID)
}
