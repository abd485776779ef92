//! The claims as a JSON document: RFC 7519 §4 and §7.2, RFC 8725 §3.7.

use std::time::Duration;

use serde_json::json;

use super::{both, signed, with_members, with_raw};
use crate::jose::CLAIMS;
use crate::support::{AUDIENCE, ISSUER, NOW};

#[tokio::test]
async fn a_name_that_occurs_twice_is_refused_at_every_depth() {
    // covers: JWT-002
    let (issuer, apis, _) = both();
    for api in &apis {
        for members in [
            format!(r#""aud":"{AUDIENCE}""#),
            r#""aud":null"#.into(),
            r#""\u0061ud":"x""#.into(),
            r#""exp":9999999999"#.into(),
            r#""e\u0078p":9999999999"#.into(),
            r#""sub":"mallory""#.into(),
            r#""scope":"a","scope":"a b""#.into(),
            r#""roles":[],"role\u0073":["admin"]"#.into(),
            r#""cnf":{"jkt":"a","jkt":"a"}"#.into(),
            r#""cnf":{"jwk":{"kty":"EC","\u006bty":"EC"}}"#.into(),
            r#""x":[[{"a":{"b":1,"c":2,"b":1}}]]"#.into(),
            r#""x":{"":1,"":1}"#.into(),
            r#""\ud83d\ude00":1,"😀":1"#.into(),
        ] {
            println!("{members}");
            api.token(signed(&issuer, with_members(CLAIMS, &members)))
                .await
                .assert_invalid("malformed_token");
        }
        for members in
            [r#""x":{"aud":1,"exp":2},"y":[{"a":1},{"a":1}]"#, r#""Aud":1,"AUD":1,"aud ":1,"aud\u0000":1"#]
        {
            api.token(signed(&issuer, with_members(CLAIMS, members))).await.assert_admitted();
        }
    }
}

#[tokio::test]
async fn a_registered_claim_is_known_by_its_exact_name() {
    // covers: JWT-003, JWT-026
    let (issuer, apis, _) = both();
    for api in &apis {
        // However it is escaped...
        let claims = CLAIMS.replace(r#""exp""#, r#""\u0065\u0078\u0070""#);
        api.token(signed(&issuer, &claims)).await.assert_admitted();
        let claims = with_members(CLAIMS, r#""c\u006ef":{}"#);
        api.token(signed(&issuer, claims)).await.assert_invalid("binding_not_verified");
        // ...and never by a look-alike, in another case, or below the root.
        for name in [
            "Exp",
            "EXP",
            "exp ",
            "\u{435}xp",
            "e\u{445}p",
            "\u{ff45}xp",
            "exp\u{200b}",
            "x\":{\"exp\":1},\"y",
        ] {
            println!("{name:?}");
            let claims = CLAIMS.replace(r#""exp""#, &format!("\"{name}\""));
            api.token(signed(&issuer, claims)).await.assert_invalid("missing_claim");
        }
    }
}

#[tokio::test]
async fn the_payload_is_one_json_object_in_utf_8() {
    // covers: JWT-001, JWS-031, HT-029
    let (issuer, apis, _) = both();
    let positional = format!(r#"["{ISSUER}","{AUDIENCE}","alice","client-1",{NOW},9999999999,"1"]"#);
    let texts = [
        " ",
        "[]",
        "{}x",
        "null",
        "true",
        "5",
        "\"x\"",
        &positional,
        &format!("[{CLAIMS}]"),
        &format!("\u{feff}{CLAIMS}"),
        &format!("{CLAIMS}}}"),
        &format!("{CLAIMS}{CLAIMS}"),
        &format!("{CLAIMS} x"),
        &format!("{CLAIMS}\0"),
        CLAIMS.strip_suffix('}').unwrap(),
        CLAIMS.strip_suffix("\"1\"}").unwrap(),
        &json!(CLAIMS).to_string(),
        &with_members(CLAIMS, r#""x":"\ud800""#),
        &with_members(CLAIMS, r#""x":"\udc00\ud800""#),
        &with_members(CLAIMS, r#""\ud800":1"#),
        &with_members(CLAIMS, r#""x":1e999"#),
        &with_members(CLAIMS, r#""x":01"#),
        &with_members(CLAIMS, r#""x":NaN"#),
        &with_members(CLAIMS, "\"x\":\"\n\""),
        &with_members(CLAIMS, r#""x":1,"#),
        &with_members(CLAIMS, r#"/**/"x":1"#),
        "YWJj.YWJj.YWJj",
    ]
    .map(|text| text.as_bytes().to_vec());
    let bytes = [
        CLAIMS.encode_utf16().flat_map(u16::to_le_bytes).collect(),
        CLAIMS.encode_utf16().flat_map(u16::to_be_bytes).collect(),
        [b"\xFF\xFE", CLAIMS.as_bytes()].concat(),
        with_members(CLAIMS, r#""x":"@""#)
            .bytes()
            .map(|byte| if byte == b'@' { 0xFF } else { byte })
            .collect(),
        [CLAIMS.as_bytes(), b"\xC2"].concat(),
    ];
    for payload in texts.into_iter().chain(bytes) {
        println!("{}", String::from_utf8_lossy(&payload));
        for api in &apis {
            api.token(signed(&issuer, &payload)).await.assert_invalid("malformed_token");
        }
    }
    for members in ["\"x\":\"\\ud83d\\ude00 \u{1f600}\"", "\"x\":\"\\u0000\"", "\"\":0"] {
        for api in &apis {
            api.token(signed(&issuer, format!("\t{}\r\n", with_members(CLAIMS, members))))
                .await
                .assert_admitted();
        }
    }
}

#[tokio::test]
async fn depth_is_bounded_and_a_crowd_of_members_is_not_slow() {
    // covers: JWS-037, HT-033
    let (issuer, apis, _) = both();
    let nested = |open: &str, close: &str, levels: usize| {
        with_raw("x", &format!("{}1{}", open.repeat(levels - 1), close.repeat(levels - 1)))
    };
    let crowd: Vec<_> = (0..1_200).map(|index| format!(r#""m{index}":0"#)).collect();
    let crowd = with_members(CLAIMS, &crowd.join(","));
    let list = with_raw("x", &format!("[{}0]", "0,".repeat(5_000)));
    for api in &apis {
        for (open, close) in [("[", "]"), (r#"{"act":"#, "}"), (r#"[{"act":"#, "}]")] {
            let per_step = open.matches(['[', '{']).count();
            api.token(signed(&issuer, nested(open, close, 1 + 15 / per_step))).await.assert_admitted();
            for levels in [2 + 15 / per_step, 1_000] {
                api.token(signed(&issuer, nested(open, close, levels)))
                    .await
                    .assert_invalid("malformed_token");
            }
        }
        // A bound for accidents of a higher order, not a measurement.
        let started = tokio::time::Instant::now();
        for _ in 0..50 {
            api.token(signed(&issuer, &crowd)).await.assert_admitted();
            api.token(signed(&issuer, &list)).await.assert_admitted();
        }
        assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
    }
}

#[tokio::test]
async fn what_the_accessors_read_is_what_a_type_of_ones_own_is_made_of() {
    // covers: JWT-002
    for name in [
        "$serde_json::private::RawValue",
        "$serde_json::private::Number",
        r"\u0024serde_json::private::RawValue",
    ] {
        for claims in [
            format!(r#"{{"sub":"a","roles":{{"{name}":"[\"admin\"]"}}}}"#),
            format!(r#"{{"{name}":"1"}}"#),
            format!(r#"{{"a":[{{"b":{{"{name}":1}}}}]}}"#),
        ] {
            assert!(portcullis::Claims::from_json(&claims).is_err(), "{claims}");
        }
    }
    let claims =
        portcullis::Claims::from_json(r#"{"$serde_json":1,"x":"$serde_json::private::RawValue"}"#).unwrap();
    let own: serde_json::Value = claims.deserialize().unwrap();
    assert_eq!(own["x"], "$serde_json::private::RawValue");
}
