//! What an introspection endpoint answers about a token, what comes of it, and what is kept of it for later.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use jsonwebtoken::Algorithm;
use portcullis::testing::ManualClock;
use portcullis::{
    BoxFuture, ClientAuthentication, Clock, FetchError, FetchLimits, HttpClient, Introspection, ProblemJson,
    RequireLayer, Secret, authenticated,
};

use super::base64url::decode;
use super::claims::are_claims;
use super::json::Json;
use super::known::{AUDIENCE, EDDSA_TOKEN, ISSUER, NOW, issuer, jwk_set, server, sign, signed};
use super::service::{Answer, send};
use super::token::{is_header, media_type, names_the_key};

const ENDPOINT: &str = "https://id.example.com/introspect";
const JSON: &str = "application/json";
const SIGNED: &str = "application/token-introspection+jwt";
/// Who asks, and its credentials in base64.
const CLIENT: &str = "orders";
const CREDENTIALS: &str = "Basic b3JkZXJzOnNlY3JldA==";
/// Whose tokens are taken without an audience, where the settings say so.
const LISTED: &str = "client-1";
const OPAQUE_TOKEN: &str = "2YotnFZFEjr1zCsicMWpAA";

const LEEWAY: f64 = 30.0;
const KEPT_ACTIVE: f64 = 60.0;
const KEPT_REFUSED: f64 = 10.0;
const LONGEST_LIFE: f64 = 3600.0;

/// One input, in [five parts](Input::read): asked about at once, from memory, later, and by a server that keeps nothing.
pub fn run(data: &[u8]) {
    let input = Arc::new(Input::read(data));
    let mut api = Api::new(&input, NOW, input.takes, true);
    api.present();
    api.present();
    api.clock.advance(Duration::from_secs(input.later));
    let (kept, from_memory) = api.present();
    let mut forgetful = Api::new(&input, api.now(), 0, false);
    let (anew, _) = forgetful.present();
    forgetful.present();
    // Of a signed answer, its own dates are judged when it comes.
    if !input.signed {
        assert_eq!(kept.code(), anew.code(), "from memory: {from_memory}");
    }
}

/// What the endpoint answers, and how it is asked.
#[derive(Debug)]
struct Input {
    status: StatusCode,
    media_type: Option<HeaderValue>,
    retry_after: Option<HeaderValue>,
    body: Bytes,
    /// Only signed answers are taken.
    signed: bool,
    without_audience: bool,
    client_listed: bool,
    lifetime_limited: bool,
    /// JWTs are introspected, and the token is one.
    every_token: bool,
    /// How many seconds an exchange takes, and when the token comes again.
    takes: u64,
    later: u64,
}

/// When something was asked, answered and judged.
#[derive(Clone, Copy, Debug)]
struct Instants {
    asked: f64,
    answered: f64,
    judged: f64,
}

/// What the endpoint says of the token.
enum Said {
    Nothing,
    /// It is none, or nobody can say what it is.
    Refused,
    Active(Json),
}

/// An API that introspects, as the oracle sees it.
struct Api {
    input: Arc<Input>,
    layer: RequireLayer<ProblemJson>,
    clock: ManualClock,
    endpoint: Endpoint,
    keeps: bool,
    /// The last exchange.
    last: Option<Instants>,
    exchanges: usize,
}

#[derive(Clone, Debug)]
struct Endpoint {
    input: Arc<Input>,
    clock: ManualClock,
    takes: u64,
    requests: Arc<Mutex<Vec<Request<Bytes>>>>,
}

