//! Requests over HTTP/1.1 (RFC 9112) as no client library would send them.

use http::Method;
use portcullis::testing::Flaw;
use portcullis::{Decision, Denial, Policy, PolicyInput};

use crate::support::{AUDIENCE, Api, Expected, Random, Server, Stack};

const STACKS: [Stack; 2] = [Stack::Axum, Stack::Hyper];

/// A GET with these lines between `Host` and the empty line.
fn with_lines(lines: impl AsRef<[u8]>) -> Vec<u8> {
    [b"GET /orders HTTP/1.1\r\nHost: api\r\n", lines.as_ref(), b"\r\n"].concat()
}

#[tokio::test]
async fn folded_lines_and_control_octets_never_reach_the_layer() {
    // covers: EXT-022, HH-013
    for stack in STACKS {
        let server = Server::start(stack).await;
        let token = server.token();
        // RFC 9112 §5.2: a server rejects obs-fold.
        for fold in ["\r\n X-Admin: 1", "\r\n\tX-Admin: 1", "\r\n  ", "\n X-Admin: 1"] {
            let request = with_lines(format!("Authorization: Bearer {token}{fold}\r\n"));
            server.refuses(request, Expected::Stack(400)).await;
            let request = with_lines(format!("Authorization:{fold}\r\n Bearer {token}\r\n"));
            server.refuses(request, Expected::Stack(400)).await;
        }
        // RFC 9110 §5.5: CR, LF and NUL are dangerous; the other controls are invalid as well.
        for control in (0..0x20).chain([0x7F]).filter(|octet| !b"\t\n".contains(octet)) {
            for place in ["Bearer @", "Bearer a@b", "Bear@er a", "@Bearer a", "Bearer a@"] {
                let value = place.replace('a', &token).into_bytes();
                let at = value.iter().position(|octet| *octet == b'@').unwrap();
                let value = [&value[..at], &[control], &value[at + 1..]].concat();
                server.refuses(Server::get(value), Expected::Stack(400)).await;
            }
        }
        // RFC 9112 §5.1: no whitespace between name and colon.
        for colon in [" :", "\t:", "  : "] {
            let request = with_lines(format!("Authorization{colon}Bearer {token}\r\n"));
            server.refuses(request, Expected::Stack(400)).await;
        }
    }
}

#[tokio::test]
async fn a_bare_line_feed_ends_a_line_and_never_hides_one() {
    // RFC 9112 §2.2 lets a server take LF as the end of a line, and hyper does: what comes behind it is a field of its
    // own, never a part of the credential. A proxy in front that disagrees is a matter of that proxy.
    for stack in STACKS {
        let server = Server::start(stack).await;
        let token = server.token();
        let mut connection = server.connect().await;
        connection.send(with_lines(format!("Authorization: Bearer {token}\nX-Admin: 1\r\n"))).await;
        let answer = connection.answer().await.unwrap();
        answer.assert_admitted();
        assert_eq!(answer.field("x-seen"), Some("1"), "two fields, as a client may send at any time");
        for (lines, expected) in [
            ("Authorization: Bearer a@Authorization: Bearer @@", Expected::Malformed("repeated_credential")),
            ("X-Note: x@Authorization: Bearer @@", Expected::Malformed("malformed_credential")),
            ("Authorization:@Authorization: Bearer a@@", Expected::Malformed("repeated_credential")),
            ("X-Note: Authorization: Bearer token@@", Expected::Missing),
        ] {
            let lines = lines.replace("token", &token).replace('@', "\n");
            server.refuses(format!("GET / HTTP/1.1\nHost: api\n{lines}"), expected).await;
        }
    }
}

