//! Tokens in the query and in cookies: off, unless a server was told their names.

use http::{Method, Request, header};
use portcullis::testing::Flaw;
use portcullis::{ResourceServerBuilder, authenticated};

use crate::support::{AUDIENCE, Api};

fn api(configure: impl FnOnce(ResourceServerBuilder) -> ResourceServerBuilder) -> (String, Api) {
    let (issuer, server, _) = Api::parts();
    let token = issuer.token(AUDIENCE).sign();
    (token, Api::new(configure(server).build().unwrap().require(authenticated())))
}

fn get(uri: &str) -> http::request::Builder {
    Request::get(uri)
}

#[tokio::test]
async fn a_token_in_the_query_is_read_where_its_parameter_was_named() {
    // covers: EXT-013, EXT-011
    let (token, api) = api(|server| server.dangerous_token_in_query("access_token"));
    for query in [
        format!("access_token={token}"),
        format!("a=b&access%5Ftoken={token}&c"),
        format!("&&access_token={}", token.replace('.', "%2E")),
    ] {
        let answer = api.send(get(&format!("/?{query}")).body(()).unwrap()).await;
        answer.assert_admitted();
        assert_eq!(answer.headers[header::CACHE_CONTROL], "private");
    }
    // By field: nothing is said about caches.
    let answer = api.token(&token).await;
    answer.assert_admitted();
    assert!(!answer.headers.contains_key(header::CACHE_CONTROL));
    // Another name is another parameter, in another case too.
    for query in ["token", "Access_Token", "access_token%00", ""] {
        api.send(get(&format!("/?{query}={token}")).body(()).unwrap()).await.assert_unauthenticated();
    }
    api.send(get("/").body(()).unwrap()).await.assert_unauthenticated();
}

#[tokio::test]
async fn a_token_in_the_query_is_judged_like_any_other() {
    // covers: EXT-013
    let (issuer, server, _) = Api::parts();
    let auth = server.dangerous_token_in_query("t").build().unwrap();
    let api = Api::new(auth.require(authenticated()));
    for (flaw, code) in [(Flaw::Expired, "expired"), (Flaw::BadSignature, "bad_signature")] {
        let token = issuer.token(AUDIENCE).flaw(flaw).sign();
        let answer = api.send(get(&format!("/?t={token}")).body(()).unwrap()).await;
        answer.assert_invalid(code);
        assert_eq!(answer.headers[header::CACHE_CONTROL], "no-store");
    }
}

#[tokio::test]
async fn a_parameter_that_is_repeated_or_malformed_is_a_malformed_request() {
    // covers: EXT-010
    let (token, api) = api(|server| server.dangerous_token_in_query("access_token"));
    let send = async |query: String| api.send(get(&format!("/?{query}")).body(()).unwrap()).await;
    send(format!("access_token={token}&access_token={token}")).await.assert_malformed("repeated_credential");
    send(format!("access_token={token}&access%5ftoken=")).await.assert_malformed("repeated_credential");
    for value in ["", "a%20b", "a+b", "%FF", "%00", "a,b", "=", "%C3%A9"] {
        send(format!("access_token={value}")).await.assert_malformed("malformed_credential");
    }
    send("access_token".to_owned()).await.assert_malformed("malformed_credential");
    send(format!("access_token={}", "a".repeat(16 * 1024 + 1)))
        .await
        .assert_malformed("oversized_credential");
}

#[tokio::test]
async fn every_enabled_carrier_counts_as_a_method() {
    // covers: EXT-010, EXT-012
    let (token, api) = api(|server| server.dangerous_token_in_query("t").token_in_cookie("c"));
    let bearer = format!("Bearer {token}");
    let (query, cookie) = (format!("/?t={token}"), format!("c={token}"));
    let own = |request: http::request::Builder| request.header("sec-fetch-site", "same-origin");
    for request in [
        get(&query).header("authorization", &bearer),
        own(get("/")).header("authorization", &bearer).header("cookie", &cookie),
        own(get(&query)).header("cookie", &cookie),
        // The usual name counts, whatever the parameter that is read.
        get(&format!("/?access_token={token}")).header("authorization", &bearer),
        get(&format!("{query}&access_token={token}")),
        own(get("/?access_token")).header("cookie", &cookie),
    ] {
        api.send(request.body(()).unwrap()).await.assert_malformed("several_methods");
    }
    // A credential of another scheme is none, and does not hide one that is there.
    api.send(get(&query).header("authorization", "Basic x").body(()).unwrap()).await.assert_admitted();
}

