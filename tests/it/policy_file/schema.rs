//! The published schema, held against what is read: it has the same members, and thinks the same of samples.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::LazyLock;

use portcullis::PolicyFile;
use serde_json::{Value, json};

use super::FILE;

static SCHEMA: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(include_str!("../../../docs/policy.schema.json")).unwrap());

/// The value as TOML, inline.
fn inline(value: &Value) -> String {
    match value {
        Value::Array(values) => format!("[{}]", values.iter().map(inline).collect::<Vec<_>>().join(", ")),
        Value::Object(members) => {
            let member = |(name, value): (&String, &Value)| format!("{} = {}", json!(name), inline(value));
            format!("{{ {} }}", members.iter().map(member).collect::<Vec<_>>().join(", "))
        }
        other => other.to_string(),
    }
}

fn toml(document: &Value) -> String {
    let mut text = String::new();
    for (name, value) in document.as_object().unwrap() {
        writeln!(text, "{name} = {}", inline(value)).unwrap();
    }
    text
}

fn mistakes(document: &Value) -> String {
    let read = PolicyFile::builder(FILE).build_from_text(&toml(document));
    read.err().map(|error| error.to_string()).unwrap_or_default()
}

/// Whether the value is what a schema says, of whose words these are all that are used.
fn fits(value: &Value, schema: &Value) -> bool {
    schema.as_object().unwrap().iter().all(|(word, said)| match word.as_str() {
        "$schema" | "$defs" | "title" | "description" => true,
        "$ref" => fits(value, SCHEMA.pointer(said.as_str().unwrap().trim_start_matches('#')).unwrap()),
        "type" => match said.as_str().unwrap() {
            "string" => value.is_string(),
            "integer" => value.is_i64(),
            "boolean" => value.is_boolean(),
            "array" => value.is_array(),
            "object" => value.is_object(),
            other => panic!("{other}"),
        },
        "enum" => said.as_array().unwrap().contains(value),
        "const" => said == value,
        "anyOf" => said.as_array().unwrap().iter().any(|schema| fits(value, schema)),
        "pattern" if said == "^[^ ]+$" => {
            value.as_str().is_none_or(|text| !text.is_empty() && !text.contains(' '))
        }
        "pattern" => {
            let starts: &[&str] = match said.as_str().unwrap() {
                "^(env|file):." => &["env:", "file:"],
                "^file:." => &["file:"],
                other => panic!("{other}"),
            };
            let text = value.as_str().unwrap_or_default();
            starts.iter().any(|start| text.starts_with(start) && text.len() > start.len())
        }
        "minLength" => value.as_str().is_none_or(|text| text.len() as u64 >= said.as_u64().unwrap()),
        "minimum" => value.as_i64().is_none_or(|number| number >= said.as_i64().unwrap()),
        "maximum" => value.as_i64().is_none_or(|number| number <= said.as_i64().unwrap()),
        "minItems" => value.as_array().is_none_or(|items| items.len() as u64 >= said.as_u64().unwrap()),
        "items" => value.as_array().is_none_or(|items| items.iter().all(|item| fits(item, said))),
        "minProperties" => value.as_object().is_none_or(|all| all.len() as u64 >= said.as_u64().unwrap()),
        "maxProperties" => value.as_object().is_none_or(|all| all.len() as u64 <= said.as_u64().unwrap()),
        "required" => value.as_object().is_none_or(|all| {
            said.as_array().unwrap().iter().all(|name| all.contains_key(name.as_str().unwrap()))
        }),
        "properties" => value.as_object().is_none_or(|all| {
            all.iter().all(|(name, value)| said.get(name).is_none_or(|schema| fits(value, schema)))
        }),
        "additionalProperties" => value.as_object().is_none_or(|all| {
            let named = |name: &str| schema["properties"].get(name).is_some();
            let others = all.iter().filter(|(name, _)| !named(name));
            others.into_iter().all(|(_, value)| said.as_bool().unwrap_or_else(|| fits(value, said)))
        }),
        other => panic!("{other}"),
    })
}

