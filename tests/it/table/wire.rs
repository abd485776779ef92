//! What comes over a connection, octet by octet, to a service behind a table.

use portcullis::testing::Issuer;
use portcullis::{
    PolicyTable, RequireLayer, ResourceServer, TrustedIssuer, anyone, authenticated, role, scope,
};

use crate::support::frames::{Frames, Outcome};
use crate::support::{AUDIENCE, Expected, ISSUER, Random, Server, Stack};

const STACKS: [Stack; 2] = [Stack::Axum, Stack::Hyper];

/// Anybody with a token reads, and only administrators do what is below `/admin`; `/public` is for everybody.
async fn start(stack: Stack) -> Server {
    let issuer = Issuer::offline(ISSUER);
    let layer = layer(&issuer);
    Server::with(stack, layer, issuer).await
}

fn layer(issuer: &Issuer) -> RequireLayer {
    let table = PolicyTable::builder()
        .rule("GET,OPTIONS /", authenticated())
        .rule("GET,POST /orders/{id}", authenticated())
        .rule("DELETE /orders/{id}", role("admin"))
        .rule("GET /admin", role("admin"))
        .rule("* /admin/{*rest}", role("admin"))
        .rule("GET /public", anyone())
        .rule("GET /long/{*rest}", authenticated())
        .rule("POST /orders.v1.Orders/Count", scope("orders:read"));
    let server =
        ResourceServer::builder(TrustedIssuer::new(ISSUER).jwk_set(issuer.jwk_set())).audience(AUDIENCE);
    server.build().unwrap().require(table.build().unwrap())
}

/// A request line and more fields, with the token of somebody who is no administrator.
fn request(server: &Server, line: &str, lines: &str) -> String {
    format!("{line} HTTP/1.1\r\nHost: api\r\nAuthorization: Bearer {}\r\n{lines}\r\n", server.token())
}

async fn admits(server: &Server, line: &str, lines: &str) {
    let (mut connection, before) = (server.connect().await, server.calls());
    connection.send(request(server, line, lines)).await;
    connection.answer().await.unwrap().assert_admitted();
    assert_eq!(server.calls(), before + 1, "{line}");
}

#[tokio::test]
async fn neither_query_nor_fragment_is_a_part_of_the_path_that_finds_the_rule() {
    // covers: POL-007
    for stack in STACKS {
        let server = start(stack).await;
        for tail in [
            "",
            "?",
            "?x=/public",
            "?/../public",
            "?x=/../../public",
            "#",
            "#/public",
            "#x?/public",
            "?x#/../public",
        ] {
            let answer = request(&server, &format!("GET /admin{tail}"), "");
            server.refuses(answer, Expected::Denied).await;
            // Without a token, what stands behind the path makes nothing public.
            server
                .refuses(format!("GET /admin{tail} HTTP/1.1\r\nHost: api\r\n\r\n"), Expected::Missing)
                .await;
            admits(&server, &format!("GET /orders/7{tail}"), "").await;
        }
        // What is encoded is part of the path, which no rule is for.
        for path in [
            "/admin%3f",
            "/admin%3Fx=/public",
            "/admin%23",
            "/admin%23/public",
            "/admin;x=1",
            "/admin/",
            "/Admin",
        ] {
            server.refuses(request(&server, &format!("GET {path}"), ""), Expected::Denied).await;
        }
        for path in ["/public%3f", "/public;", "/public/../admin", "//public", "/public/", "/%70ublic"] {
            server.refuses(format!("GET {path} HTTP/1.1\r\nHost: api\r\n\r\n"), Expected::Missing).await;
        }
    }
}