impl Input {
    /// A line each but for the last: status and media type; letters for the settings, how long an exchange takes and how
    /// much later the token comes again; `Retry-After`; the header of a JWT; the answer. If there is a header, the answer is
    /// the payload, and is signed.
    fn read(data: &[u8]) -> Self {
        let mut parts = data.splitn(5, |byte| *byte == b'\n').chain([&b""[..]].into_iter().cycle());
        let mut part = || parts.next().unwrap_or_default();
        let (head, settings, retry_after, jose_header, answer) = (part(), part(), part(), part(), part());
        let (status, media_type) = head.split_at(head.len().min(3));
        let settings = String::from_utf8_lossy(settings);
        let mut words = settings.split(' ');
        let letters = words.next().unwrap_or_default().to_owned();
        let mut seconds = || words.next().and_then(|word| word.parse::<u32>().ok()).unwrap_or(0).into();
        let value = |value| HeaderValue::from_bytes(value).ok();
        Self {
            status: StatusCode::from_bytes(status).unwrap_or(StatusCode::OK),
            media_type: value(media_type.trim_ascii()),
            retry_after: value(retry_after),
            body: if jose_header.is_empty() {
                Bytes::copy_from_slice(answer)
            } else {
                signed(Algorithm::EdDSA, jose_header, answer).into()
            },
            signed: letters.contains('s'),
            without_audience: letters.contains('w'),
            client_listed: letters.contains('c'),
            lifetime_limited: letters.contains('l'),
            every_token: letters.contains('j'),
            takes: seconds(),
            later: seconds(),
        }
    }

    fn token(&self) -> &'static str {
        if self.every_token { EDDSA_TOKEN } else { OPAQUE_TOKEN }
    }

    fn is_of(&self, expected: &str) -> bool {
        let text = self.media_type.as_ref().and_then(|value| value.to_str().ok()).unwrap_or("");
        text.split(';').next().unwrap_or("").trim().to_ascii_lowercase() == expected
    }

    /// RFC 7662 §2.2 and RFC 9701 §5: what an exchange at these instants tells. A status of RFC 7009 §2.2.1 speaks of the
    /// token, and any other of the server.
    fn says(&self, at: Instants) -> Said {
        let Ok(body) = std::str::from_utf8(&self.body) else { return Said::Nothing };
        if body.len() > 64 * 1024 {
            return Said::Nothing;
        }
        match self.status.as_u16() {
            200 => {}
            400 if self.is_of(JSON) => {
                let error =
                    Json::strict(body).and_then(|error| error.get("error")?.text().map(str::to_owned));
                let unsupported = error.as_deref() == Some("unsupported_token_type");
                return if unsupported { Said::Refused } else { Said::Nothing };
            }
            _ => return Said::Nothing,
        }
        let statement = if self.signed {
            self.is_of(SIGNED).then(|| enveloped(body, at)).flatten()
        } else {
            self.is_of(JSON).then(|| Json::strict(body)).flatten()
        };
        match statement.filter(Json::is_object) {
            None => Said::Nothing,
            Some(statement) if !statement.get("active").is_some_and(Json::is_true) => Said::Refused,
            Some(statement) if !are_claims(&statement) => Said::Refused,
            Some(statement) => Said::Active(statement),
        }
    }

    /// Whether a token of which this was said is good for this API at an instant.
    fn takes(&self, claims: &Json, now: f64) -> bool {
        let text = |name| claims.claim(name).and_then(Json::text);
        let date = |name| claims.claim(name).and_then(Json::number);
        let audience = match claims.claim("aud").and_then(Json::texts) {
            Some(all) => all.contains(&AUDIENCE),
            None => self.without_audience || self.client_listed && text("client_id") == Some(LISTED),
        };
        let lives = date("exp").map(|expires_at| expires_at - date("iat").unwrap_or(now));
        // What is there and no text is none of the accepted words.
        let word = |name| claims.claim(name).map(|value| value.text().unwrap_or(""));
        text("iss").is_none_or(|issuer| issuer == ISSUER)
            && audience
            && date("exp").is_none_or(|expires_at| now < expires_at + LEEWAY)
            && date("nbf").is_none_or(|not_before| not_before <= now + LEEWAY)
            && date("iat").is_none_or(|issued_at| issued_at <= now + LEEWAY)
            && (!self.lifetime_limited || lives.is_some_and(|lives| lives <= LONGEST_LIFE))
            && ["sub", "client_id"].iter().all(|name| text(name) != Some(""))
            && word("token_type").is_none_or(|kind| kind.eq_ignore_ascii_case("bearer"))
            && word("token_use").is_none_or(|used| ["access_token", "access"].contains(&used))
            && !matches!(word("typ"), Some("ID" | "Refresh" | "Offline" | "Logout"))
            // Bound tokens need a proof that nobody looks at yet.
            && claims.claim("cnf").is_none()
    }

    /// The instant from which an exchange is not remembered.
    fn kept_until(&self, at: Instants) -> f64 {
        match self.says(at) {
            Said::Nothing => 0.0,
            Said::Refused => at.asked + KEPT_REFUSED,
            Said::Active(claims) => {
                let expires_at = claims.claim("exp").and_then(Json::number).unwrap_or(f64::INFINITY);
                expires_at.min(at.asked + KEPT_ACTIVE)
            }
        }
    }

    /// How many seconds a 503 asks to wait.
    fn pause(&self) -> u64 {
        let asks = [429, 503].contains(&self.status.as_u16());
        let text = self.retry_after.as_ref().filter(|_| asks).and_then(|value| value.to_str().ok());
        text.and_then(|text| text.parse::<u64>().ok()).unwrap_or(1).clamp(1, 60)
    }
}

