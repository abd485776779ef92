//! Where the endpoint is: what the metadata says, for how long it is believed, and what it must not choose.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use portcullis::testing::validate;
use portcullis::{ClientAuthentication, Introspection, TrustedIssuer, Validation};
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use super::site::{Asked, Reply, Site, api, status};
use crate::support::{Api, ISSUER, capture_logs, eventually, get};

const HOUR: u64 = 3_600;

/// An API that finds the endpoint by itself.
fn discovering(site: &Site) -> Api {
    api(&site.server(site.discovered()).build().unwrap())
}

/// From now on the metadata is this, and tokens are known at this URL alone.
fn publish(site: &Site, endpoint: &str) {
    let metadata = metadata(site, &json!({ "introspection_endpoint": endpoint }));
    let endpoint = endpoint.to_owned();
    site.desk.on(move |asked| at(asked, &endpoint, || Reply::Json(metadata.clone())));
}

fn metadata(site: &Site, members: &Value) -> String {
    let mut metadata = site.issuer.metadata_json();
    metadata.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    metadata.to_string()
}

/// Tokens are active at one URL and nowhere else; the rest is metadata.
fn at(asked: &Asked, endpoint: &str, metadata: impl FnOnce() -> Reply) -> Reply {
    match asked.token.is_empty() {
        true => metadata(),
        false if asked.url == endpoint => {
            Reply::Json(r#"{"active":true,"sub":"a","aud":"https://api.example.com"}"#.to_owned())
        }
        false => Reply::Status(404),
    }
}

fn numbered(numbers: std::ops::Range<usize>) -> impl Iterator<Item = String> {
    numbers.map(|number| format!("token-{number}"))
}

#[tokio::test]
async fn many_first_tokens_at_once_cost_one_look_at_the_metadata() {
    // covers: INT-026
    let site = Site::new();
    let server = site.server(site.discovered()).build().unwrap();
    let api = api(&server);
    assert_eq!(status(&server).endpoint, None);
    let answers = join_all(numbered(0..200).map(|token| api.token(token))).await;
    assert!(answers.iter().all(|answer| answer.code() == "inactive"));
    assert_eq!((site.desk.looks(), site.desk.exchanges()), (1, 200));
    let urls: Vec<_> = site.desk.asked().into_iter().map(|asked| asked.url).collect();
    assert_eq!(urls[0], "https://id.example.com/.well-known/openid-configuration");
    assert!(urls[1..].iter().all(|url| url == "https://id.example.com/introspect"));
    assert_eq!(status(&server).endpoint.as_deref(), Some("https://id.example.com/introspect"));
}

#[tokio::test]
async fn an_endpoint_is_looked_for_again_after_an_hour() {
    let site = Site::new();
    let api = discovering(&site);
    publish(&site, "https://id.example.com/old");
    api.token("a").await.assert_admitted();
    publish(&site, "https://id.example.com/new");
    site.desk.on({
        let moved = metadata(&site, &json!({ "introspection_endpoint": "https://id.example.com/new" }));
        move |asked| match &*asked.url {
            // Both are there.
            "https://id.example.com/old" => at(asked, &asked.url, || Reply::Panic),
            _ => at(asked, "https://id.example.com/new", || Reply::Json(moved.clone())),
        }
    });
    site.advance(HOUR - 1);
    api.token("b").await.assert_admitted();
    assert_eq!((site.desk.looks(), &*site.desk.asked()[2].url), (1, "https://id.example.com/old"));
    site.advance(1);
    api.token("c").await.assert_admitted();
    assert_eq!((site.desk.looks(), &*site.desk.asked()[4].url), (2, "https://id.example.com/new"));
}

#[tokio::test]
async fn an_endpoint_outlives_its_metadata_for_a_day_and_no_longer() {
    // covers: INT-010
    let site = Site::new();
    let api = discovering(&site);
    publish(&site, "https://id.example.com/introspect");
    api.token("first").await.assert_admitted();
    site.desk.on(|asked| at(asked, "https://id.example.com/introspect", || Reply::Status(503)));
    site.advance(HOUR / 2);
    for hour in 0..23 {
        api.token(format!("{hour}")).await.assert_admitted();
        assert_eq!(site.desk.looks(), 1 + hour, "once an hour");
        site.advance(HOUR);
    }
    // 23.5 hours after it was last named, and looked for now.
    api.token("before").await.assert_admitted();
    assert_eq!(site.desk.looks(), 24);
    site.advance(HOUR / 2 - 1);
    api.token("last").await.assert_admitted();
    site.advance(1);
    api.token("after").await.assert_unavailable(1);
    assert_eq!(site.desk.looks(), 25);
    publish(&site, "https://id.example.com/introspect");
    site.advance(1);
    api.token("after").await.assert_admitted();
}

#[tokio::test]
async fn metadata_that_does_not_come_takes_two_seconds_of_one_request_where_the_endpoint_is_known() {
    // covers: INT-010
    let site = Site::new();
    let server = site.server(site.discovered()).build().unwrap();
    let api = api(&server);
    publish(&site, "https://id.example.com/introspect");
    api.token("first").await.assert_admitted();
    site.advance(HOUR);
    let (gate, clock) = (Arc::new(Semaphore::new(0)), site.clock.clone());
    site.desk.on({
        let gate = Arc::clone(&gate);
        move |asked| {
            let late = Reply::Late(clock.clone(), asked.timeout, Box::new(Reply::Unreachable));
            at(asked, "https://id.example.com/introspect", || Reply::After(Arc::clone(&gate), Box::new(late)))
        }
    });
    let others = async {
        eventually("a look", async || site.desk.looks() == 2).await;
        // Nobody else waits for it, and where the endpoint is can be seen all the while.
        for token in numbered(0..70) {
            api.token(token).await.assert_admitted();
        }
        assert!(status(&server).endpoint.is_some());
        gate.add_permits(1);
    };
    let (asks, ()) = tokio::join!(api.token("second"), others);
    assert_eq!(asks.code(), "admitted");
    assert_eq!(site.desk.looks(), 2);
    let timeouts: Vec<_> = site.desk.asked().into_iter().map(|asked| asked.timeout.as_secs()).collect();
    assert_eq!((timeouts[2], timeouts[73]), (2, 3));
}

#[tokio::test]
async fn a_token_whose_turn_comes_late_does_not_wait_for_news_of_a_known_endpoint() {
    // covers: INT-010
    let site = Site::new();
    let server = site.server(site.discovered()).build().unwrap();
    publish(&site, "https://id.example.com/introspect");
    api(&server).token("first").await.assert_admitted();
    site.advance(HOUR);
    for (late, looks) in [(3, 1), (2, 2)] {
        // It is begun, and goes on so much later.
        let Validation::Pending(result) = validate(&server, &get(&format!("late-{late}"))) else {
            panic!("asked")
        };
        site.advance(late);
        assert!(result.await.is_ok());
        assert_eq!(site.desk.looks(), looks, "{late} s later");
    }
}

#[tokio::test]
async fn a_failed_look_counts_for_all_who_waited_for_it_however_long_it_took() {
    // covers: INT-010
    let site = Site::new();
    let api = discovering(&site);
    let clock = site.clock.clone();
    let broken = move |_: &Asked| {
        Reply::Late(
            clock.clone(),
            Duration::from_secs(4),
            Box::new(Reply::Yields(5, Box::new(Reply::Unreachable))),
        )
    };
    site.desk.on(broken);
    let answers = join_all(numbered(0..100).map(|token| api.token(token))).await;
    assert!(answers.iter().all(|answer| answer.code() == "unavailable"));
    assert_eq!((site.desk.looks(), site.desk.exchanges()), (1, 0));
    site.desk.mend();
    site.clock.advance(Duration::from_millis(999));
    api.token("early").await.assert_unavailable(1);
    assert_eq!(site.desk.looks(), 1);
    site.clock.advance(Duration::from_millis(1));
    api.token(site.opaque()).await.assert_admitted();
    assert_eq!((site.desk.looks(), site.desk.exchanges()), (2, 1));
}

#[tokio::test]
async fn metadata_leads_to_no_origin_but_the_issuers() {
    // covers: INT-025
    for (endpoint, code) in [
        ("https://elsewhere.example.com/introspect", "foreign_endpoint"),
        ("https://sub.id.example.com/introspect", "foreign_endpoint"),
        ("https://id.example.com.evil.example/introspect", "foreign_endpoint"),
        ("https://id.example.com:8443/introspect", "foreign_endpoint"),
        ("https://169.254.169.254/introspect", "foreign_endpoint"),
        ("http://id.example.com/introspect", "no_introspection_endpoint"),
        ("ftp://id.example.com/introspect", "no_introspection_endpoint"),
        ("/introspect", "no_introspection_endpoint"),
        ("", "no_introspection_endpoint"),
    ] {
        let site = Site::new();
        let server = site.server(site.discovered()).build().unwrap();
        let api = api(&server);
        publish(&site, endpoint);
        let (answer, logged) = capture_logs(api.token("private")).await;
        answer.assert_unavailable(1);
        assert_eq!((site.desk.looks(), site.desk.exchanges()), (1, 0), "{endpoint}");
        assert_eq!(status(&server).last_failure.unwrap().code, code, "{endpoint}");
        let told: Vec<_> = logged.lines().filter(|line| line.contains("introspection_failed")).collect();
        assert_eq!(told.len(), 1, "{logged}");
        assert!(
            told[0].contains(code) && told[0].contains(ISSUER) && !told[0].contains("private"),
            "{told:?}"
        );
        // An operator has to see to the one, and the other may pass.
        assert_eq!(told[0].contains("ERROR"), code == "foreign_endpoint", "{told:?}");
    }
    // Written down, it is right.
    let site = Site::new();
    let endpoint = "https://elsewhere.example.com/introspect";
    let api = site.api_with(|introspection| introspection.endpoint(endpoint));
    publish(&site, endpoint);
    api.token("a").await.assert_admitted();
    assert_eq!((site.desk.looks(), site.desk.exchanges()), (0, 1));
    // The default port is the same origin, and so is another path.
    let site = Site::new();
    publish(&site, "https://id.example.com:443/a/b?c=d");
    discovering(&site).token("a").await.assert_admitted();
}

#[tokio::test]
async fn an_endpoint_that_moves_to_another_origin_is_not_followed() {
    // covers: INT-025
    let site = Site::new();
    let api = discovering(&site);
    publish(&site, "https://id.example.com/introspect");
    api.token("a").await.assert_admitted();
    let moved =
        metadata(&site, &json!({ "introspection_endpoint": "https://elsewhere.example.com/introspect" }));
    site.desk.on(move |asked| at(asked, "https://id.example.com/introspect", || Reply::Json(moved.clone())));
    for hour in 1..24 {
        site.advance(HOUR);
        api.token(format!("{hour}")).await.assert_admitted();
    }
    site.advance(HOUR);
    api.token("b").await.assert_unavailable(1);
    assert_eq!(site.desk.looks(), 25);
    assert!(site.desk.asked().iter().all(|asked| asked.url.starts_with("https://id.example.com/")));
}

#[tokio::test]
async fn a_client_with_a_certificate_goes_to_the_endpoint_for_those() {
    // covers: INT-002
    const PLAIN: &str = "https://id.example.com/introspect";
    const ALIAS: &str = "https://id.example.com/mtls/introspect";
    let aliased = |url: &str| json!({ "mtls_endpoint_aliases": { "introspection_endpoint": url } });
    for (members, for_certificates) in [
        (aliased(ALIAS), Some(ALIAS)),
        (json!({ "mtls_endpoint_aliases": { "token_endpoint": ALIAS } }), Some(PLAIN)),
        (json!({}), Some(PLAIN)),
        // An alias on another host, too, must be written down.
        (aliased("https://mtls.example.com/introspect"), None),
        (aliased("http://id.example.com/introspect"), None),
    ] {
        for (authentication, expected) in [
            (ClientAuthentication::mutual_tls("api"), for_certificates),
            (ClientAuthentication::basic("api", portcullis::Secret::new("secret")), Some(PLAIN)),
        ] {
            let site = Site::new();
            let introspection = Introspection::new(authentication).with_http_client(site.desk.clone());
            let trusted =
                TrustedIssuer::new(ISSUER).jwk_set(site.issuer.jwk_set()).introspection(introspection);
            let metadata = metadata(&site, &members);
            let target = expected.unwrap_or("nowhere");
            site.desk.on(move |asked| at(asked, target, || Reply::Json(metadata.clone())));
            let answer = api(&site.server(trusted).build().unwrap()).token("a").await;
            if expected.is_some() {
                answer.assert_admitted();
            } else {
                answer.assert_unavailable(1);
                assert_eq!(site.desk.exchanges(), 0);
            }
        }
    }
}

#[tokio::test]
async fn an_endpoint_that_is_gone_is_looked_for_again_after_half_a_minute() {
    // covers: INT-010
    for gone in [|| Reply::Status(404), || Reply::Status(500), || Reply::Unreachable] {
        let site = Site::new();
        let api = discovering(&site);
        publish(&site, "https://id.example.com/old");
        api.token("first").await.assert_admitted();
        let moved = metadata(&site, &json!({ "introspection_endpoint": "https://id.example.com/new" }));
        site.desk.on(move |asked| match &*asked.url {
            "https://id.example.com/old" => gone(),
            _ => at(asked, "https://id.example.com/new", || Reply::Json(moved.clone())),
        });
        site.clock.advance(Duration::from_nanos(29_999_999_999));
        for token in numbered(0..3) {
            api.token(token).await.assert_unavailable(1);
        }
        assert_eq!(site.desk.looks(), 1);
        site.clock.advance(Duration::from_nanos(1));
        // This one raises the doubt, and the next looks.
        api.token("a").await.assert_unavailable(1);
        assert_eq!(site.desk.looks(), 1);
        for token in ["a", "b", "c"] {
            api.token(token).await.assert_admitted();
        }
        assert_eq!(site.desk.looks(), 2);
    }
}

#[tokio::test]
async fn an_endpoint_that_is_down_has_the_metadata_asked_twice_a_minute_at_most() {
    // covers: INT-010
    let site = Site::new();
    let api = discovering(&site);
    publish(&site, "https://id.example.com/introspect");
    api.token("first").await.assert_admitted();
    let same = metadata(&site, &json!({}));
    site.desk.on(move |asked| at(asked, "nowhere", || Reply::Json(same.clone())));
    for token in numbered(0..600) {
        site.advance(1);
        api.token(token).await.assert_unavailable(1);
    }
    assert!((19..=21).contains(&site.desk.looks()), "{}", site.desk.looks());
    // What says nothing about the place raises no doubt.
    let before = site.desk.looks();
    for status in [401, 429, 503] {
        site.advance(31);
        site.desk.on(move |_| Reply::Status(status));
        for token in numbered(0..3) {
            assert_eq!(api.token(token).await.code(), "unavailable");
        }
    }
    assert!(site.desk.looks() <= before + 1);
}

#[tokio::test]
async fn a_look_that_never_ends_is_given_up_with_its_exchange() {
    // covers: INT-010
    let site = Site::new();
    let server = site.server(site.discovered()).build().unwrap();
    let api = api(&server);
    site.desk.on(|_| Reply::Never);
    let waiting = join_all(numbered(0..100).map(|token| api.token(token)));
    let next = async {
        eventually("a look", async || site.desk.looks() == 1).await;
        site.advance(30);
        site.desk.mend();
        api.token(site.opaque()).await
    };
    let (answers, next) = tokio::join!(waiting, next);
    assert!(answers.iter().all(|answer| answer.code() == "unavailable"));
    assert_eq!(next.code(), "admitted");
    assert_eq!((site.desk.looks(), site.desk.exchanges(), site.desk.at_once()), (2, 1, 0));
    assert_eq!(status(&server).under_way, 0);
}