#[tokio::test]
async fn a_target_in_another_form_finds_the_rule_of_its_path_or_none() {
    // covers: POL-007
    for stack in STACKS {
        let server = start(stack).await;
        for target in [
            "http://api/orders/7",
            "http://evil.example:99/orders/7?x",
            "HTTPS://u:p@h/orders/7",
            "http://api",
            "http://api?/x",
        ] {
            admits(&server, &format!("GET {target}"), "").await;
        }
        for line in [
            "GET http://api/admin",
            "GET http://admin/admin?/orders/7",
            "GET http://api//orders/7",
            "GET http://api/orders/../orders/7",
            "OPTIONS *",
            "GET *",
            "GET /*",
            "CONNECT api:443",
            "CONNECT orders:80",
            "GET admin",
            "GET orders:80",
            "DELETE /orders/7",
            "GET /orders/7/",
            "GET /orders//7",
            "GET /./orders/7",
            "GET /x/../orders/7",
            "GET /orders/%2e%2e",
            "GET /orders/..",
            "GET /orders/7%00",
            "GET /orders/7%2f..",
            "GET /orders%2F7",
            "GET /orders/7%5c..",
            "GET /orders/%37",
            "GET /orders/7\"",
            "GET /orders/{id}",
        ] {
            println!("{stack:?} {line}");
            server.refuses(request(&server, line, ""), Expected::Denied).await;
        }
        // What is no target at all.
        for line in ["GET orders/7", "GET \\orders\\7", "GET ", "GET /orders/7 x", "GET /orders/7\u{1}"] {
            println!("{stack:?} {line}");
            server.refuses(request(&server, line, ""), Expected::Stack(400)).await;
        }
        // As long as the stack takes it, and longer.
        let path = |length: usize| format!("GET /long{}", "/a".repeat(length / 2));
        admits(&server, &path(65_000), "").await;
        server.refuses(request(&server, &path(70_000), ""), Expected::Stack(414)).await;
    }
}

#[tokio::test]
async fn a_path_of_http_2_without_a_slash_in_front_finds_no_rule() {
    // covers: POL-007
    for stack in STACKS {
        let server = start(stack).await;
        let bearer = format!("Bearer {}", server.token());
        let asked = async |method: &str, path: Option<&str>| {
            let mut frames = Frames::connect(&server).await;
            let mut fields =
                vec![(&b":method"[..], method.as_bytes()), (b":scheme", b"http"), (b":authority", b"api")];
            fields.extend(path.map(|path| (&b":path"[..], path.as_bytes())));
            fields.push((b"authorization", bearer.as_bytes()));
            frames.request(1, &fields).await;
            frames.outcome(1).await
        };
        assert_eq!(asked("GET", Some("/orders/7")).await, Outcome::Status(200));
        // RFC 3986 §6.2.3: without a path it is the root's.
        for path in ["?/admin", "#/admin"] {
            assert_eq!(asked("GET", Some(path)).await, Outcome::Status(200), "{path}");
            assert_eq!(asked("DELETE", Some(path)).await, Outcome::Status(403), "{path}");
        }
        assert_eq!(server.calls(), 3);
        for path in [
            "admin",
            "orders/7",
            "*",
            "",
            "\\orders\\7",
            "http://api/orders/7",
            "api:443",
            "//orders/7",
            "/admin",
        ] {
            for method in ["GET", "OPTIONS", "POST"] {
                let outcome = asked(method, Some(path)).await;
                let refused =
                    matches!(outcome, Outcome::Status(400 | 403) | Outcome::Reset(_) | Outcome::GoAway(_));
                assert!(refused, "{stack:?} {method} {path}: {outcome:?}");
                assert_eq!(server.calls(), 3, "{method} {path}");
            }
        }
        // RFC 9113 §8.5: it has no path, and no scheme.
        let mut frames = Frames::connect(&server).await;
        let connect = [
            (&b":method"[..], &b"CONNECT"[..]),
            (b":authority", b"api:443"),
            (b"authorization", bearer.as_bytes()),
        ];
        frames.request(1, &connect).await;
        assert_eq!((frames.outcome(1).await, server.calls()), (Outcome::Status(403), 3));
        server.assert_alive().await;
    }
}