/// The statement in a JWT that the issuer signed for this API, between question and answer.
fn enveloped(jwt: &str, at: Instants) -> Option<Json> {
    let parts: Vec<_> = jwt.split('.').collect();
    let [header, payload, signature] = parts[..] else { return None };
    let json = |part| Json::strict(&String::from_utf8(decode(part)?).ok()?);
    let (header, claims) = (json(header)?, json(payload)?);
    let input = &jwt[..jwt.rfind('.')?];
    let text = |name| claims.claim(name).and_then(Json::text);
    let date = |name| claims.claim(name).and_then(Json::number);
    let right = is_header(&header, &["EdDSA", "Ed25519"])
        && names_the_key(&header)
        && media_type(&header, "typ").as_deref() == Some("token-introspection+jwt")
        && sign(Algorithm::EdDSA, input) == signature
        && are_claims(&claims)
        && text("iss") == Some(ISSUER)
        && claims.claim("aud").and_then(Json::texts)?.iter().any(|name| [AUDIENCE, CLIENT].contains(name))
        && date("iat").is_some_and(|date| (at.asked - LEEWAY..=at.answered + LEEWAY).contains(&date))
        && date("exp").is_none_or(|expires_at| at.answered < expires_at);
    if right { claims.take("token_introspection") } else { None }
}

impl Api {
    fn new(input: &Arc<Input>, now: u64, takes: u64, keeps: bool) -> Self {
        let authentication = ClientAuthentication::basic(CLIENT, Secret::new("secret"));
        let mut introspection = Introspection::new(authentication).endpoint(ENDPOINT);
        let mut trusted = issuer();
        // Keys that verify nothing are a problem of the configuration.
        if input.signed || !input.every_token {
            trusted = trusted.jwk_set(jwk_set());
        }
        if input.signed {
            introspection = introspection.signed_answers();
        }
        if input.without_audience {
            introspection = introspection.dangerous_without_audience();
        }
        if input.client_listed {
            introspection = introspection.client_as_audience(LISTED);
        }
        if input.every_token {
            introspection = introspection.every_token();
        }
        if !keeps {
            introspection = introspection.cache_lifetime(Duration::ZERO);
        }
        if input.lifetime_limited {
            trusted = trusted.max_token_lifetime(Duration::from_secs_f64(LONGEST_LIFE));
        }
        let (server, clock) = server(trusted.introspection(introspection));
        clock.advance(Duration::from_secs(now - NOW));
        let endpoint =
            Endpoint { input: Arc::clone(input), clock: clock.clone(), takes, requests: Arc::default() };
        let layer = server.with_http_client(endpoint.clone()).build().unwrap().problem_json();
        let layer = layer.require(authenticated());
        Self { input: Arc::clone(input), layer, clock, endpoint, keeps, last: None, exchanges: 0 }
    }