#[tokio::test]
async fn octets_beyond_ascii_are_malformed_wherever_they_stand() {
    // covers: EXT-004, EXT-022
    for stack in STACKS {
        let server = Server::start(stack).await;
        let (token, mut random) = (server.token(), Random::new(1));
        for octet in 0x80..=0xFF {
            let at = random.below(token.len() + 1);
            let inside = [b"Bearer ", &token.as_bytes()[..at], &[octet], &token.as_bytes()[at..]].concat();
            let value = match octet % 4 {
                0 => inside,
                1 => [&[octet][..], format!("Bearer {token}").as_bytes()].concat(),
                2 => [b"Bea", &[octet][..], format!("rer {token}").as_bytes()].concat(),
                _ => [b"Bearer", &[octet][..], token.as_bytes()].concat(),
            };
            server.refuses(Server::get(value), Expected::Malformed("malformed_credential")).await;
        }
        // Where another scheme is named, its credentials are none of our business.
        server.refuses(Server::get(b"Basic \xFF\xFE"), Expected::Missing).await;
    }
}

#[tokio::test]
async fn white_space_around_a_value_is_the_stacks_and_inside_it_is_ours() {
    // covers: EXT-003, EXT-005, HH-001
    for stack in STACKS {
        let server = Server::start(stack).await;
        let token = server.token();
        let mut connection = server.connect().await;
        for (before, after) in [("", ""), ("\t", " \t "), ("   ", "\t"), ("\t\t ", "")] {
            let line = format!("Authorization:{before}Bearer  {token}{after}\r\n");
            connection.send(with_lines(line)).await;
            connection.answer().await.unwrap().assert_admitted();
        }
        for value in
            ["Bearer", "Bearer ", " \tBearer\t", "bEARER    ", "Bearer\t@", "Bearer \t@", "Bearer @\tx"]
        {
            let value = value.replace('@', &token);
            server.refuses(Server::get(value), Expected::Malformed("malformed_credential")).await;
        }
        server.refuses(Server::get(""), Expected::Malformed("malformed_credential")).await;
    }
}

#[tokio::test]
async fn more_than_one_authorization_line_is_refused_in_any_number_case_and_order() {
    // covers: EXT-008, EXT-009, HH-003, HH-005
    for stack in STACKS {
        let server = Server::start(stack).await;
        let (token, mut random) = (server.token(), Random::new(2));
        let values = [
            format!("Bearer {token}"),
            "Basic eA==".to_owned(),
            String::new(),
            "Bearer".to_owned(),
            "DPoP x".to_owned(),
            token.clone(),
            format!("Bearer {token}, Bearer {token}"),
        ];
        for count in (2..=40).chain([99]) {
            let mut lines: Vec<String> = (0..count)
                .map(|_| format!("{}: {}\r\n", random.any_case("authorization"), random.pick(&values)))
                .collect();
            // Among other fields, and not side by side.
            for _ in 0..random.below(5).min(99 - count) {
                lines.insert(random.below(lines.len() + 1), "X-Note: Bearer x\r\n".to_owned());
            }
            server.refuses(with_lines(lines.concat()), Expected::Malformed("repeated_credential")).await;
        }
        // With `Host` that is a line more than hyper takes.
        for count in [100, 101, 200] {
            let lines = "Authorization: Bearer a.b.c\r\n".repeat(count);
            server.refuses(with_lines(lines), Expected::Stack(431)).await;
        }
        for value in [
            format!("Bearer {token}, Bearer {token}"),
            format!("Bearer {token},"),
            format!("Basic eA==, Bearer {token}"),
            format!("Bearer {token};q=1"),
            format!("Bearer , Bearer {token}"),
        ] {
            let expected = if value.starts_with("Basic") {
                Expected::Missing
            } else {
                Expected::Malformed("malformed_credential")
            };
            server.refuses(Server::get(value), expected).await;
        }
    }
}