/// The names that are told where another is not known.
fn told(mistakes: &str) -> BTreeSet<String> {
    let names = mistakes.split("there are ").nth(1).unwrap_or_else(|| panic!("{mistakes}"));
    let names = names.split("; ").next().unwrap();
    names.split(", ").map(|name| name.trim_matches('`').to_owned()).collect()
}

fn published(pointer: &str) -> BTreeSet<String> {
    match SCHEMA.pointer(pointer).unwrap() {
        Value::Object(members) => members.keys().cloned().collect(),
        names => names.as_array().unwrap().iter().map(|name| name.as_str().unwrap().to_owned()).collect(),
    }
}

const ODD: &str = "zzzzzzzzzzzzzzzz";

fn with_rule(requirement: &Value) -> Value {
    json!({ "rules": { "GET /": requirement } })
}

#[test]
fn the_schema_has_every_member_that_is_read_and_no_other() {
    let issuer = |members: Value| json!({ "rules": {}, "issuers": [members] });
    let introspection = |mut members: Value| {
        members[ODD] = json!(1);
        issuer(json!({ "issuer": "https://id.example.com", "introspection": members }))
    };
    let members_of = |documents: &[Value]| -> BTreeSet<String> {
        documents.iter().flat_map(|document| told(&mistakes(document))).collect()
    };
    let providers = published("/$defs/issuer/properties/provider/enum");
    let of_providers: Vec<_> =
        providers.iter().map(|name| issuer(json!({ "provider": name, ODD: 1 }))).collect();
    let methods = published("/$defs/introspection/properties/method/enum");
    let of_methods: Vec<_> = methods.iter().map(|name| introspection(json!({ "method": name }))).collect();
    for (pointer, documents) in [
        ("/properties", vec![json!({ "rules": {}, ODD: 1 })]),
        ("/$defs/issuer/properties", [of_providers, vec![issuer(json!({ "issuer": "a", ODD: 1 }))]].concat()),
        ("/$defs/issuer/properties/provider/enum", vec![issuer(json!({ "provider": ODD }))]),
        ("/$defs/issuer/properties/profile/enum", vec![issuer(json!({ "issuer": "a", "profile": ODD }))]),
        ("/$defs/algorithm/enum", vec![issuer(json!({ "issuer": "a", "algorithms": [ODD] }))]),
        ("/$defs/introspection/properties", of_methods),
        (
            "/$defs/introspection/properties/method/enum",
            vec![issuer(json!({ "issuer": "a", "introspection": { "method": ODD } }))],
        ),
        ("/$defs/role/properties", vec![json!({ "rules": {}, "roles": { "a": { ODD: 1 } } })]),
        (
            "/$defs/authorization_detail/properties",
            vec![with_rule(&json!({ "authorization_detail": { "type": "a", ODD: 1 } }))],
        ),
        ("/$defs/claim/properties", vec![with_rule(&json!({ "claim": { "path": "a", ODD: 1 } }))]),
    ] {
        assert_eq!(members_of(&documents), published(pointer), "{pointer}");
    }
    let requirements =
        &published("/$defs/requirement/anyOf/0/enum") | &published("/$defs/requirement/anyOf/1/properties");
    assert_eq!(members_of(&[with_rule(&json!({ ODD: 1 }))]), requirements);
}

