//! What is an answer, and what is none.

use portcullis::authenticated;
use serde_json::{Value, json};

use super::world::{ENDPOINT, World, active, failure, introspection, judged, with, without};
use crate::support::{AUDIENCE, Api, ISSUER, NOW, Random};

fn text_with(member: &str) -> String {
    let answer = active().to_string();
    format!("{},{member}}}", answer.strip_suffix('}').unwrap())
}

#[tokio::test]
async fn a_token_is_active_by_the_literal_true_and_by_nothing_like_it() {
    // covers: INT-006, HI-001
    let world = World::new();
    let api = world.api();
    judged(&world, &api, active()).await.assert_admitted();
    for value in [
        json!(false),
        json!("true"),
        json!("True"),
        json!("yes"),
        json!(1),
        json!(-1),
        json!(1.0),
        json!(null),
        json!([true]),
        json!([]),
        json!({}),
        json!({ "active": true }),
        json!(""),
    ] {
        judged(&world, &api, with("active", value)).await.assert_invalid("inactive");
    }
    judged(&world, &api, "{}").await.assert_invalid("inactive");
    judged(&world, &api, without(["active"])).await.assert_invalid("inactive");
    for name in
        ["Active", "ACTIVE", "active ", " active", "active\0", "\u{430}ctive", "is_active", "token_active"]
    {
        let mut answer = without(["active"]);
        answer[name] = json!(true);
        judged(&world, &api, answer).await.assert_invalid("inactive");
    }
    for nested in ["token_introspection", "data", "result", "active_token"] {
        judged(&world, &api, json!({ nested: active() })).await.assert_invalid("inactive");
    }
    // JSON has one `true`, and names may be escaped.
    let escaped = without(["active"]).to_string().replacen('{', r#"{"\u0061ctive":true,"#, 1);
    judged(&world, &api, escaped).await.assert_admitted();
}

#[tokio::test]
async fn nothing_else_is_read_of_an_answer_that_is_not_active() {
    // covers: INT-007, HI-003
    let world = World::new();
    let api = world.api();
    for answer in [
        json!({ "active": false, "scope": "admin", "sub": "root" }),
        with("active", false),
        json!({ "active": false, "exp": "never", "aud": 1, "iss": [], "cnf": { "jkt": "x" } }),
        json!({ "active": false, "token_type": "DPoP", "token_use": "refresh_token" }),
        json!({ "active": "true", "aud": 1 }),
    ] {
        let answer = judged(&world, &api, answer).await;
        answer.assert_invalid("inactive");
        assert_eq!(answer.body, "", "no principal");
    }
}

#[tokio::test]
async fn what_is_no_json_object_says_nothing_about_the_token() {
    // covers: INT-008, HI-001
    let world = World::new();
    let server = world.server(introspection());
    let api = Api::new(server.require(authenticated()));
    let right = active().to_string();
    let doubled = |member: &str| text_with(member);
    for text in [
        String::new(),
        " ".to_owned(),
        "true".to_owned(),
        "null".to_owned(),
        "1".to_owned(),
        r#""active""#.to_owned(),
        "[]".to_owned(),
        format!("[{right}]"),
        right[..right.len() - 1].to_owned(),
        format!("{right}x"),
        format!("{right}{right}"),
        format!("{right},"),
        format!("{right}\0"),
        format!("\u{feff}{right}"),
        format!(")]}}',\n{right}"),
        format!("callback({right})"),
        right.replace('"', "'"),
        right.replace(":true", ":True"),
        right.replace(":true", ":TRUE"),
        format!("/* right */{right}"),
        "<html><body>Sign in</body></html>".to_owned(),
        "active=true".to_owned(),
        doubled(r#""x":NaN"#),
        doubled(r#""x":01"#),
        doubled(r#""x":1e999"#),
        doubled("\"x\":\"\u{1}\""),
        doubled(r#""x":"\ud800""#),
        doubled(r#""x":1,"#),
    ] {
        judged(&world, &api, text).await.assert_unavailable(1);
        assert_eq!(failure(&server), Some("unreadable_answer"));
    }
    judged(&world, &api, format!(" \r\n\t{right}\n")).await.assert_admitted();
}

#[tokio::test]
async fn a_name_that_occurs_twice_in_an_answer_is_refused_at_every_depth() {
    // covers: INT-008
    let world = World::new();
    let server = world.server(introspection());
    let api = Api::new(server.require(authenticated()));
    for member in [
        r#""active":true"#,
        r#""active":false"#,
        r#""\u0061ctive":true"#,
        r#""aud":"https://another-api.example.com""#,
        r#""scope":"admin""#,
        r#""exp":null"#,
        r#""x":1,"x":1"#,
        r#""cnf":{"jkt":"a","jkt":"b"}"#,
        r#""authorization_details":[{"type":"a","type":"b"}]"#,
        r#""act":{"sub":"a","act":{"sub":"b","\u0073ub":"c"}}"#,
    ] {
        judged(&world, &api, text_with(member)).await.assert_unavailable(1);
        assert_eq!(failure(&server), Some("unreadable_answer"));
    }
    let inactive_twice = r#"{"active":false,"active":true}"#;
    judged(&world, &api, inactive_twice).await.assert_unavailable(1);
    // What only looks alike is another name, and the same name in another object is no second one.
    judged(&world, &api, text_with(r#""Aud":"x","x":{"aud":"y","sub":"z"},"y":{"aud":"y"}"#))
        .await
        .assert_admitted();
}

#[tokio::test]
async fn answers_are_bounded_in_depth_and_size() {
    // covers: INT-008
    let world = World::new();
    let server = world.server(introspection());
    let api = Api::new(server.require(authenticated()));
    let nested = |open: &str, close: &str, levels: usize| {
        text_with(&format!(r#""x":{}1{}"#, open.repeat(levels), close.repeat(levels)))
    };
    for (open, close) in [("[", "]"), (r#"{"a":"#, "}")] {
        judged(&world, &api, nested(open, close, 15)).await.assert_admitted();
        for levels in [16, 32, 1_000, 8_000] {
            judged(&world, &api, nested(open, close, levels)).await.assert_unavailable(1);
            assert_eq!(failure(&server), Some("unreadable_answer"));
        }
    }
    let of_size = |size: usize| {
        let padding = size - text_with(r#""x":"""#).len();
        text_with(&format!(r#""x":"{}""#, "x".repeat(padding)))
    };
    judged(&world, &api, of_size(64 * 1024)).await.assert_admitted();
    judged(&world, &api, of_size(64 * 1024 + 1)).await.assert_unavailable(1);
    assert_eq!(failure(&server), Some("too_large"));
    // Whoever is admitted has a crowd of members and groups.
    let crowd: Vec<_> = (0..2_000).map(|index| format!(r#""member-{index}":{index}"#)).collect();
    judged(&world, &api, text_with(&crowd.join(","))).await.assert_admitted();
    let mut answer = active();
    answer["groups"] = (0..5_000).map(|index| format!("g{index}")).collect();
    judged(&world, &api, answer).await.assert_admitted();
}

#[tokio::test]
async fn an_answer_is_a_200_of_the_media_type_that_was_asked_for() {
    // covers: INT-008
    let world = World::new();
    let server = world.server(introspection());
    let api = Api::new(server.require(authenticated()));
    let right = || active().to_string();
    let json = "application/json";
    for (status, headers, body, expected) in [
        (200, vec![("content-type", "text/html")], "<html>Sign in</html>".into(), "other_media_type"),
        (200, vec![("content-type", "text/html")], right(), "other_media_type"),
        (200, vec![("content-type", "text/plain; charset=utf-8")], right(), "other_media_type"),
        (200, vec![("content-type", "application/jsonp")], right(), "other_media_type"),
        (200, vec![("content-type", "application/problem+json")], right(), "other_media_type"),
        (200, vec![("content-type", "application/token-introspection+jwt")], right(), "other_media_type"),
        (200, vec![("content-type", "")], right(), "other_media_type"),
        (200, vec![], right(), "other_media_type"),
        (200, vec![], String::new(), "other_media_type"),
        (200, vec![("content-type", json)], String::new(), "unreadable_answer"),
        (204, vec![("content-type", json)], String::new(), "bad_status"),
        (201, vec![("content-type", json)], right(), "bad_status"),
        (202, vec![("content-type", json)], right(), "bad_status"),
        (203, vec![("content-type", json)], right(), "bad_status"),
        (206, vec![("content-type", json)], right(), "bad_status"),
        (304, vec![("content-type", json)], right(), "bad_status"),
    ] {
        println!("{status} {headers:?} {body}");
        world.network.answer(status, headers, body);
        api.token("abc").await.assert_unavailable(1);
        assert_eq!(failure(&server), Some(expected));
    }
    for (index, content_type) in
        [json, "application/json;charset=UTF-8", "Application/JSON ; x=y"].into_iter().enumerate()
    {
        world.network.answer(200, [("content-type", content_type)], right());
        api.token(format!("right-{index}")).await.assert_admitted();
    }
}

#[tokio::test]
async fn octets_that_are_not_utf_8_answer_nothing() {
    // covers: INT-008
    let world = World::new();
    let server = world.server(introspection());
    let api = Api::new(server.require(authenticated()));
    let right = active().to_string();
    let inside =
        |octets: &[u8]| [&right.as_bytes()[..right.len() - 1], b",\"x\":\"", octets, b"\"}"].concat();
    let utf_16: Vec<u8> = right.encode_utf16().flat_map(u16::to_le_bytes).collect();
    for octets in [
        inside(b"\xff"),
        inside(b"\xc0\x80"),
        inside(b"\xed\xa0\x80"),
        inside(b"\xf5\x80\x80\x80"),
        inside(b"\xe4"),
        [b"\xff\xfe", &utf_16[..]].concat(),
        utf_16,
        // A compressed body that nobody asked for.
        b"\x1f\x8b\x08\x00\x00\x00\x00\x00".to_vec(),
    ] {
        world.network.answer(200, [("content-type", "application/json")], octets);
        api.token("abc").await.assert_unavailable(1);
        assert_eq!(failure(&server), Some("unreadable_answer"));
    }
    world.network.answer(200, [("content-type", "application/json")], inside("\u{e4}\u{1f511}".as_bytes()));
    api.token("abc").await.assert_admitted();
}

/// What an answer that admits must say, as another parser reads it.
fn may_be_admitted(answer: &str) -> bool {
    let Ok(answer) = serde_json::from_str::<Value>(answer) else { return false };
    let for_us = answer["aud"] == AUDIENCE
        || answer["aud"].as_array().is_some_and(|audiences| audiences.contains(&json!(AUDIENCE)));
    let absent_or =
        |name: &str, right: &dyn Fn(&Value) -> bool| answer[name].is_null() || right(&answer[name]);
    answer["active"] == json!(true)
        && for_us
        && absent_or("iss", &|iss| iss == ISSUER)
        && absent_or("exp", &|exp| exp.as_f64().is_some_and(|exp| exp + 30.0 > NOW as f64))
        && absent_or("nbf", &|nbf| nbf.as_f64().is_some_and(|nbf| nbf <= NOW as f64 + 30.0))
        && absent_or("sub", &|sub| sub.as_str().is_some_and(|sub| !sub.is_empty()))
        && absent_or("scope", &Value::is_string)
        && absent_or("token_type", &|kind| {
            kind.as_str().is_some_and(|kind| kind.eq_ignore_ascii_case("bearer"))
        })
        && answer["cnf"].is_null()
}

#[tokio::test]
async fn whatever_becomes_of_a_right_answer_on_the_way_admits_nobody_whom_another_reader_would_refuse() {
    // covers: INT-006, INT-008, INT-017, INT-018, INT-020, HI-001, HI-005
    let world = World::new();
    let api = world.api_asking(introspection().endpoint(ENDPOINT));
    let mut random = Random::new(61);
    let right = with("cnf", Value::Null).to_string();
    let pieces = [
        "true",
        "false",
        "null",
        "\"true\"",
        "1",
        "[",
        "]",
        "{",
        "}",
        ",",
        ":",
        "\"",
        "\\",
        "\\u0000",
        " ",
        "\0",
        "\"active\":true,",
        "\"aud\":\"x\",",
        "e9",
        "-",
        ".",
        "\u{e4}",
        "\"cnf\":{},",
        "\"iss\":null,",
    ];
    let (mut admitted, mut refused, mut unavailable) = (0, 0, 0);
    for _ in 0..3_000 {
        let mut text = right.clone();
        for _ in 0..1 + random.below(2) {
            let boundary = |text: &str, at: usize| text.floor_char_boundary(at);
            let from = boundary(&text, random.below(text.len() + 1));
            let to = boundary(&text, (from + random.below(6)).min(text.len()));
            match random.below(3) {
                0 => text.replace_range(from..to, ""),
                1 => text.insert_str(from, random.pick::<&str>(&pieces)),
                _ => text.replace_range(from..to, random.pick::<&str>(&pieces)),
            }
        }
        let answer = api.token(world.token_of(&text)).await;
        match answer.status.as_u16() {
            200 => {
                admitted += 1;
                assert!(may_be_admitted(&text), "{text}");
            }
            401 => {
                refused += 1;
                answer.assert_invalid(answer.code());
                assert!(
                    serde_json::from_str::<Value>(&text).is_ok_and(|answer| answer.is_object()),
                    "{text}"
                );
            }
            _ => {
                unavailable += 1;
                answer.assert_unavailable(1);
            }
        }
    }
    assert!(admitted > 100 && refused > 100 && unavailable > 1_000, "{admitted} {refused} {unavailable}");
}
