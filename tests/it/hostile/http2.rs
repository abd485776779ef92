//! Requests over HTTP/2 (RFC 9113), from a client that behaves and from one that writes its frames itself.

use http::Request;
use portcullis::testing::Flaw;

use crate::support::frames::{
    CONTINUATION, DATA, END_HEADERS, END_STREAM, Frames, HEADERS, Http2, Outcome, RST_STREAM, block,
};
use crate::support::{AUDIENCE, Expected, Random, Server, Stack};

const STACKS: [Stack; 2] = [Stack::Axum, Stack::Hyper];

/// Error codes (RFC 9113 §7).
const PROTOCOL_ERROR: u32 = 0x1;
const ENHANCE_YOUR_CALM: u32 = 0xB;

const GET: [(&[u8], &[u8]); 4] =
    [(b":method", b"GET"), (b":scheme", b"http"), (b":authority", b"api"), (b":path", b"/")];

/// Target, `authorization` fields, and what comes back if the request is not admitted.
type Case<'a> = (&'a str, &'a [&'a [u8]], Option<Expected>);

/// A GET with these `authorization` fields.
fn get(target: &str, values: &[&[u8]]) -> Request<()> {
    let mut request = Request::get(format!("http://api{target}"));
    for value in values {
        request = request.header("authorization", http::HeaderValue::from_bytes(value).unwrap());
    }
    request.body(()).unwrap()
}

#[tokio::test]
async fn requests_that_share_a_connection_are_judged_each_on_its_own() {
    // covers: EXT-008, EXT-012, EXT-022, HH-001, HH-003, HH-005, HH-007
    for stack in STACKS {
        let server = Server::start(stack).await;
        let (token, mut random) = (server.token(), Random::new(11));
        let (good, twice) = (format!("Bearer {token}"), format!("Bearer {token}, Bearer {token}"));
        let expired = format!("Bearer {}", server.issuer.token(AUDIENCE).flaw(Flaw::Expired).sign());
        let not_ascii = [good.as_bytes(), b"\xE9"].concat();
        let malformed = Some(Expected::Malformed("malformed_credential"));
        let repeated = Some(Expected::Malformed("repeated_credential"));
        let long = format!("Bearer {}", "a".repeat(15_000));
        let cases: [Case<'_>; 15] = [
            ("/", &[good.as_bytes()], None),
            ("/", &[good.as_bytes()], None),
            ("/", &[], Some(Expected::Missing)),
            ("/?access_token=x", &[], Some(Expected::Missing)),
            ("/?access_token=x", &[good.as_bytes()], Some(Expected::Malformed("several_methods"))),
            ("/?a&%61ccess_token", &[good.as_bytes()], Some(Expected::Malformed("several_methods"))),
            ("/", &[good.as_bytes(), good.as_bytes()], repeated),
            ("/", &[b"Basic eA==", good.as_bytes()], repeated),
            ("/", &[good.as_bytes(), b""], repeated),
            ("/", &[twice.as_bytes()], malformed),
            ("/", &[b"Bearer"], malformed),
            ("/", &[&not_ascii], malformed),
            ("/", &[b"Digest \xFF"], Some(Expected::Missing)),
            ("/", &[expired.as_bytes()], Some(Expected::Invalid("expired"))),
            ("/", &[long.as_bytes()], Some(Expected::Invalid("malformed_token"))),
        ];
        let client = Http2::connect(&server).await;
        for _ in 0..10 {
            let chosen: Vec<_> = (0..30).map(|_| random.pick(&cases)).collect();
            let before = server.calls();
            // All under way at once.
            let answers = chosen.iter().map(|(target, values, _)| client.ask(get(target, values)));
            let answers = futures_util::future::join_all(answers).await;
            for (answer, (_, _, expected)) in answers.iter().zip(&chosen) {
                expected.map_or_else(|| answer.assert_admitted(), |expected| answer.assert_is(expected));
            }
            let admitted = chosen.iter().filter(|(_, _, expected)| expected.is_none()).count();
            assert_eq!(server.calls() - before, admitted);
        }
        // Fields that are larger than the stack takes end there; far larger ones end the connection.
        let huge = |length| format!("Bearer {}", "a".repeat(length));
        client.ask(get("/", &[huge(16 * 1024).as_bytes()])).await.assert_is(Expected::Stack(431));
        client.ask(get("/", &[good.as_bytes()])).await.assert_admitted();
        let error = client.try_ask(get("/", &[huge(64 * 1024).as_bytes()])).await.unwrap_err();
        assert!(error.is_go_away(), "{error}");
        server.assert_alive().await;
    }
}

