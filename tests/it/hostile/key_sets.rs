//! Key sets and metadata from a server that was taken over, or is merely broken, fetched by the default client over
//! real sockets. Cold, that is an outage; warm, the keys from before stay.

use std::time::Duration;

use portcullis::testing::{Flaw, Issuer, ManualClock};
use portcullis::{ResourceServer, TrustedIssuer, authenticated};
use serde_json::json;

use crate::support::{AUDIENCE, Api, NOW, Origin, Serve};

const JWKS: &str = "/jwks";
const OPENID: &str = "/.well-known/openid-configuration";
const OAUTH: &str = "/.well-known/oauth-authorization-server";

struct World {
    origin: Origin,
    issuer: Issuer,
    clock: ManualClock,
}

impl World {
    async fn new() -> Self {
        let (origin, clock) = (Origin::start().await, ManualClock::at(NOW));
        let issuer = Issuer::offline(&origin.url("")).with_clock(clock.clone());
        let world = Self { origin, issuer, clock };
        world.restore();
        world
    }

    /// Everything is as it should be.
    fn restore(&self) {
        self.origin.on(JWKS, Serve::json(self.good()));
        self.origin.on(OPENID, Serve::json(self.issuer.metadata_json().to_string()));
    }

    fn good(&self) -> String {
        self.issuer.jwks_json().to_string()
    }

    /// A new API, without keys.
    fn api(&self, discovery: bool) -> Api {
        let trusted = TrustedIssuer::new(self.issuer.url());
        self.api_of(if discovery { trusted } else { trusted.jwks_uri(self.origin.url(JWKS)) })
    }

    fn api_of(&self, trusted: TrustedIssuer) -> Api {
        let server = ResourceServer::builder(trusted).audience(AUDIENCE);
        let server = server.dangerous_allow_loopback_http().with_clock(self.clock.clone());
        Api::new(server.build().unwrap().require(authenticated()))
    }

    fn token(&self) -> String {
        self.issuer.token(AUDIENCE).sign()
    }

    fn stranger(&self) -> String {
        self.issuer.token(AUDIENCE).flaw(Flaw::UnknownKey).sign()
    }