#[tokio::test]
async fn a_token_in_a_cookie_is_read_where_its_name_was_given() {
    // covers: EXT-018
    let (token, api) = api(|server| server.token_in_cookie("__Host-token"));
    let send = async |cookies: &[String]| {
        let request = cookies.iter().fold(get("/"), |request, cookie| request.header("cookie", cookie));
        api.send(request.body(()).unwrap()).await
    };
    send(&[format!("__Host-token={token}")]).await.assert_admitted();
    send(&[format!("a=b; __Host-token={token};c=d")]).await.assert_admitted();
    // HTTP/2 splits the field (RFC 9113 §8.2.3).
    send(&["a=b".to_owned(), format!("__Host-token={token}")]).await.assert_admitted();
    for cookie in [
        format!("token={token}"),
        format!("x__Host-token={token}"),
        format!("__host-token={token}"),
        format!("__Host-token {token}"),
    ] {
        send(&[cookie]).await.assert_unauthenticated();
    }
    send(&[format!("__Host-token={token}; __Host-token={token}")])
        .await
        .assert_malformed("repeated_credential");
    send(&[format!("__Host-token={token}"), "__Host-token=".to_owned()])
        .await
        .assert_malformed("repeated_credential");
    for value in ["", "\"quoted\"", "a b", "a,b"] {
        send(&[format!("__Host-token={value}")]).await.assert_malformed("malformed_credential");
    }
    api.token(&token).await.assert_admitted();
}

#[tokio::test]
async fn a_token_in_a_cookie_acts_only_for_pages_of_the_same_origin() {
    // covers: EXT-018
    let (token, api) = api(|server| server.token_in_cookie("c"));
    let post = |fields: &[(&str, &str)]| {
        let request =
            Request::post("/").header("cookie", format!("c={token}")).header("host", "app.example:8443");
        let request = fields.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        request.body(()).unwrap()
    };
    for fields in [
        [("sec-fetch-site", "same-origin")].as_slice(),
        &[("sec-fetch-site", "none")],
        // Behind a proxy the host may have changed; the browser's word is enough.
        &[("sec-fetch-site", "same-origin"), ("origin", "https://public.example")],
        &[("origin", "https://app.example:8443")],
        &[("origin", "https://APP.example:8443")],
    ] {
        api.send(post(fields)).await.assert_admitted();
    }
    for fields in [
        [].as_slice(),
        &[("sec-fetch-site", "cross-site")],
        &[("sec-fetch-site", "same-site")],
        &[("sec-fetch-site", "same-origin"), ("sec-fetch-site", "cross-site")],
        &[("sec-fetch-site", "Same-Origin")],
        &[("sec-fetch-site", "cross-site"), ("origin", "https://app.example:8443")],
        &[("origin", "null")],
        &[("origin", "https://app.example")],
        &[("origin", "https://app.example:8443.evil.example")],
        &[("origin", "https://evil.example")],
        &[("origin", "https://")],
        &[("origin", "app.example:8443")],
        &[("origin", "https://app.example:8443"), ("origin", "https://evil.example")],
    ] {
        api.send(post(fields)).await.assert_cross_site();
    }
    for method in
        [Method::PUT, Method::DELETE, Method::PATCH, Method::CONNECT, Method::from_bytes(b"PURGE").unwrap()]
    {
        let mut request = post(&[]);
        *request.method_mut() = method;
        api.send(request).await.assert_cross_site();
    }
    for method in [Method::GET, Method::HEAD, Method::OPTIONS, Method::TRACE] {
        let mut request = post(&[("sec-fetch-site", "cross-site")]);
        *request.method_mut() = method;
        api.send(request).await.assert_admitted();
    }
    // A page of another site may open a WebSocket, and read what it says.
    let mut handshake = post(&[("upgrade", "websocket"), ("origin", "https://evil.example")]);
    *handshake.method_mut() = Method::GET;
    api.send(handshake).await.assert_cross_site();
    // HTTP/2 has no Host: the authority is in the URI.
    let request = Request::post("https://app.example/").header("cookie", format!("c={token}"));
    api.send(request.header("origin", "https://app.example").body(()).unwrap()).await.assert_admitted();
    // What a page sets itself needs no such proof.
    let request = Request::post("/").header("authorization", format!("Bearer {token}"));
    api.send(request.header("sec-fetch-site", "cross-site").body(()).unwrap()).await.assert_admitted();
}