#[tokio::test]
async fn a_value_is_looked_at_up_to_16_kib_and_a_head_up_to_what_the_stack_takes() {
    // covers: EXT-019
    const LARGEST: usize = 16 * 1024;
    for stack in STACKS {
        let server = Server::start(stack).await;
        let (token, mut random) = (server.token(), Random::new(3));
        let letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/";
        for length in [LARGEST - 1, LARGEST, LARGEST + 1, LARGEST + 2, 64 * 1024, 300_000] {
            let expected = match length > LARGEST {
                true => Expected::Malformed("oversized_credential"),
                false => Expected::Invalid("malformed_token"),
            };
            let filler = random.text(letters, length);
            for start in ["Bearer ".to_owned(), format!("Bearer {token}"), format!("Bearer {token}.")] {
                let value = format!("{start}{filler}");
                server.refuses(Server::get(&value[..length]), expected).await;
            }
            // The grammar is judged within the limit only.
            let spaces = format!("Bearer{}a.b", " ".repeat(length - 9));
            server.refuses(Server::get(spaces), expected).await;
            let padding = format!("Bearer {token}{}", "=".repeat(length - 7 - token.len()));
            server.refuses(Server::get(padding), expected).await;
        }
        // Far beyond, the stack refuses, or it closes before it has read everything.
        for length in [2_000_000, 5_000_000] {
            let (mut connection, before) = (server.connect().await, server.calls());
            connection.send(Server::get(format!("Bearer {}", random.text(letters, length)))).await;
            if let Some(answer) = connection.answer().await {
                answer.assert_is(Expected::Stack(431));
            }
            assert_eq!(server.calls(), before);
            server.assert_alive().await;
        }
    }
}