#[tokio::test]
async fn a_head_request_and_an_extended_connect_meet_the_same_gate() {
    // covers: CHL-020
    for stack in STACKS {
        let server = Server::start(stack).await;
        let client = Http2::connect(&server).await;
        for method in ["HEAD", "POST", "OPTIONS", "TRACE", "BREW"] {
            let request = Request::builder().method(method).uri("http://api/").body(()).unwrap();
            client.ask(request).await.assert_is(Expected::Missing);
        }
        // RFC 8441: what opens a WebSocket over HTTP/2. Only axum takes it; hyper's default refuses the frame.
        let mut frames = Frames::connect(&server).await;
        let mut fields = GET.to_vec();
        fields[0] = (b":method", b"CONNECT");
        fields.push((b":protocol", b"websocket"));
        frames.request(1, &fields).await;
        let expected = match stack {
            Stack::Axum => Outcome::Status(401),
            Stack::Hyper => Outcome::Reset(PROTOCOL_ERROR),
        };
        assert_eq!(frames.outcome(1).await, expected);
        assert_eq!(server.calls(), 0);
        server.assert_alive().await;
    }
}

#[tokio::test]
async fn malformed_requests_end_in_the_stack() {
    // covers: EXT-022, HH-013
    for stack in STACKS {
        let server = Server::start(stack).await;
        let bearer = format!("Bearer {}", server.token()).into_bytes();
        let field = |name: &'static [u8]| [&GET[..], &[(name, &*bearer)]].concat();
        let with = |name: &'static [u8], value: &'static [u8]| {
            [&field(b"authorization")[..], &[(name, value)]].concat()
        };
        let without = |name: &[u8]| {
            let fields = field(b"authorization").into_iter();
            fields.filter(|(own, _)| *own != name).collect::<Vec<_>>()
        };
        let injected: Vec<Vec<u8>> = [&b"\r\nx-admin: 1"[..], b"\n", b"\r", b"\0", b"\x7F", b"\x01"]
            .map(|octets| [&*bearer, octets].concat())
            .into();
        let mut cases = vec![
            // RFC 9113 §8.2: names are in lower case, and without controls, spaces or colons.
            field(b"Authorization"),
            field(b"AUTHORIZATION"),
            field(b"authorizatioN"),
            field(b"authorization "),
            field(b" authorization"),
            field(b"authorization:"),
            field(b"author\0ization"),
            field(b"author\xFFization"),
            field(b""),
            // RFC 9113 §8.3: pseudo-header fields are those, once, and first.
            field(b":authorization"),
            with(b":path", b"/"),
            with(b":method", b"GET"),
            with(b":status", b"200"),
            [&[(&b"authorization"[..], &*bearer)][..], &GET].concat(),
            [&GET[..], &[(b":method", b"GET")], &field(b"authorization")[4..]].concat(),
            without(b":method"),
            without(b":scheme"),
            without(b":path"),
            // RFC 9113 §8.2.2: fields of one connection have no place.
            with(b"connection", b"authorization"),
            with(b"transfer-encoding", b"chunked"),
            with(b"upgrade", b"h2c"),
            with(b"keep-alive", b"x"),
            with(b"proxy-connection", b"x"),
            with(b"te", b"gzip"),
        ];
        cases.extend(injected.iter().map(|value| [&GET[..], &[(b"authorization", value)]].concat()));
        for fields in cases {
            let shown: Vec<_> = fields.iter().map(|(name, _)| String::from_utf8_lossy(name)).collect();
            let mut frames = Frames::connect(&server).await;
            frames.request(1, &fields).await;
            let outcome = frames.outcome(1).await;
            let refused =
                [Outcome::Reset(PROTOCOL_ERROR), Outcome::GoAway(PROTOCOL_ERROR), Outcome::Status(400)];
            assert!(refused.contains(&outcome), "{stack:?} {shown:?}: {outcome:?}");
            assert_eq!(server.calls(), 0, "{shown:?}");
        }
        server.assert_alive().await;
    }
}