#[tokio::test]
async fn a_name_that_no_cookie_can_have_is_a_config_error() {
    // covers: EXT-018
    for name in ["", "a b", "a=b", "a;b", "é", "a\r\n"] {
        let (_, server, _) = Api::parts();
        let error = server.token_in_cookie(name).dangerous_token_in_query(name).build().unwrap_err();
        let codes: Vec<_> = error.problems().iter().map(portcullis::ConfigProblem::code).collect();
        assert_eq!(codes, ["invalid_carrier_name"; 2]);
    }
}

#[tokio::test]
async fn an_inner_layer_reuses_a_token_of_any_carrier_and_only_that_token() {
    // covers: POL-034
    let (issuer, server, _) = Api::parts();
    let auth = server.dangerous_token_in_query("t").token_in_cookie("c").build().unwrap();
    let (first, second) =
        (issuer.token(AUDIENCE).subject("first").sign(), issuer.token(AUDIENCE).subject("second").sign());
    let inner = tower::service_fn(async |request: Request<()>| {
        let token = portcullis::ValidatedToken::of(request.extensions());
        Ok::<_, std::convert::Infallible>(http::Response::new(token.unwrap().subject().unwrap().to_owned()))
    });
    // Between the two layers somebody exchanges the credential.
    let exchange = |carrier: &'static str, token: Option<String>| {
        let inner = auth.require(authenticated()).layer(inner);
        let exchanged = tower::ServiceBuilder::new().map_request(move |mut request: Request<()>| {
            if let Some(token) = &token {
                match carrier {
                    "query" => *request.uri_mut() = format!("/?t={token}").parse().unwrap(),
                    _ => drop(request.headers_mut().insert("cookie", format!("c={token}").parse().unwrap())),
                }
            }
            request
        });
        auth.require(authenticated()).layer(exchanged.service(inner))
    };
    for carrier in ["query", "cookie"] {
        let request = || match carrier {
            "query" => get(&format!("/?t={first}")).body(()).unwrap(),
            _ => get("/").header("cookie", format!("c={first}")).body(()).unwrap(),
        };
        let send =
            async |token| tower::ServiceExt::oneshot(exchange(carrier, token), request()).await.unwrap();
        assert_eq!(send(None).await.into_body(), "first");
        assert_eq!(send(Some(second.clone())).await.into_body(), "second");
        assert_eq!(send(Some("junk".to_owned())).await.status(), 401);
    }
}

#[tokio::test]
async fn no_shared_cache_keeps_what_a_query_or_cookie_led_to_whatever_the_service_says() {
    // covers: EXT-013
    let clock = portcullis::testing::ManualClock::at(crate::support::NOW);
    let issuer = portcullis::testing::Issuer::offline(crate::support::ISSUER).with_clock(clock.clone());
    let token = issuer.token(AUDIENCE).sign();
    // Keys are fetched for the first request, and in memory for the second.
    for said in [None, Some("no-store"), Some("public, max-age=60")] {
        let server = portcullis::ResourceServer::builder(crate::support::ISSUER).audience(AUDIENCE);
        let server = server.with_clock(clock.clone()).with_http_client(issuer.clone());
        let auth = server.dangerous_token_in_query("t").token_in_cookie("c").build().unwrap();
        let service =
            auth.require(authenticated()).layer(tower::service_fn(move |request: Request<()>| async move {
                assert!(portcullis::ValidatedToken::of(request.extensions()).is_some());
                let response = said
                    .into_iter()
                    .fold(http::Response::builder(), |response, said| response.header("cache-control", said));
                Ok::<_, std::convert::Infallible>(response.body(String::new()).unwrap())
            }));
        for (request, private) in [
            (get(&format!("/?t={token}")), true),
            (get(&format!("/?t={token}")), true),
            (get("/").header("cookie", format!("c={token}")), true),
            (get("/").header("authorization", format!("Bearer {token}")), false),
        ] {
            let response =
                tower::ServiceExt::oneshot(service.clone(), request.body(()).unwrap()).await.unwrap();
            assert_eq!(response.status(), 200);
            let told: Vec<_> = response
                .headers()
                .get_all("cache-control")
                .iter()
                .map(|value| value.to_str().unwrap())
                .collect();
            let expected: Vec<_> = said.into_iter().chain(private.then_some("private")).collect();
            assert_eq!(told, expected);
        }
    }
}

