//! The verifier beside another one: thousands of tokens, right ones and ones that were changed at every level, judged
//! by this crate and by `jsonwebtoken` as its users call it. Where the two disagree, a named class explains why.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE, URL_SAFE_NO_PAD};
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{DecodingKey, Validation};
use portcullis::SignatureAlgorithm::{self, Ed25519, EdDsa, Es256, Es384, Es512, Ps256, Rs256};
use portcullis::testing::{Issuer, ManualClock};
use portcullis::{ResourceServer, TrustedIssuer, authenticated};
use serde_json::{Value, json};

use crate::support::{AUDIENCE, Api, ISSUER, Random};

/// Enough for every class below to be met several times.
const TOKENS: usize = 3_000;
const LEEWAY: u64 = 30;

/// A token on which the two disagree, as far as it can be read.
struct Disputed {
    header: Value,
    claims: Value,
    /// Whether one of the two texts says something else when it is read and written again.
    repeats: bool,
    depth: usize,
    now: u64,
}

/// Why we refuse what the other one takes (or, further below, the other way round), and how.
type Class = (&'static str, &'static [&'static str], fn(&Disputed) -> bool);

/// What we refuse and `jsonwebtoken` takes. The first that fits is the explanation.
const STRICTER: [Class; 20] = [
    ("a claims set that is no object", &["malformed_token"], |token| !token.claims.is_object()),
    ("a member name that occurs twice", &["malformed_token"], |token| token.repeats),
    ("more than 16 levels", &["malformed_token"], |token| token.depth > 16),
    ("no `iss`", &["missing_claim"], |token| token.claims["iss"].is_null()),
    ("`iss` that is no string", &["malformed_token"], |token| !token.is_text("iss")),
    ("no `aud`", &["missing_claim"], |token| token.claims["aud"].is_null()),
    ("`aud` that is neither a string nor an array of strings", &["malformed_token"], |token| {
        !(token.claims["aud"].is_string()
            || token.claims["aud"].as_array().is_some_and(|values| all_text(values)))
    }),
    ("a claim that RFC 9068 requires is missing or an empty name", &["missing_claim"], |token| {
        ["sub", "client_id", "iat", "jti"].iter().any(|name| token.claims[name].is_null())
            || ["sub", "client_id"].iter().any(|name| token.claims[name] == "")
    }),
    ("a string claim of another type", &["malformed_token"], |token| {
        ["sub", "client_id", "jti", "scope"].iter().any(|name| !token.is_text(name))
    }),
    ("`iat` that is no date", &["malformed_token"], |token| !is_date(&token.claims["iat"])),
    ("`exp` beyond the year 9999", &["malformed_token"], |token| !is_date(&token.claims["exp"])),
    ("`iat` in the future", &["issued_in_the_future"], |token| {
        token.claims["iat"].as_f64().is_some_and(|issued_at| issued_at > (token.now + LEEWAY) as f64)
    }),
    ("a token bound to a key", &["binding_not_verified"], |token| !token.claims["cnf"].is_null()),
    ("`typ` that is missing or another", &["wrong_type"], |token| {
        !token.header["typ"].as_str().is_some_and(|typ| typ.eq_ignore_ascii_case("at+jwt"))
    }),
    ("a header parameter that is null", &["malformed_token"], |token| {
        ["typ", "kid", "cty"].iter().any(|name| token.has(name) && token.header[name].is_null())
    }),
    ("`crit`", &["refused_header"], |token| token.has("crit")),
    ("`b64`", &["refused_header"], |token| token.has("b64")),
    ("a key in the header", &["refused_header"], |token| token.has("jwk") || token.has("x5c")),
    ("a mark of encryption", &["refused_header"], |token| token.has("enc") || token.has("zip")),
    ("a nested token", &["refused_header"], |token| {
        token.header["cty"].as_str().is_some_and(|cty| cty.to_ascii_lowercase().ends_with("jwt"))
    }),
];

/// What `jsonwebtoken` refuses and we take.
const LAXER: [Class; 3] = [
    ("an algorithm that it does not have", &[], |token| {
        ["ES512", "Ed25519"].iter().any(|algorithm| token.header["alg"] == *algorithm)
    }),
    // RFC 7515 §4: parameters that are not understood are ignored. We read none of these, it reads all.
    ("a parameter that we do not read, of a type that it does not expect", &[], |token| {
        ["jku", "x5u", "x5t", "x5t#S256", "url"]
            .iter()
            .any(|name| token.has(name) && !token.header[name].is_string())
    }),
    // To us, null counts as absent in every claim; where a claim is required, that is a refusal.
    ("`nbf` that is null", &[], |token| token.claims.get("nbf").is_some_and(Value::is_null)),
];

impl Disputed {
    fn new(token: &str, now: u64) -> Option<Self> {
        let text = |part: &str| String::from_utf8(URL_SAFE_NO_PAD.decode(part).ok()?).ok();
        let mut parts = token.split('.');
        let texts = [text(parts.next()?)?, text(parts.next()?)?];
        let [header, claims] = texts.each_ref().map(|text| serde_json::from_str::<Value>(text).ok());
        let (header, claims) = (header?, claims?);
        // Each name of the text once more than the values keep: counted by what stands before a colon.
        let names = |text: &str| text.replace(' ', "").matches("\":").count();
        let repeats = [(&texts[0], &header), (&texts[1], &claims)]
            .iter()
            .any(|(text, value)| names(text) != names(&value.to_string()));
        Some(Self { depth: depth(&header).max(depth(&claims)), header, claims, repeats, now })
    }

    /// Absent, null or a string.
    fn is_text(&self, name: &str) -> bool {
        self.claims[name].is_null() || self.claims[name].is_string()
    }

    fn has(&self, parameter: &str) -> bool {
        self.header.get(parameter).is_some()
    }
}

fn all_text(values: &[Value]) -> bool {
    values.iter().all(Value::is_string)
}

fn is_date(value: &Value) -> bool {
    value.as_f64().is_some_and(|seconds| (0.0..253_402_300_800.0).contains(&seconds))
}

fn depth(value: &Value) -> usize {
    match value {
        Value::Array(values) => 1 + values.iter().map(depth).max().unwrap_or(0),
        Value::Object(members) => 1 + members.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

/// The other verifier, as its documentation says to call it: keys by `kid`, the algorithm of the key, issuer and
/// audience set.
struct Other(Vec<(String, DecodingKey, Validation)>);

impl Other {
    fn new(jwks: &Value) -> Self {
        let set: JwkSet = serde_json::from_value(jwks.clone()).unwrap();
        let entry = |jwk: &jsonwebtoken::jwk::Jwk| {
            let algorithm = jwk.common.key_algorithm?.to_string().parse().ok()?;
            let mut validation = Validation::new(algorithm);
            validation.set_issuer(&[ISSUER]);
            validation.set_audience(&[AUDIENCE]);
            validation.validate_nbf = true;
            validation.leeway = LEEWAY;
            Some((jwk.common.key_id.clone()?, DecodingKey::from_jwk(jwk).ok()?, validation))
        };
        Self(set.keys.iter().filter_map(entry).collect())
    }

    fn takes(&self, token: &str) -> bool {
        let Ok(header) = jsonwebtoken::decode_header(token) else { return false };
        self.0
            .iter()
            .filter(|(key_id, ..)| header.kid.as_ref().is_none_or(|wanted| wanted == key_id))
            .any(|(_, key, validation)| jsonwebtoken::decode::<Value>(token, key, validation).is_ok())
    }
}

/// Makes tokens: right ones, and ones changed in one or two respects.
struct Generator {
    random: Random,
    issuer: Issuer,
    /// Somebody else, with keys of the same names.
    stranger: Issuer,
    now: u64,
    earlier: String,
}

const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

impl Generator {
    fn algorithm(&mut self) -> SignatureAlgorithm {
        // RSA keys sign slowly where nothing is optimized.
        *self
            .random
            .pick(&[Es256, Es256, Es256, Es256, EdDsa, EdDsa, EdDsa, Es384, Rs256, Ps256, Es512, Ed25519])
    }

    fn header(&mut self, algorithm: SignatureAlgorithm) -> Value {
        json!({ "alg": algorithm.name(), "typ": "at+jwt", "kid": self.issuer.key_id(algorithm) })
    }

    fn claims(&mut self) -> Value {
        let mut claims = json!({
            "iss": ISSUER, "aud": AUDIENCE, "sub": "alice", "client_id": "c", "jti": "1",
            "iat": self.now, "exp": self.now + 3600,
        });
        // Right in any of these forms.
        for (name, value) in [
            ("aud", json!([AUDIENCE, "https://other.example"])),
            ("aud", json!(["https://other.example", AUDIENCE])),
            ("exp", json!((self.now + 3600) as f64 + 0.25)),
            ("nbf", json!(self.now)),
            ("nbf", Value::Null),
            ("scope", json!("a b")),
            ("cnf", Value::Null),
            ("more", json!({ "a": [1, { "b": [true, null, 1.5] }] })),
        ] {
            if self.random.one_in(5) {
                claims[name] = value;
            }
        }
        claims
    }

    fn time(&mut self) -> Value {
        let now = self.now;
        json!(self.random.pick(&[0, now - 1000, now, now + 1000, 253_402_300_800, u64::MAX, 1 << 31]))
    }

    fn value(&mut self) -> Value {
        match self.random.below(14) {
            0 => Value::Null,
            1 => json!(self.random.one_in(2)),
            2..=4 => self.time(),
            5 => json!(-1),
            6 => json!(self.random.pick(&[0.5, -0.5, 1e18, 1e300, 2e10])),
            7 => json!(self.random.pick(&["", "x", "none", "JWT", "at+jwt", "ES256", "1", "A256GCM", "DEF"])),
            8 => json!(self.random.pick(&[ISSUER, AUDIENCE, "https://evil.example"])),
            9 => json!([ISSUER, AUDIENCE, "x"]),
            10 => json!([self.random.pick(&[json!(ISSUER), json!(AUDIENCE), json!(1), json!([])])]),
            11 => json!([AUDIENCE, 1]),
            12 => json!({}),
            _ => json!({ "jkt": "x" }),
        }
    }

    /// Sets, replaces or takes away a member.
    fn change(&mut self, object: &mut Value, names: &[&str]) {
        let name = *self.random.pick(names);
        let is_time = ["exp", "nbf", "iat"].contains(&name) && self.random.one_in(2);
        let value = if is_time { self.time() } else { self.value() };
        if self.random.one_in(3) {
            object.as_object_mut().unwrap().remove(name);
        } else {
            object[name] = value;
        }
    }

    /// Signs two texts, whatever they are.
    fn sign(&mut self, algorithm: SignatureAlgorithm, header: &str, payload: impl AsRef<[u8]>) -> String {
        let token = self.issuer.sign(algorithm, header, payload.as_ref());
        if self.random.one_in(4) {
            self.earlier.clone_from(&token);
        }
        token
    }

    fn right(&mut self) -> String {
        let algorithm = self.algorithm();
        let (header, claims) = (self.header(algorithm), self.claims());
        self.sign(algorithm, &header.to_string(), claims.to_string())
    }

    fn next(&mut self) -> String {
        let algorithm = self.algorithm();
        let (mut header, mut claims) = (self.header(algorithm), self.claims());
        match self.random.below(12) {
            0 => return self.right(),
            1 => {
                let token = self.right();
                return self.changed_text(token);
            }
            2 => {
                let token = self.right();
                return self.other_spelling(&token);
            }
            3 => {
                let token = self.right();
                return self.changed_octets(&token);
            }
            4 => {
                let token = self.right();
                return self.swapped(&token);
            }
            5 => self.mismatch(&mut header),
            6 | 7 => {
                let names = [
                    "typ", "typ", "kid", "alg", "crit", "b64", "jwk", "x5c", "enc", "zip", "cty", "jku",
                    "x5u", "x5t", "x5t#S256", "url", "exp", "p2c", "epk",
                ];
                for _ in 0..=self.random.below(2) {
                    self.change(&mut header, &names);
                }
            }
            8 | 9 => {
                let names = [
                    "iss",
                    "iss",
                    "aud",
                    "aud",
                    "exp",
                    "nbf",
                    "iat",
                    "sub",
                    "jti",
                    "client_id",
                    "scope",
                    "cnf",
                    "roles",
                ];
                for _ in 0..=self.random.below(2) {
                    self.change(&mut claims, &names);
                }
            }
            10 => {
                let known = match self.random.below(6) {
                    0 => ("cty", *self.random.pick(&["JWT", "application/jwt", "json"])),
                    1 => ("zip", "DEF"),
                    2 => ("enc", *self.random.pick(&["A256GCM", "A128CBC-HS256"])),
                    3 => ("typ", *self.random.pick(&["AT+JWT", "application/at+jwt", "JWT", "logout+jwt"])),
                    4 => ("jku", "https://evil.example/jwks"),
                    _ => ("kid", "another"),
                };
                header[known.0] = json!(known.1);
                if self.random.one_in(4) {
                    header["jwk"] = self.stranger.jwks_json()["keys"][0].clone();
                }
                if self.random.one_in(4) {
                    header["crit"] = json!(self.random.pick(&[&["exp"][..], &[], &["b64"]]));
                    header["b64"] = json!(false);
                }
            }
            _ => return self.changed_json(algorithm, &header.to_string(), &claims.to_string()),
        }
        self.sign(algorithm, &header.to_string(), claims.to_string())
    }

    /// One letter of the token put in, taken away or replaced.
    fn changed_text(&mut self, mut token: String) -> String {
        let at = self.random.below(token.len());
        let letter = char::from(*self.random.pick(b"ABab01-_.=+/~"));
        match self.random.below(3) {
            0 => token.insert(at, letter),
            1 => drop(token.remove(at)),
            _ => token.replace_range(at..=at, &letter.to_string()),
        }
        token
    }

    fn other_spelling(&mut self, token: &str) -> String {
        let mut parts: Vec<String> = token.split('.').map(str::to_owned).collect();
        let part = &mut parts[self.random.below(3)];
        let octets = URL_SAFE_NO_PAD.decode(&*part).unwrap();
        *part = match self.random.below(5) {
            0 => STANDARD.encode(octets),
            1 => URL_SAFE.encode(octets),
            2 => format!("{part}="),
            3 => format!("{part}AA"),
            _ => {
                // The last letter, with other bits behind the last octet where there are any.
                let last = part.pop().unwrap();
                let value = LETTERS.iter().position(|letter| char::from(*letter) == last).unwrap();
                format!("{part}{}", char::from(LETTERS[value ^ 1]))
            }
        };
        parts.join(".")
    }

    /// One octet of one part, with the signature of before.
    fn changed_octets(&mut self, token: &str) -> String {
        let mut parts: Vec<String> = token.split('.').map(str::to_owned).collect();
        let part = &mut parts[self.random.below(3)];
        let mut octets = URL_SAFE_NO_PAD.decode(&*part).unwrap();
        let at = self.random.below(octets.len());
        match self.random.below(4) {
            0 => drop(octets.remove(at)),
            1 => octets.insert(at, self.random.bytes(1)[0]),
            2 => octets.fill(0),
            _ => octets[at] ^= 1 << self.random.below(8),
        }
        *part = URL_SAFE_NO_PAD.encode(octets);
        parts.join(".")
    }

    /// Parts of two tokens, or the same claims under a stranger's key.
    fn swapped(&mut self, token: &str) -> String {
        let (mine, other): (Vec<_>, Vec<_>) = (token.split('.').collect(), self.earlier.split('.').collect());
        let mut parts = mine.clone();
        match self.random.below(5) {
            0..=2 if other.len() == 3 => {
                let at = self.random.below(3);
                parts[at] = other[at];
            }
            3 => {
                let (a, b) = (self.random.below(3), self.random.below(3));
                parts.swap(a, b);
            }
            _ => {
                let (header, claims) = (self.header(Es256), self.claims());
                return self.stranger.sign(Es256, &header.to_string(), claims.to_string().as_bytes());
            }
        }
        parts.join(".")
    }

    /// Algorithm and key that do not go together, or no `kid`.
    fn mismatch(&mut self, header: &mut Value) {
        let (named, owner) = (self.algorithm(), self.algorithm());
        match self.random.below(4) {
            0 => header["alg"] = json!(named.name()),
            1 => header["kid"] = json!(self.issuer.key_id(owner)),
            2 => drop(header.as_object_mut().unwrap().remove("kid")),
            _ => header["alg"] = json!(self.random.pick(&["none", "HS256", "HS512", "es256", "", "RS1"])),
        }
    }

    /// The same members in another text, which is then signed.
    fn changed_json(&mut self, algorithm: SignatureAlgorithm, header: &str, claims: &str) -> String {
        let (mut header, mut claims) = (header.to_owned(), claims.to_owned());
        let text = if self.random.one_in(3) { &mut header } else { &mut claims };
        let inside = text[1..text.len() - 1].to_owned();
        let deep = 1 + self.random.below(30);
        let name = *self.random.pick(&["x", "scope", "roles", "sub", "exp", "alg", "jti", "cnf"]);
        *text = match self.random.below(9) {
            0 => format!("{{ {inside} }}\n"),
            1 => format!("{{{inside},\"{name}\":\"1\",\"{name}\":\"1\"}}"),
            2 => format!("{{\"{name}\":\"1\",{inside}}}"),
            3 => format!("{{{inside},\"x\":{}{}}}", "[".repeat(deep), "]".repeat(deep)),
            4 => format!("{{{inside},\"x\":{{\"y\":1,\"\\u0079\":2}}}}"),
            5 => format!("[{},0,\"s\",\"{ISSUER}\",\"{AUDIENCE}\"]", self.now + 3600),
            6 => format!("{text}{}", self.random.pick(&["x", "{}", "\0", ","])),
            7 => format!("\u{feff}{text}"),
            _ => text.replacen('"', "'", 1),
        };
        self.sign(algorithm, &header, claims)
    }
}

#[tokio::test]
async fn another_verifier_takes_nothing_that_we_refuse_without_a_reason_and_the_other_way_round() {
    // covers: JWS-034
    let now = jsonwebtoken::get_current_timestamp();
    let clock = ManualClock::at(now);
    let issuer = Issuer::offline(ISSUER).with_clock(clock.clone());
    for algorithm in [EdDsa, Es384, Rs256, Ps256, Es512, Ed25519] {
        assert!(!issuer.key_id(algorithm).is_empty());
    }
    let server = ResourceServer::builder(TrustedIssuer::new(ISSUER).jwk_set(issuer.jwk_set()))
        .audience(AUDIENCE)
        .with_clock(clock);
    let api = Api::new(server.build().unwrap().require(authenticated()));
    let other = Other::new(&issuer.jwks_json());
    assert!(other.0.len() >= 5, "it can use the keys");
    let stranger = Issuer::offline(ISSUER);
    let mut generator = Generator { random: Random::new(31), issuer, stranger, now, earlier: String::new() };

    let (mut sizes, mut unexplained) = (BTreeMap::<&str, usize>::new(), Vec::new());
    for _ in 0..TOKENS {
        let token = generator.next();
        // What no field can carry is refused before a verifier sees it.
        let answer = api.token(&token).await;
        let (ours, theirs) = (answer.code() == "admitted", other.takes(&token));
        let class = if ours == theirs {
            Some(if ours { "both take it" } else { "both refuse it" })
        } else {
            let classes = if ours { &LAXER[..] } else { &STRICTER[..] };
            Disputed::new(&token, now).and_then(|disputed| {
                let explains =
                    |(_, codes, fits): &&Class| (ours || codes.contains(&answer.code())) && fits(&disputed);
                classes.iter().find(explains).map(|(name, ..)| *name)
            })
        };
        match class {
            Some(class) => *sizes.entry(class).or_default() += 1,
            None => unexplained.push((answer.code(), theirs, token)),
        }
    }
    let shown = &unexplained[..unexplained.len().min(5)];
    assert!(unexplained.is_empty(), "{} of {TOKENS} unexplained: {shown:#?}\n{sizes:#?}", unexplained.len());
    for (class, ..) in STRICTER.iter().chain(&LAXER) {
        assert!(sizes.contains_key(class), "nothing in class {class:?}, of {TOKENS}: {sizes:#?}");
    }
    // Both verdicts are frequent: neither side refuses, or takes, everything.
    assert!(sizes["both take it"] > TOKENS / 8 && sizes["both refuse it"] > TOKENS / 8, "{sizes:#?}");
}