#[tokio::test]
async fn values_that_the_stack_lets_through_are_judged_by_the_layer() {
    // covers: EXT-003, EXT-004
    for stack in STACKS {
        let server = Server::start(stack).await;
        let token = server.token();
        let mut frames = Frames::connect(&server).await;
        // Nobody trims a value on this way, and RFC 9113 §8.2.1 forbids what would have to be trimmed.
        let values =
            [" Bearer @", "Bearer @ ", "\tBearer @", "Bearer @\t", "Bearer\t@", "Bearer \t@", "Bearer  ", ""];
        for (index, value) in (0..).zip(values) {
            let value = value.replace('@', &token);
            let stream = 2 * index + 1;
            frames.request(stream, &[&GET[..], &[(b"authorization", value.as_bytes())]].concat()).await;
            assert_eq!(frames.outcome(stream).await, Outcome::Status(400), "{value:?}");
        }
        let value = format!("Bearer {token}");
        frames.request(99, &[&GET[..], &[(b"authorization", value.as_bytes())]].concat()).await;
        assert_eq!((frames.outcome(99).await, server.calls()), (Outcome::Status(200), 1));
    }
}

#[tokio::test]
async fn one_header_block_in_many_frames_is_one_request() {
    // covers: EXT-008
    for stack in STACKS {
        let server = Server::start(stack).await;
        let (token, mut random) = (server.token(), Random::new(12));
        let good = format!("Bearer {token}");
        let authorization = (&b"authorization"[..], good.as_bytes());
        for (fields, expected) in [
            (vec![authorization], 200),
            (vec![authorization; 2], 400),
            (vec![(&b"authorization"[..], &b"Bearer"[..])], 400),
            (vec![], 401),
        ] {
            let block = block(&[&GET[..], &fields].concat());
            let mut frames = Frames::connect(&server).await;
            for stream in [1, 3, 5, 7] {
                // Cut at any octet, also within a name, a length or a token; empty frames count as well.
                let mut cuts: Vec<_> = (0..random.below(4)).map(|_| random.below(block.len())).collect();
                cuts.sort_unstable();
                let mut from = 0;
                for (index, to) in cuts.iter().enumerate() {
                    let kind = if index == 0 { HEADERS } else { CONTINUATION };
                    let flags = if index == 0 { END_STREAM } else { 0 };
                    frames.frame(kind, flags, stream, &block[from..*to]).await;
                    from = *to;
                }
                let (kind, flags) =
                    if from == 0 && cuts.is_empty() { (HEADERS, END_STREAM) } else { (CONTINUATION, 0) };
                frames.frame(kind, flags | END_HEADERS, stream, &block[from..]).await;
                assert_eq!(frames.outcome(stream).await, Outcome::Status(expected), "{cuts:?}");
            }
        }
        assert_eq!(server.calls(), 4);
        // One octet each, without end: the stack gives up on the connection, and serves the next one.
        let block = block(&[&GET[..], &[authorization]].concat());
        let mut frames = Frames::connect(&server).await;
        frames.frame(HEADERS, END_STREAM, 1, &block[..1]).await;
        for octet in &block[1..] {
            frames.frame(CONTINUATION, 0, 1, &[*octet]).await;
        }
        assert_eq!(frames.outcome(1).await, Outcome::GoAway(ENHANCE_YOUR_CALM));
        assert_eq!(server.calls(), 4);
        server.assert_alive().await;
    }
}

#[tokio::test]
async fn fields_behind_the_body_are_no_credential() {
    for stack in STACKS {
        let server = Server::start(stack).await;
        let bearer = format!("Bearer {}", server.token());
        let mut frames = Frames::connect(&server).await;
        frames.frame(HEADERS, END_HEADERS, 1, &block(&GET)).await;
        frames.frame(DATA, 0, 1, bearer.as_bytes()).await;
        let trailers = block(&[(b"authorization", bearer.as_bytes())]);
        frames.frame(HEADERS, END_STREAM | END_HEADERS, 1, &trailers).await;
        assert_eq!((frames.outcome(1).await, server.calls()), (Outcome::Status(401), 0));
        server.assert_alive().await;
    }
}

#[tokio::test]
async fn streams_that_are_reset_at_once_reach_nobody_and_harm_nobody() {
    for stack in STACKS {
        let server = Server::start(stack).await;
        let mut frames = Frames::connect(&server).await;
        for stream in (1..400).step_by(2) {
            frames.request(stream, &[&GET[..], &[(b"authorization", b"Bearer a.b.c")]].concat()).await;
            // CANCEL.
            frames.frame(RST_STREAM, 0, stream, &8_u32.to_be_bytes()).await;
        }
        assert_eq!(server.calls(), 0);
        server.assert_alive().await;
    }
}