    fn advance(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    /// Waits, within reason, until the key set was asked for this often.
    async fn asked(&self, times: usize) -> bool {
        for _ in 0..2_000 {
            if self.origin.count(JWKS) >= times {
                break;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        self.origin.count(JWKS) == times
    }
}

/// The frame of a gzip file around one raw deflate stream (RFC 1952).
fn gzip(deflated: &[u8], crc: u32, length: usize) -> Vec<u8> {
    let head = [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 0xFF];
    let length = u32::try_from(length).unwrap();
    [&head[..], deflated, &crc.to_le_bytes(), &length.to_le_bytes()].concat()
}

/// A text, stored (RFC 1951 §3.2.4): whoever unpacks it gets exactly that text.
fn gzip_of(text: &str) -> Vec<u8> {
    let mut crc = u32::MAX;
    for octet in text.bytes() {
        crc ^= u32::from(octet);
        for _ in 0..8 {
            crc = (crc >> 1) ^ (0xEDB8_8320 * (crc & 1));
        }
    }
    let length = u16::try_from(text.len()).unwrap();
    let block = [&[1][..], &length.to_le_bytes(), &(!length).to_le_bytes(), text.as_bytes()].concat();
    gzip(&block, !crc, text.len())
}

/// A space and `copies` times 258 more, in 13 bits each (RFC 1951 §3.2.6). Nobody gets as far as its checksum.
fn gzip_bomb(copies: usize) -> Vec<u8> {
    let mut bits = String::from("110"); // the last block, fixed codes
    bits += "01010000"; // a space
    for _ in 0..copies {
        bits += "1100010100000"; // length 258, distance 1
    }
    bits += "0000000";
    let octet = |bits: &[u8]| bits.iter().rev().fold(0, |octet, bit| octet << 1 | (bit - b'0'));
    let deflated: Vec<u8> = bits.as_bytes().chunks(8).map(octet).collect();
    gzip(&deflated, 0, 1 + 258 * copies)
}

/// Answers that carry no usable JSON document at all, whatever is asked for. `good` is the document that would do.
fn broken(good: &str) -> Vec<(String, Serve)> {
    let mut cases = Vec::new();
    let mut body = |name: &str, body: &[u8]| cases.push((name.to_owned(), Serve::json(body)));
    for text in [
        "",
        " ",
        "{}",
        "[]",
        "null",
        "true",
        "0",
        "\"\"",
        "{",
        "[",
        "\u{feff}",
        "<html><body>Sign in</body></html>",
    ] {
        body(text, text.as_bytes());
    }
    for eighth in 1..8 {
        body("truncated", &good.as_bytes()[..good.len() * eighth / 8]);
    }
    for (name, before, after) in [
        ("garbage behind", "", "x"),
        ("a second document", "", good),
        ("a byte order mark", "\u{feff}", ""),
        ("a guard against JSON hijacking", ")]}'\n", ""),
        ("a callback", "callback(", ")"),
        ("in an array", "[", "]"),
        ("a comment", "/* keys */", ""),
        ("NUL", "\0", ""),
        ("NUL behind", "", "\0"),
    ] {
        body(name, [before, good, after].concat().as_bytes());
    }
    let utf16: Vec<u8> = good.encode_utf16().flat_map(u16::to_le_bytes).collect();
    body("UTF-16", &utf16);
    body("no UTF-8", &[&good.as_bytes()[..good.len() - 1], b",\"x\":\"\xE9\"}"].concat());
    body("deep", format!("{}{}", "[".repeat(100_000), "]".repeat(100_000)).as_bytes());
    body(
        "as large as the limit",
        &[b"{\"x\":\"", &vec![b'x'; 256 * 1024][..], b"\",", &good.as_bytes()[1..]].concat(),
    );

    // Only a 200 is an answer, whatever its body says.
    for status in [
        "201 Created",
        "203 Transformed",
        "204 No Content",
        "206 Partial Content",
        "304 Not Modified",
        "400 Bad Request",
        "401 Unauthorized",
        "404 Not Found",
        "429 Too Many Requests",
        "500 Oops",
        "503 Unavailable",
        "299 Strange",
        "999 Stranger",
    ] {
        cases.push((status.to_owned(), Serve::answer(status, "", good)));
    }
    // Nothing is unpacked.
    let gzip = "Content-Encoding: gzip\r\n";
    cases.push(("packed".to_owned(), Serve::answer("200 OK", gzip, gzip_of(good))));
    cases.push(("a bomb".to_owned(), Serve::answer("200 OK", gzip, gzip_bomb(100_000))));
    // Lengths that lie, and bodies that do not end where they say.
    let raw = |octets: &[&[u8]]| Serve::Octets(octets.concat());
    let json = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n";
    let good = good.as_bytes();
    for (name, lines) in [
        ("too short a length", "Content-Length: 20\r\n\r\n"),
        ("too long a length", "Content-Length: 100000\r\n\r\n"),
        ("a length of a gigabyte", "Content-Length: 1073741824\r\n\r\n"),
        ("a length beyond 64 bits", "Content-Length: 99999999999999999999\r\n\r\n"),
        ("no length", "Content-Length: all\r\n\r\n"),
        ("a negative length", "Content-Length: -1\r\n\r\n"),
        ("no chunks", "Transfer-Encoding: chunked\r\n\r\n"),
        ("a chunk beyond 64 bits", "Transfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFF\r\n"),
        ("a chunk cut short", "Transfer-Encoding: chunked\r\n\r\nFFFFFF\r\n"),
    ] {
        cases.push((name.to_owned(), raw(&[json, lines.as_bytes(), good])));
    }
    cases.push(("no status line".to_owned(), raw(&[good])));
    cases.push(("another protocol".to_owned(), raw(&[b"SSH-2.0-OpenSSH\r\n"])));
    cases.push(("silence".to_owned(), raw(&[])));
    cases.push(("half a head".to_owned(), raw(&[json])));
    let line = b"X-Pad: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n".repeat(100);
    cases.push(("an endless head".to_owned(), Serve::Endless(json.to_vec(), line)));
    let spaces = vec![b' '; 64 * 1024];
    let until_close = [&json[..], b"\r\n"].concat();
    cases.push(("an endless body".to_owned(), Serve::Endless(until_close, spaces.clone())));
    let chunk = [b"10000\r\n", &spaces[..], b"\r\n"].concat();
    let chunked = [&json[..], b"Transfer-Encoding: chunked\r\n\r\n"].concat();
    cases.push(("endless chunks".to_owned(), Serve::Endless(chunked, chunk)));
    cases
}

/// JSON that is not a key set we can use.
fn unusable(good: &str) -> Vec<(String, Serve)> {
    let keys = |count: usize| format!("{{\"keys\":[{}{{}}]}}", "{},".repeat(count - 1));
    let repeated = format!("{},\"keys\":[]}}", &good[..good.len() - 1]);
    [
        ("keys is an object", r#"{"keys":{}}"#.to_owned()),
        ("keys is null", r#"{"keys":null}"#.to_owned()),
        ("keys is a text", json!({ "keys": good }).to_string()),
        ("in capitals", good.replacen("keys", "KEYS", 1)),
        ("keys twice", repeated),
        (
            "no key that can be used",
            r#"{"keys":[{"kty":"oct","k":"AAAA"},{"kty":"RSA","n":"AQ","e":"AQ"},7]}"#.to_owned(),
        ),
        ("101 keys", keys(101)),
        ("50 000 keys", keys(50_000)),
        ("100 000 keys", keys(100_000)),
    ]
    .map(|(name, body)| (name.to_owned(), Serve::json(body)))
    .into()
}

#[tokio::test]
async fn a_hostile_key_set_is_an_outage_when_cold_and_leaves_the_old_keys_when_warm() {
    // covers: JWK-001, JWK-011, JWK-016, HK-001, HK-007
    let world = World::new().await;
    let (good, mut cases) = (world.good(), broken(&world.good()));
    cases.extend(unusable(&good));
    assert!(cases.len() > 60);
    let mut api = world.api(false);
    for (index, (name, hostile)) in cases.into_iter().enumerate() {
        println!("{name}");
        // Cold: nothing can be said about the token, and the next request does not ask again at once. Keys of three
        // hours ago count no more than none, which spares most cases a client of their own.
        if index % 10 == 0 {
            api = world.api(false);
        }
        world.advance(3 * 3600);
        world.origin.on(JWKS, hostile.clone());
        let before = world.origin.total();
        api.token(world.token()).await.assert_unavailable(1);
        api.token(world.token()).await.assert_unavailable(1);
        assert_eq!(world.origin.total() - before, 1);
        world.restore();
        world.advance(1);
        api.token(world.token()).await.assert_admitted();
        assert_eq!(world.origin.total() - before, 2);

        // Warm: who brings an unknown key gets no verdict; who brings a known one notices nothing.
        world.origin.on(JWKS, hostile);
        world.advance(30);
        api.token(world.stranger()).await.assert_unavailable(30);
        api.token(world.stranger()).await.assert_unavailable(30);
        api.token(world.token()).await.assert_admitted();
        assert_eq!(world.origin.total() - before, 3);
        world.restore();
        world.advance(30);
        api.token(world.stranger()).await.assert_invalid("unknown_key");
        api.token(world.token()).await.assert_admitted();
        assert_eq!(world.origin.total() - before, 4);
    }
}

#[tokio::test]
async fn hostile_metadata_leads_to_no_keys() {
    // covers: DSC-007, DSC-008, DSC-017
    let world = World::new().await;
    let metadata = world.issuer.metadata_json();
    let mut cases = broken(&metadata.to_string());
    let other = |name: &str, value: serde_json::Value| {
        let mut metadata = metadata.clone();
        metadata[name] = value;
        (format!("{name}: {}", metadata[name]), Serve::json(metadata.to_string()))
    };
    for issuer in
        [world.origin.url("/"), world.origin.url("").replace("127.0.0.1", "localhost"), String::new()]
    {
        cases.push(other("issuer", json!(issuer)));
    }
    cases.push(other("issuer", json!([world.issuer.url()])));
    for uri in [
        "http://192.0.2.1/jwks",
        "file:///etc/passwd",
        "//127.0.0.1/jwks",
        "/jwks",
        "",
        "http://127.0.0.1:0x50/",
        "data:,{}",
    ] {
        cases.push(other("jwks_uri", json!(uri)));
    }
    cases.push(other("jwks_uri", json!([world.origin.url(JWKS)])));
    let api = world.api(true);
    for (name, hostile) in cases {
        println!("{name}");
        world.origin.on(OPENID, hostile.clone());
        world.origin.on(OAUTH, hostile);
        // Long enough for everything to be forgotten: keys, and where they were.
        world.advance(25 * 3600);
        let keys = world.origin.count(JWKS);
        api.token(world.token()).await.assert_unavailable(1);
        assert_eq!(world.origin.count(JWKS), keys, "nobody was led to keys");
        world.restore();
        world.advance(1);
        api.token(world.token()).await.assert_admitted();
        assert_eq!(world.origin.count(JWKS), keys + 1);
    }
}

#[tokio::test]
async fn no_redirect_is_followed_wherever_it_leads() {
    // covers: JWK-015, DSC-007
    let (world, other) = (World::new().await, Origin::start().await);
    let given = "/given";
    let apis = {
        let trusted = TrustedIssuer::new(world.issuer.url()).metadata_url(world.origin.url(given));
        [world.api(false), world.api(true), world.api_of(trusted)]
    };
    for path in [JWKS, OPENID, OAUTH, given, "/"] {
        other.on(path, Serve::json(world.good()));
    }
    world.origin.on("/moved", Serve::json(world.good()));
    for status in ["300 Choices", "301 Moved", "302 Found", "303 Other", "307 Temporary", "308 Permanent"] {
        for target in [
            other.url(JWKS),
            other.url(JWKS).replace("http:", ""),
            world.origin.url("/moved"),
            "/moved".to_owned(),
        ] {
            for field in ["Location", "Refresh: 0; url", "Content-Location"] {
                println!("{status} {field} {target}");
                let separator = if field.starts_with("Refresh") { "=" } else { ": " };
                // The good set is the body, too: it is not the body of an answer.
                let moved = Serve::answer(status, &format!("{field}{separator}{target}\r\n"), world.good());
                for (path, api) in
                    [(JWKS, &apis[0]), (OPENID, &apis[1]), (OAUTH, &apis[1]), (given, &apis[2])]
                {
                    if path == OAUTH {
                        world.origin.on(OPENID, Serve::answer("404 Not Found", "", ""));
                    }
                    let before = world.origin.count(path);
                    world.origin.on(path, moved.clone());
                    let answer = api.token(world.token()).await;
                    assert_eq!((answer.status.as_u16(), answer.inner_calls), (503, 0), "{path}");
                    assert_eq!(world.origin.count(path) - before, 1, "{path}");
                    world.restore();
                    // More than the longest pause after failures.
                    world.advance(60);
                }
            }
        }
    }
    assert_eq!((other.total(), world.origin.count("/moved")), (0, 0));
    world.origin.on(given, Serve::json(world.issuer.metadata_json().to_string()));
    for api in &apis {
        api.token(world.token()).await.assert_admitted();
    }
}

#[tokio::test]
async fn an_answer_that_does_not_end_is_given_up_after_five_seconds() {
    // covers: JWK-016, HK-007
    // In real time, all at once: a client that reads a clock of its own is not fooled by ours.
    let world = World::new().await;
    let good = world.good();
    let whole = Serve::octets("200 OK", "", &good);
    let second = Duration::from_secs(1);
    let cases = [
        Serve::Stall(Vec::new()),
        Serve::Stall(b"HTTP/1.1 200 OK\r\n".to_vec()),
        Serve::Stall(whole[..whole.len() - 1].to_vec()),
        Serve::Stall([b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n", good.as_bytes()].concat()),
        Serve::Stall([b"HTTP/1.1 200 OK\r\n\r\n", good.as_bytes()].concat()),
        Serve::Endless(Vec::new(), b"HTTP/1.1 100 Continue\r\n\r\n".to_vec()),
        Serve::Drip(Vec::new(), whole.clone(), second),
        Serve::Drip(whole[..whole.len() - good.len()].to_vec(), good.clone().into_bytes(), second),
        Serve::Drip(b"HTTP/1.1 200 OK\r\n".to_vec(), b"X-Pad: 1\r\n".repeat(1000), second),
    ];
    let mut worlds = Vec::new();
    for hostile in cases {
        let world = World::new().await;
        // One is asked for the first time; one has keys and meets a stranger.
        let (cold, warm) = (world.api(false), world.api(false));
        warm.token(world.token()).await.assert_admitted();
        world.advance(30);
        world.origin.on(JWKS, hostile.clone());
        worlds.push((world, cold, warm, hostile));
    }
    let started = tokio::time::Instant::now();
    let ended = worlds.iter().map(async |(world, cold, warm, hostile)| {
        let stranger = world.stranger();
        let known = async {
            tokio::time::sleep(Duration::from_millis(500)).await;
            let before = started.elapsed();
            warm.token(world.token()).await.assert_admitted();
            assert!(started.elapsed() - before < Duration::from_secs(2), "a known key waits for nobody");
        };
        let (first, second, ()) = tokio::join!(cold.token(world.token()), warm.token(stranger), known);
        let elapsed = started.elapsed().as_secs();
        assert!((5..15).contains(&elapsed), "{elapsed} s, {hostile:?}");
        first.assert_unavailable(1);
        // Its own call of the inner service is that of the known key beside it.
        assert_eq!((second.status.as_u16(), second.code(), second.inner_calls), (503, "unavailable", 1));
        assert_eq!(world.origin.count(JWKS), 3);
    });
    futures_util::future::join_all(ended).await;
}

#[tokio::test]
async fn whatever_a_server_says_about_caching_stays_within_a_minute_and_an_hour() {
    // covers: JWK-013, HK-009
    let many = format!("Cache-Control: {}max-age=5\r\n", "max-age=4000, ".repeat(500));
    for (lines, lifetime) in [
        ("", 600),
        ("Cache-Control: max-age=0\r\n", 60),
        ("Cache-Control: max-age=0, must-revalidate\r\nPragma: no-cache\r\n", 60),
        ("Cache-Control: no-store\r\n", 60),
        ("Cache-Control: max-age=3600\r\nCache-Control: NO-CACHE\r\n", 60),
        ("Cache-Control: public, max-age=99999999999\r\n", 3600),
        ("Cache-Control: max-age=18446744073709551616\r\n", 3600),
        ("Cache-Control: max-age=-1\r\n", 600),
        ("Cache-Control: max-age=1e9\r\n", 600),
        ("Cache-Control: max-age\r\n", 600),
        ("Cache-Control: max-age=\r\n", 600),
        ("Cache-Control: ,,,=,=x,\r\n", 600),
        ("Cache-Control: max-age=\u{e9}\r\n", 600),
        ("Cache-Control: immutable, s-maxage=1\r\n", 600),
        ("Expires: Thu, 01 Jan 1970 00:00:00 GMT\r\n", 600),
        ("Expires: 0\r\nCache-Control: max-age=3600\r\n", 3600),
        ("Age: 99999999999999999999\r\nCache-Control: max-age=3600\r\n", 60),
        ("Age: -1\r\nCache-Control: max-age=300\r\n", 300),
        (&many, 60),
    ] {
        println!("{lines}");
        let world = World::new().await;
        world.origin.on(JWKS, Serve::answer("200 OK", lines, world.good()));
        let api = world.api(false);
        api.token(world.token()).await.assert_admitted();
        // Fresh until about four fifths of the lifetime, less a little jitter; then one refresh.
        world.advance(lifetime * 74 / 100);
        api.token(world.token()).await.assert_admitted();
        // A refresh that began too early would have arrived by now.
        tokio::time::sleep(Duration::from_millis(10)).await;
        assert_eq!(world.origin.count(JWKS), 1);
        world.advance(lifetime * 7 / 100 + 1);
        api.token(world.token()).await.assert_admitted();
        assert!(world.asked(2).await, "{}", world.origin.count(JWKS));
    }
}

#[tokio::test]
async fn keys_are_trusted_for_an_hour_beyond_their_lifetime_and_not_a_second_longer() {
    // covers: JWK-011, HK-009
    let world = World::new().await;
    let lines = "Cache-Control: max-age=99999999999\r\n";
    world.origin.on(JWKS, Serve::answer("200 OK", lines, world.good()));
    let api = world.api(false);
    api.token(world.token()).await.assert_admitted();
    world.origin.on(JWKS, Serve::answer("500 Oops", "", ""));
    world.advance(2 * 3600 - 1);
    api.token(world.token()).await.assert_admitted();
    assert!(world.asked(2).await);
    world.advance(61);
    let answer = api.token(world.token()).await;
    assert_eq!((answer.status.as_u16(), answer.inner_calls), (503, 0), "{answer:?}");
}
