//! Keys and certificates as PEM: [`JwkSet::from_pem`], and a server with those keys.

use http::{Request, header};
use portcullis::{JwkSet, PemError, authenticated};

use super::base64url::{decode, encode};
use super::known::{ED25519_X, EDDSA_TOKEN, ES256_TOKEN, P256, RS256_TOKEN, RSA_N, issuer, server};
use super::service::send;

/// A text with `-----` is taken as it is. Otherwise the first line is the label of a block, and the rest its DER.
pub fn run(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    if text.contains("-----") {
        return judge(&text);
    }
    let end = data.iter().position(|byte| *byte == b'\n').unwrap_or(data.len());
    let (label, der) = (String::from_utf8_lossy(&data[..end]), data.get(end + 1..).unwrap_or_default());
    let mut base64 = encode(der).replace('-', "+").replace('_', "/");
    base64.extend(std::iter::repeat_n('=', (4 - base64.len() % 4) % 4));
    judge(&format!("-----BEGIN {label}-----\n{base64}\n-----END {label}-----\n"));
}

fn judge(text: &str) {
    let set = match JwkSet::from_pem(text) {
        Ok(set) => set,
        Err(error) => {
            // Of the text, nothing but a kind that everybody knows is repeated.
            if let PemError::OtherKind { kind, .. } = error {
                assert!(kind == "unknown" || text.contains(kind), "{kind}");
            }
            assert!(error.to_string().len() < 150, "{error}");
            return;
        }
    };
    let labels: Vec<_> =
        text.split("-----BEGIN ").skip(1).filter_map(|rest| rest.split("-----").next()).collect();
    assert_eq!(labels.len(), set.len(), "every block is a key");
    for label in labels {
        assert!(["PUBLIC KEY", "RSA PUBLIC KEY", "CERTIFICATE"].contains(&label), "{label}");
    }
    let keys = octets(text);
    let layer = server(issuer().jwk_set(set)).0.build().unwrap().problem_json().require(authenticated());
    let point = [vec![4], decode(P256[0]).unwrap(), decode(P256[1]).unwrap()].concat();
    let tokens = [
        (EDDSA_TOKEN, decode(ED25519_X).unwrap()),
        (ES256_TOKEN, point),
        (RS256_TOKEN, decode(RSA_N).unwrap()),
    ];
    for (token, key) in tokens {
        let request = Request::get("/").header(header::AUTHORIZATION, format!("Bearer {token}"));
        let answer = send(&layer, request.body(()).unwrap());
        assert!(["admitted", "unknown_key", "bad_signature"].contains(&answer.code()), "{}", answer.code());
        let named = keys.iter().any(|octets| octets.windows(key.len()).any(|window| window == key));
        assert!(!answer.is_admitted() || named, "no block has the key that signed this token");
    }
}

/// Whatever between the dashes is base64 when blanks are taken out.
fn octets(text: &str) -> Vec<Vec<u8>> {
    let plain = |body: &str| body.replace(char::is_whitespace, "").replace('+', "-").replace('/', "_");
    text.split("-----").filter_map(|body| decode(plain(body).trim_end_matches('='))).collect()
}