#[tokio::test]
async fn only_the_field_of_that_name_is_a_source_of_tokens() {
    // covers: EXT-014, EXT-017, EXT-018, HH-009, HH-011
    for stack in STACKS {
        let server = Server::start(stack).await;
        let (token, mut random) = (server.token(), Random::new(4));
        let mut connection = server.connect().await;
        for _ in 0..20 {
            let name = random.any_case("authorization");
            connection.send(with_lines(format!("{name}: Bearer {token}\r\n"))).await;
            connection.answer().await.unwrap().assert_admitted();
            let forged = server.issuer.token(AUDIENCE).flaw(Flaw::BadSignature).sign();
            let expected = Expected::Invalid("bad_signature");
            server.refuses(with_lines(format!("{name}: Bearer {forged}\r\n")), expected).await;
        }
        for name in [
            "Proxy-Authorization",
            "X-Authorization",
            "X-Forwarded-Authorization",
            "X-Original-Authorization",
            "Authorization_",
            "Authorization-",
            "HTTP_AUTHORIZATION",
            "Authorisation",
            "Authorizatio",
            "Authentication-Info",
            "Bearer",
            "X-Access-Token",
            "Access-Token",
            "Token",
            "Cookie",
            "Sec-WebSocket-Protocol",
            "X-Goog-Iap-Jwt-Assertion",
            "X-Amzn-Oidc-Accesstoken",
            "Trailer",
        ] {
            for value in [format!("Bearer {token}"), token.clone(), format!("access_token={token}")] {
                server.refuses(with_lines(format!("{name}: {value}\r\n")), Expected::Missing).await;
            }
        }
        // Bodies and trailers come after the decision.
        let form = format!("access_token={token}");
        let part = format!(
            "--x\r\nContent-Disposition: form-data; name=\"access_token\"\r\n\r\n{token}\r\n--x--\r\n"
        );
        for (kind, body) in [
            ("application/x-www-form-urlencoded", form),
            ("multipart/form-data; boundary=x", part),
            ("application/json", format!(r#"{{"access_token":"{token}"}}"#)),
        ] {
            let head = format!("POST / HTTP/1.1\r\nHost: api\r\nContent-Type: {kind}\r\n");
            let length = body.len();
            let request = format!("{head}Content-Length: {length}\r\n\r\n{body}");
            server.refuses(request, Expected::Missing).await;
            let chunked = format!(
                "{head}Transfer-Encoding: chunked\r\nTrailer: Authorization\r\n\r\n{length:x}\r\n{body}\r\n0\r\nAuthorization: Bearer {token}\r\n\r\n"
            );
            server.refuses(chunked, Expected::Missing).await;
        }
    }
}

#[tokio::test]
async fn a_query_names_a_token_however_it_is_spelled_and_never_brings_one() {
    // covers: EXT-010, EXT-011, EXT-012, HH-007
    for stack in STACKS {
        let server = Server::start(stack).await;
        let (token, mut random) = (server.token(), Random::new(5));
        let bearer = format!("Authorization: Bearer {token}\r\n");
        let request =
            |target: &str, lines: &str| format!("GET {target} HTTP/1.1\r\nHost: api\r\n{lines}\r\n");
        for _ in 0..60 {
            let mut name = String::new();
            for letter in "access_token".bytes() {
                match random.below(3) {
                    0 => name += &random.any_case(&format!("%{letter:02x}")),
                    _ => name.push(char::from(letter)),
                }
            }
            let value = random.pick(&["", "=", "=x", "==", "=%00", "=a&b=c"]);
            let before = random.pick(&["", "a=b&", "&", "&&", "a&=&", "access_token2=x&"]);
            let target =
                format!("{}?{before}{name}{value}", random.pick(&["/", "/orders", "http://api/", "//x//"]));
            let expected = Expected::Malformed("several_methods");
            server.refuses(request(&target, &bearer), expected).await;
            let target = format!("/?{before}{name}={token}");
            server.refuses(request(&target, ""), Expected::Missing).await;
        }
        // Names that are others.
        let mut connection = server.connect().await;
        for query in [
            "Access_Token=x",
            "ACCESS_TOKEN=x",
            "access-token=x",
            "access+token=x",
            "access%20token=x",
            "access_token%00=x",
            "access_token+=x",
            "%20access_token=x",
            "access_token[]=x",
            "access_token.=x",
            "xaccess_token=x",
            "%2561ccess_token=x",
            "%6%31ccess_token=x",
            "access%_token=x",
            "access%5=x",
            "a=b;access_token=x",
            "a=access_token",
            "?access_token=x",
            "a=b?access_token=x",
            "%26access_token=x",
            "x=%26access_token=x",
            "acces%c5%bf_token=x",
            "\u{430}ccess_token=x",
        ] {
            connection.send(request(&format!("/?{query}"), &bearer)).await;
            connection.answer().await.unwrap().assert_admitted();
            server.refuses(request(&format!("/?{query}{token}"), ""), Expected::Missing).await;
        }
    }
}

#[tokio::test]
async fn every_form_of_target_method_and_version_meets_the_same_gate() {
    for stack in STACKS {
        let server = Server::start(stack).await;
        let token = server.token();
        for (line, admitted) in [
            ("GET http://evil.example/orders HTTP/1.1", true),
            ("GET HTTPS://user:pw@evil.example:99/ HTTP/1.1", true),
            ("OPTIONS * HTTP/1.1", true),
            ("DELETE / HTTP/1.1", true),
            ("PATCH /../../etc/passwd HTTP/1.1", true),
            ("TRACE / HTTP/1.1", true),
            ("GET //evil.example/%2e%2e/%00?%zz HTTP/1.1", true),
            ("BREW / HTTP/1.1", true),
            ("get / HTTP/1.1", true),
            ("GET / HTTP/1.0", true),
            ("CONNECT evil.example:443 HTTP/1.1", false),
        ] {
            println!("{stack:?} {line}");
            for lines in
                ["", "X-HTTP-Method-Override: OPTIONS\r\n", "Upgrade: websocket\r\nConnection: upgrade\r\n"]
            {
                let keep = if line.ends_with("1.0") { "Connection: keep-alive\r\n" } else { "" };
                let request = |more: &str| format!("{line}\r\nHost: api\r\n{lines}{keep}{more}\r\n");
                let bad = "Authorization: Bearer a.b.c\r\n";
                server.refuses(request(""), Expected::Missing).await;
                server.refuses(request(bad), Expected::Invalid("malformed_token")).await;
                if admitted {
                    let mut connection = server.connect().await;
                    connection.send(request(&format!("Authorization: Bearer {token}\r\n"))).await;
                    connection.answer().await.unwrap().assert_admitted();
                }
            }
        }
        // No hop-by-hop trick takes the field away.
        let lines = format!("Connection: Authorization, close\r\nAuthorization: Bearer {token}\r\n");
        let mut connection = server.connect().await;
        connection.send(with_lines(lines)).await;
        connection.answer().await.unwrap().assert_admitted();
    }
}

/// Lets nobody delete.
#[derive(Debug)]
struct NothingIsDeleted;

impl Policy for NothingIsDeleted {
    fn decide(&self, input: &PolicyInput<'_>) -> Decision {
        match input.method() {
            &Method::DELETE => Decision::Deny(Denial::because("nothing is deleted")),
            _ => Decision::Allow,
        }
    }
}

#[tokio::test]
async fn the_method_of_the_request_line_is_the_one_that_is_judged() {
    // covers: HH-017, POL-008
    for stack in STACKS {
        let (issuer, server, _) = Api::parts();
        let layer = server.build().unwrap().require(NothingIsDeleted);
        let server = Server::with(stack, layer, issuer).await;
        let (token, mut random) = (server.token(), Random::new(8));
        let mut connection = server.connect().await;
        for name in
            ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override", "X-Original-Method", "_method"]
        {
            let name = random.any_case(name);
            for (method, other, status) in
                [("DELETE", "GET", 403), ("GET", "DELETE", 200), ("delete", "GET", 200)]
            {
                let lines = format!("{name}: {other}\r\nAuthorization: Bearer {token}\r\n");
                let before = server.calls();
                connection
                    .send(format!("{method} /?_method={other} HTTP/1.1\r\nHost: api\r\n{lines}\r\n"))
                    .await;
                let answer = connection.answer().await.unwrap();
                assert_eq!(answer.status, status, "{name}: {other}");
                if status == 403 {
                    answer.assert_is(Expected::Denied);
                }
                assert_eq!(server.calls() - before, usize::from(status == 200));
            }
        }
    }
}

#[tokio::test]
async fn pipelined_requests_are_judged_one_by_one_in_their_order() {
    for stack in STACKS {
        let server = Server::start(stack).await;
        let (token, mut random) = (server.token(), Random::new(6));
        let good = format!("Bearer {token}");
        let kinds = [
            (Some(good.clone()), None),
            (Some("Bearer a.b.c".to_owned()), Some(Expected::Invalid("malformed_token"))),
            (Some("Bearer".to_owned()), Some(Expected::Malformed("malformed_credential"))),
            (None, Some(Expected::Missing)),
            (
                Some(format!("{good}\r\nAuthorization: {good}")),
                Some(Expected::Malformed("repeated_credential")),
            ),
        ];
        for _ in 0..20 {
            // The first one is refused.
            let mut sequence = vec![random.pick(&kinds[1..])];
            sequence.extend((0..20).map(|_| random.pick(&kinds)));
            let request = |value: &Option<String>| match value {
                Some(value) => Server::get(value),
                None => with_lines(""),
            };
            let octets: Vec<u8> = sequence.iter().flat_map(|(value, _)| request(value)).collect();
            let (mut connection, before) = (server.connect().await, server.calls());
            connection.send(octets).await;
            for (_, expected) in &sequence {
                let answer = connection.answer().await.unwrap();
                expected.map_or_else(|| answer.assert_admitted(), |expected| answer.assert_is(expected));
            }
            let admitted = sequence.iter().filter(|(_, expected)| expected.is_none()).count();
            assert_eq!(server.calls() - before, admitted);
            server.assert_serves(&mut connection).await;
        }
    }
}

#[tokio::test]
async fn the_body_of_a_refused_request_is_no_request() {
    for stack in STACKS {
        let server = Server::start(stack).await;
        let inner = String::from_utf8(Server::get(format!("Bearer {}", server.token()))).unwrap();
        let (length, hex) = (inner.len(), format!("{:x}", inner.len()));
        for head in [
            format!("Content-Length: {length}\r\n\r\n{inner}"),
            format!("Transfer-Encoding: chunked\r\n\r\n{hex}\r\n{inner}\r\n0\r\n\r\n"),
            format!("Expect: 100-continue\r\nContent-Length: {length}\r\n\r\n{inner}"),
        ] {
            let (mut connection, before) = (server.connect().await, server.calls());
            connection.send(format!("POST / HTTP/1.1\r\nHost: api\r\n{head}")).await;
            connection.answer().await.unwrap().assert_is(Expected::Missing);
            // Either the body was read over, or the connection ends: it never becomes a second request.
            connection.send(Server::get("Bearer a.b.c")).await;
            if let Some(second) = connection.answer().await {
                second.assert_is(Expected::Invalid("malformed_token"));
            }
            assert_eq!(server.calls(), before);
            server.assert_alive().await;
        }
        // Lengths that two parties could read differently.
        for lines in [
            format!("Content-Length: {length}\r\nContent-Length: 0\r\n"),
            format!("Content-Length: +{length}\r\n"),
            "Content-Length: 0x10\r\n".to_owned(),
            "Transfer-Encoding: xchunked\r\n".to_owned(),
            "Transfer-Encoding: chunked, identity\r\n".to_owned(),
        ] {
            let request = format!("POST / HTTP/1.1\r\nHost: api\r\n{lines}\r\n{inner}");
            server.refuses(request, Expected::Stack(400)).await;
        }
    }
}

#[tokio::test]
async fn a_head_request_is_refused_with_the_same_fields_and_no_octet_of_body() {
    // covers: CHL-020
    for stack in STACKS {
        let server = Server::start(stack).await;
        for (lines, expected) in [
            ("", Expected::Missing),
            ("Authorization: Bearer\r\n", Expected::Malformed("malformed_credential")),
            ("Authorization: Bearer a.b.c\r\n", Expected::Invalid("malformed_token")),
        ] {
            let mut connection = server.connect().await;
            connection.send(format!("HEAD / HTTP/1.1\r\nHost: api\r\n{lines}\r\n")).await;
            connection.answer_to_head().await.unwrap().assert_is(expected);
            // What comes next is the next answer, not the rest of this one.
            server.assert_serves(&mut connection).await;
        }
        let mut connection = server.connect().await;
        let token = server.token();
        connection
            .send(format!("HEAD / HTTP/1.1\r\nHost: api\r\nAuthorization: Bearer {token}\r\n\r\n"))
            .await;
        let answer = connection.answer_to_head().await.unwrap();
        assert_eq!((answer.status, answer.body.len(), server.calls()), (200, 0, 4));
    }
}

#[tokio::test]
async fn noise_is_never_admitted_and_harms_nobody() {
    for stack in STACKS {
        let server = Server::start(stack).await;
        let (token, mut random) = (server.token(), Random::new(7));
        for _ in 0..150 {
            let mut request = Server::get(format!("Bearer {token}"));
            let good = request.clone();
            // A few octets anywhere are replaced, taken away or put in.
            for _ in 0..=random.below(4) {
                let at = random.below(request.len());
                match random.below(3) {
                    0 => request[at] = random.bytes(1)[0],
                    1 => drop(request.remove(at)),
                    _ => request.insert(at, random.bytes(1)[0]),
                }
            }
            request.extend(b"\r\n\r\n");
            let (mut connection, before) = (server.connect().await, server.calls());
            connection.send(&request).await;
            connection.end().await;
            let first = connection.answer().await;
            // Octets outside the credential may be changed without harm; one inside may not.
            let credential = format!("Bearer {token}").into_bytes();
            let intact =
                request.windows(credential.len()).any(|window| window.eq_ignore_ascii_case(&credential));
            let admitted = server.calls() > before;
            assert!(!admitted || intact, "{}", String::from_utf8_lossy(&request));
            let status = first.map_or(0, |answer| answer.status);
            assert!([0, 200, 400, 401, 404, 431, 505].contains(&status), "{status} from {good:?}");
        }
        for noise in
            [&b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..], b"\0\0\0\0\r\n\r\n", b"SSH-2.0-x\r\n\r\n"]
        {
            let mut connection = server.connect().await;
            connection.send(noise).await;
            connection.end().await;
            let status = connection.answer().await.map_or(400, |answer| answer.status);
            assert_eq!(status, 400);
        }
        server.assert_alive().await;
    }
}