    fn now(&self) -> u64 {
        self.clock.unix_time().as_secs()
    }

    /// Sends the token, and checks what comes back. Says, too, whether it must come from memory.
    fn present(&mut self) -> (Answer, bool) {
        let now = self.now() as f64;
        let kept = self.last.filter(|at| self.keeps && now < self.input.kept_until(*at));
        let answered = now + self.endpoint.takes as f64;
        let at = match kept {
            Some(at) => Instants { judged: now, ..at },
            None => Instants { asked: now, answered, judged: answered },
        };
        self.last = Some(at);
        self.exchanges += usize::from(kept.is_none());
        let request =
            Request::get("/").header(header::AUTHORIZATION, format!("Bearer {}", self.input.token()));
        let answer = send(&self.layer, request.body(()).unwrap());
        self.endpoint.check(self.exchanges);
        self.check(&answer, at);
        (answer, kept.is_some())
    }

    fn check(&self, answer: &Answer, at: Instants) {
        let said = self.input.says(at);
        let expected = match &said {
            Said::Nothing => 503,
            Said::Active(claims) if self.input.takes(claims, at.judged) => 200,
            Said::Active(_) | Said::Refused => 401,
        };
        assert_eq!(answer.status.as_u16(), expected, "{} at {at:?}", answer.code());
        if expected == 503 {
            assert_eq!(answer.headers[header::RETRY_AFTER], self.input.pause().to_string());
        }
        let (Some(token), Said::Active(claims)) = (&answer.token, said) else { return };
        let text = |name| claims.claim(name).and_then(Json::text);
        assert_eq!(token.issuer(), Some(ISSUER));
        assert_eq!(token.subject(), text("sub"));
        assert_eq!(token.claims().client_id(), text("client_id"));
        let scopes = text("scope").unwrap_or("").split(' ').filter(|scope| !scope.is_empty());
        assert!(token.scopes().iter().eq(scopes));
    }
}

impl Endpoint {
    /// The token is sent there, in the body and nowhere else, with the credentials of the API.
    fn check(&self, expected: usize) {
        let requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        assert_eq!(requests.len(), expected, "exchanges");
        let Some(request) = requests.last() else { return };
        let token = self.input.token();
        assert_eq!((request.method(), request.uri().to_string().as_str()), (&Method::POST, ENDPOINT));
        assert_eq!(request.headers()[header::AUTHORIZATION], CREDENTIALS);
        assert_eq!(request.headers()[header::ACCEPT], if self.input.signed { SIGNED } else { JSON });
        assert_eq!(request.headers()[header::CONTENT_TYPE], "application/x-www-form-urlencoded");
        assert_eq!(*request.body(), format!("token={token}&token_type_hint=access_token"));
    }
}

impl HttpClient for Endpoint {
    fn send(
        &self,
        request: Request<Bytes>,
        _: FetchLimits,
    ) -> BoxFuture<'static, Result<Response<Bytes>, FetchError>> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner).push(request);
        self.clock.advance(Duration::from_secs(self.takes));
        let mut response = Response::new(self.input.body.clone());
        *response.status_mut() = self.input.status;
        let fields =
            [(header::CONTENT_TYPE, &self.input.media_type), (header::RETRY_AFTER, &self.input.retry_after)];
        response
            .headers_mut()
            .extend(fields.into_iter().filter_map(|(name, value)| Some((name, value.clone()?))));
        Box::pin(std::future::ready(Ok(response)))
    }
}