#[tokio::test]
async fn a_cookie_is_judged_anew_where_the_method_changed_between_two_layers() {
    // covers: EXT-018, POL-034
    let (issuer, server, _) = Api::parts();
    let auth = server.token_in_cookie("c").build().unwrap();
    let token = issuer.token(AUDIENCE).sign();
    for (method, status) in [(Method::HEAD, 200), (Method::POST, 403)] {
        let inner = tower::service_fn(async |_: Request<()>| {
            Ok::<_, std::convert::Infallible>(http::Response::new(String::new()))
        });
        let changed = tower::ServiceBuilder::new().map_request(move |mut request: Request<()>| {
            *request.method_mut() = method.clone();
            request
        });
        let service =
            auth.require(authenticated()).layer(changed.service(auth.require(authenticated()).layer(inner)));
        let request = get("/").header("cookie", format!("c={token}")).header("sec-fetch-site", "cross-site");
        let response = tower::ServiceExt::oneshot(service, request.body(()).unwrap()).await.unwrap();
        assert_eq!(response.status(), status);
    }
}

#[tokio::test]
async fn an_anonymous_request_of_one_server_has_no_token_of_another() {
    // covers: EXT-020
    let (issuer, server, _) = Api::parts();
    let outer = server.token_in_cookie("c").build().unwrap();
    let (_, server, _) = Api::parts();
    let inner = server.build().unwrap();
    let seen = tower::service_fn(async |request: Request<()>| {
        let seen = portcullis::ValidatedToken::of(request.extensions()).is_some();
        Ok::<_, std::convert::Infallible>(http::Response::new(seen.to_string()))
    });
    let service = outer.require(authenticated()).layer(inner.require(portcullis::anyone()).layer(seen));
    let request = get("/").header("cookie", format!("c={}", issuer.token(AUDIENCE).sign()));
    let response = tower::ServiceExt::oneshot(service, request.body(()).unwrap()).await.unwrap();
    assert_eq!((response.status().as_u16(), response.body().as_str()), (200, "false"));
}

#[tokio::test]
async fn the_authority_is_the_host_where_both_are_there_and_the_scheme_of_an_origin_is_not_compared() {
    // covers: EXT-018
    let (token, api) = api(|server| server.token_in_cookie("c"));
    let post = |uri: &str, host: &str, origin: &str| {
        let request = Request::post(uri).header("cookie", format!("c={token}"));
        request.header("host", host).header("origin", origin).body(()).unwrap()
    };
    let both = "https://app.example/";
    api.send(post(both, "evil.example", "https://app.example")).await.assert_admitted();
    api.send(post(both, "evil.example", "https://evil.example")).await.assert_cross_site();
    // A proxy may end TLS, so we do not know our own scheme.
    api.send(post("/", "app.example", "http://app.example")).await.assert_admitted();
}

#[tokio::test]
async fn a_credential_that_somebody_outside_moved_or_removed_is_where_it_is_now() {
    // covers: EXT-010, EXT-011
    let (issuer, server, _) = Api::parts();
    let token = issuer.token(AUDIENCE).sign();
    let auth = server.dangerous_token_in_query("t").build().unwrap();
    let app = |move_to_field: bool| {
        let rewrite = axum::middleware::map_request(move |mut request: axum::extract::Request| async move {
            let token = request
                .uri()
                .query()
                .and_then(|query| query.split_once('='))
                .map(|(_, token)| token.to_owned());
            if let (true, Some(token)) = (move_to_field, token) {
                request.headers_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
            }
            *request.uri_mut() = "/".parse().unwrap();
            request
        });
        let whoami = axum::routing::get(async |_: portcullis::ValidatedToken| "admitted");
        axum::Router::new().route("/", whoami).layer(auth.require(authenticated())).layer(rewrite)
    };
    let send = async |app: axum::Router, uri: &str| {
        tower::ServiceExt::oneshot(app, get(uri).body(axum::body::Body::empty()).unwrap())
            .await
            .unwrap()
            .status()
            .as_u16()
    };
    for name in ["t", "access_token"] {
        assert_eq!(send(app(true), &format!("/?{name}={token}")).await, 200);
        assert_eq!(send(app(false), &format!("/?{name}={token}")).await, 401);
    }
}