#[test]
fn the_schema_and_the_program_think_the_same_of_samples() {
    let issuer = |name: &str, value: Value| {
        let mut issuer = json!({ "issuer": "https://id.example.com" });
        issuer[name] = value;
        json!({ "rules": {}, "issuers": [issuer] })
    };
    let asked = |name: &str, value: Value| {
        let mut asked = json!({ "method": "basic", "client_id": "a", "secret": "env:A" });
        asked[name] = value;
        issuer("introspection", asked)
    };
    let values = [
        json!("a"),
        json!(""),
        json!(5),
        json!(-5),
        json!(true),
        json!(1.5),
        json!([]),
        json!(["a"]),
        json!([1]),
        json!({}),
        json!({ "a": "b" }),
        json!("env:A"),
        json!("file:a"),
        json!("env:"),
        json!("ES256"),
        json!(["ES256"]),
        json!("plain_jwt"),
        json!("authenticated"),
        json!(["authenticated"]),
        json!({ "scope": "a" }),
        json!([{ "scope": "a" }, { "any_acr": ["a", "b"] }]),
        json!({ "issuer": "a", "subject": "b" }),
        json!({ "path": "a", "equals": 5 }),
        json!({ "path": "a", "equals": [5] }),
        json!({ "path": "a", "is_any_of": [5, "a", true] }),
        json!({ "path": "a", "is_any_of": [] }),
        json!({ "path": "a", "exists": true }),
        json!({ "path": "a", "exists": false }),
        json!({ "path": "a" }),
        json!({ "path": "a", "contains": "a", "has_word": "a" }),
        json!({ "equals": "a" }),
        json!({ "path": "a", "has_word": "b" }),
        json!({ "path": "a", "has_word": "b c" }),
        json!({ "type": "a", "actions": ["read"], "identifier": "b" }),
        json!({ "type": "a", "actions": [] }),
        json!({ "actions": ["read"] }),
    ];
    let (mut taken, mut refused) = (0, 0);
    for value in &values {
        let mut documents = vec![with_rule(value), json!({ "rules": {}, "scopes": { "a": value } })];
        for name in published("/properties") {
            let mut document = json!({ "rules": {} });
            document[name] = value.clone();
            documents.push(document);
        }
        for name in published("/$defs/issuer/properties") {
            // Of these the schema does not say which provider has them, nor that two are one too many.
            if !["provider", "domain", "user_pool", "clients", "tenants"].contains(&name.as_str()) {
                documents.push(issuer(&name, value.clone()));
            }
        }
        let of_other_methods = [
            "method",
            "private_key",
            "algorithm",
            "key_id",
            "assertion_audience",
            "certificate_file",
            "key_file",
        ];
        for name in published("/$defs/introspection/properties") {
            if !of_other_methods.contains(&name.as_str()) {
                documents.push(asked(&name, value.clone()));
            }
        }
        for name in published("/$defs/role/properties") {
            documents.push(json!({ "rules": {}, "roles": { "a": { name: value } } }));
        }
        for name in published("/$defs/requirement/anyOf/1/properties") {
            documents.push(with_rule(&json!({ name: value })));
        }
        for document in documents {
            let mistakes = mistakes(&document);
            // What only the meaning of names, or of the whole, can show.
            let beyond = [
                "no role has the permission",
                "defines no predicate",
                "has no name",
                "includes itself",
                "a claim path",
                "is not one scope-token",
            ];
            if beyond.iter().any(|beyond| mistakes.contains(beyond)) {
                continue;
            }
            // Limits that `build` of the server checks.
            let limits = ["cache_lifetime", "inactive_lifetime", "max_cached_tokens"];
            if limits.iter().any(|limit| toml(&document).contains(limit)) && mistakes.is_empty() {
                continue;
            }
            assert_eq!(fits(&document, &SCHEMA), mistakes.is_empty(), "{}{mistakes}", toml(&document));
            if mistakes.is_empty() { taken += 1 } else { refused += 1 }
        }
    }
    assert!(taken > 100 && refused > 500, "{taken} {refused}");
}

#[test]
fn the_page_has_every_member_of_the_schema_and_its_example_is_a_policy() {
    let page = include_str!("../../../docs/policy_file.md");
    for pointer in [
        "/properties",
        "/$defs/issuer/properties",
        "/$defs/issuer/properties/provider/enum",
        "/$defs/introspection/properties",
        "/$defs/introspection/properties/method/enum",
        "/$defs/role/properties",
        "/$defs/requirement/anyOf/1/properties",
        "/$defs/claim/properties",
        "/$defs/authorization_detail/properties",
    ] {
        for name in published(pointer) {
            assert!(page.contains(&format!("`{name}`")) || page.contains(&format!("{name} =")), "{name}");
        }
    }
    let example = page.split("```toml\n").nth(1).unwrap().split("```").next().unwrap();
    PolicyFile::builder(FILE).build_from_text(example).unwrap();
}