#[tokio::test]
async fn the_rule_is_that_of_the_method_of_the_request_line_whatever_else_names_one() {
    // covers: HH-017, POL-008
    for stack in STACKS {
        let server = start(stack).await;
        let mut random = Random::new(121);
        for name in [
            "X-HTTP-Method-Override",
            "X-HTTP-Method",
            "X-Method-Override",
            "X-Original-Method",
            "X-Forwarded-Method",
        ] {
            let name = random.any_case(name);
            let lines = format!("{name}: GET\r\n");
            for line in [
                "DELETE /orders/7",
                "DELETE /orders/7?_method=GET",
                "PUT /orders/7",
                "get /orders/7",
                "OPTIONS /orders/7",
            ] {
                server.refuses(request(&server, line, &lines), Expected::Denied).await;
            }
            admits(&server, "GET /orders/7", &format!("{name}: DELETE\r\n")).await;
            let form = "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 14\r\n";
            let delete = request(&server, "DELETE /orders/7", &format!("{lines}{form}"));
            server.refuses(format!("{delete}_method=GET&a="), Expected::Denied).await;
        }
        for (method, path, status) in [
            ("HEAD", "/orders/7", 200),
            ("HEAD", "/admin", 403),
            ("HEAD", "/admin/x", 403),
            ("HEAD", "/none", 403),
        ] {
            let mut connection = server.connect().await;
            connection.send(request(&server, &format!("{method} {path}"), "")).await;
            assert_eq!(connection.answer_to_head().await.unwrap().status, status, "{path}");
        }
        // A request of this method with a body is no preflight, and a preflight is no exception.
        let preflight = "Origin: https://app.example\r\nAccess-Control-Request-Method: GET\r\n";
        for body in ["", "Content-Length: 5\r\n", "Transfer-Encoding: chunked\r\n"] {
            let content = match body.split(':').next() {
                Some("Content-Length") => "GET /",
                Some("Transfer-Encoding") => "5\r\nGET /\r\n0\r\n\r\n",
                _ => "",
            };
            for path in ["/admin/x", "/orders/7", "/nothing"] {
                let head = format!("OPTIONS {path} HTTP/1.1\r\nHost: api\r\n{preflight}{body}\r\n");
                server.refuses(format!("{head}{content}"), Expected::Missing).await;
                let head = request(&server, &format!("OPTIONS {path}"), &format!("{preflight}{body}"));
                server.refuses(format!("{head}{content}"), Expected::Denied).await;
            }
        }
    }
}

#[tokio::test]
async fn no_field_of_a_request_changes_which_rule_is_asked_or_says_that_one_was() {
    // covers: POL-007, POL-008
    for stack in STACKS {
        let server = start(stack).await;
        let mut random = Random::new(122);
        for field in [
            "X-Forwarded-Uri: /public",
            "X-Forwarded-Path: /public",
            "X-Forwarded-Prefix: /public",
            "X-Forwarded-Host: public",
            "X-Forwarded-For: 127.0.0.1",
            "X-Forwarded-Proto: https",
            "X-Forwarded-Method: GET",
            "Forwarded: for=127.0.0.1;host=public;proto=https",
            "X-Original-URL: /public",
            "X-Original-URI: /public",
            "X-Rewrite-URL: /public",
            "X-Envoy-Original-Path: /public",
            "X-Accel-Redirect: /public",
            "X-Real-IP: 127.0.0.1",
            "X-Host: public",
            "Referer: http://api/public",
            "Origin: http://api",
            "User-Agent: kube-probe/1.30",
            "User-Agent: GoogleHC/1.0",
            "User-Agent: ELB-HealthChecker/2.0",
            "X-Middleware-Subrequest: middleware:middleware:middleware:middleware:middleware",
            "X-Auth-Request-User: admin",
            "X-Forwarded-User: admin",
            "X-User: admin",
            "X-Authenticated: true",
            "X-Internal: 1",
            "X-Portcullis-Validated: true",
            "Early-Data: 1",
            "Connection: Authorization",
            "Upgrade: h2c",
        ] {
            let (name, value) = field.split_once(':').unwrap();
            let lines = format!("{}:{value}\r\n", random.any_case(name));
            let bare = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: api\r\n{lines}\r\n");
            server.refuses(request(&server, "GET /admin", &lines), Expected::Denied).await;
            server.refuses(bare("/admin"), Expected::Missing).await;
            server.refuses(bare("/orders/7"), Expected::Missing).await;
            admits(&server, "GET /orders/7", &lines).await;
        }
        // No rule is about a host, so that none of its spellings is another rule.
        for host in ["API", "api.", "api:443", "public", "127.0.0.1", "[::1]", "xn--bcher-kva.example", ""] {
            let denied = request(&server, "GET /admin", "").replace("Host: api", &format!("Host: {host}"));
            server.refuses(denied, Expected::Denied).await;
        }
    }
}
