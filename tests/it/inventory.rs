//! A table of rules as text, as data, and in an OpenAPI document.

use std::collections::BTreeMap;
use std::time::Duration;

use http::{Method, Request};
use portcullis::{
    Claims, Coverage, Decision, OpenApiSecurity, Policy as _, PolicyInput, PolicyTable, Requirement,
    ValidatedToken, acr, any_scope, anyone, authenticated, claim, max_age, not, role, scope,
};
use serde_json::{Value, json};
use utoipa::openapi::OpenApi;

fn table(rules: impl IntoIterator<Item = (&'static str, Requirement)>) -> PolicyTable {
    let rules = rules.into_iter();
    rules.fold(PolicyTable::builder(), |table, (rule, required)| table.rule(rule, required)).build().unwrap()
}

fn shop() -> PolicyTable {
    table([
        ("GET /health", anyone()),
        ("GET /orders/{id}", scope("orders:read")),
        ("PUT,PATCH /orders/{id}", scope("orders:write").and(role("clerk"))),
        ("GET /tenants/{tenant}", claim("tenant").equals_path_parameter("tenant")),
        (
            "POST /refunds",
            any_scope(["refund", "admin"]).and(acr("gold")).and(max_age(Duration::from_secs(300))),
        ),
        ("* /admin/{*rest}", role("admin").and(not(scope("trial")))),
    ])
}

fn token() -> ValidatedToken {
    ValidatedToken::assertion(Claims::from_json("{}").unwrap())
}

/// A document with these operations.
fn document(paths: &Value) -> OpenApi {
    let document = json!({"openapi": "3.1.0", "info": {"title": "t", "version": "1"}, "paths": paths});
    serde_json::from_value(document).unwrap()
}

fn written(table: &PolicyTable, paths: &Value) -> (Value, Coverage) {
    let mut document = document(paths);
    let coverage = OpenApiSecurity::bearer().write(table, &mut document);
    (serde_json::to_value(document).unwrap(), coverage)
}

fn operation() -> Value {
    json!({"responses": {"200": {"description": "fine"}}})
}

/// What an operation of its own comes to require.
fn security(requirement: Requirement) -> Value {
    let (document, coverage) =
        written(&table([("GET /x", requirement)]), &json!({"/x": {"get": operation()}}));
    assert!(coverage.is_complete(), "{coverage}");
    document["paths"]["/x"]["get"]["security"].clone()
}

fn coverage(table: &PolicyTable, operations: &[(&str, &str)]) -> (Vec<String>, Vec<String>) {
    let operations = operations.iter().map(|(method, path)| (method.parse::<Method>().unwrap(), path));
    let coverage = table.coverage(operations);
    assert_eq!(
        coverage.is_complete(),
        coverage.operations_without_rule().is_empty() && coverage.rules_without_operation().is_empty()
    );
    (coverage.operations_without_rule().to_vec(), coverage.rules_without_operation().to_vec())
}

#[test]
fn a_table_reads_as_lines_and_says_what_holds_for_the_rest() {
    let expected = "GET /health: anyone\n\
         GET /orders/{id}: scope `orders:read`\n\
         PUT,PATCH /orders/{id}: scope `orders:write` and role `clerk`\n\
         GET /tenants/{tenant}: claim `tenant` equal to `{tenant}` of the path\n\
         POST /refunds: any scope of `refund`, `admin` and acr `gold` and authentication at most 300 s ago\n\
         * /admin/{*rest}: role `admin` and not (scope `trial`)\n\
         everything else: nobody\n";
    assert_eq!(shop().to_string(), expected);
    assert_eq!(table([]).to_string(), "everything else: nobody\n");
}

#[test]
fn a_table_is_the_same_data_each_time() {
    let text = serde_json::to_string(&shop()).unwrap();
    let expected = concat!(
        r#"[{"methods":["GET"],"path":"/health","require":"anyone"},"#,
        r#"{"methods":["GET"],"path":"/orders/{id}","require":{"scope":"orders:read"}},"#,
        r#"{"methods":["PUT","PATCH"],"path":"/orders/{id}","#,
        r#""require":{"all_of":[{"scope":"orders:write"},{"role":"clerk"}]}},"#,
        r#"{"methods":["GET"],"path":"/tenants/{tenant}","#,
        r#""require":{"claim":{"path":"tenant","equals_path_parameter":"tenant"}}},"#,
        r#"{"methods":["POST"],"path":"/refunds","#,
        r#""require":{"all_of":[{"any_scope":["refund","admin"]},{"acr":"gold"},{"max_age":300}]}},"#,
        r#"{"methods":["*"],"path":"/admin/{*rest}","#,
        r#""require":{"all_of":[{"role":"admin"},{"not":{"scope":"trial"}}]}}]"#,
    );
    assert_eq!(text, expected);
    // And what is required can be read again.
    for (data, rule) in serde_json::from_str::<Vec<Value>>(&text).unwrap().iter().zip(shop().rules()) {
        let requirement: Requirement = serde_json::from_value(data["require"].clone()).unwrap();
        assert_eq!(&requirement, rule.requirement());
        assert_eq!(&serde_json::to_value(rule).unwrap(), data);
    }
}

#[test]
fn each_operation_has_a_rule_and_each_rule_an_operation_or_both_are_told() {
    let table = table([
        ("GET /orders", scope("a")),
        ("POST,PUT /orders", scope("b")),
        ("GET /orders/{id}", scope("c")),
        ("DELETE /orders/mine", scope("d")),
        ("HEAD /orders", scope("e")),
        ("* /admin/{*rest}", role("admin")),
    ]);
    let all = [
        ("GET", "/orders"),
        ("POST", "/orders"),
        ("PUT", "/orders"),
        ("GET", "/orders/{order-id}"),
        ("DELETE", "/orders/{order-id}"),
        ("QUERY", "/admin/{x}.json"),
    ];
    // `/orders/mine` is one of `/orders/{id}`, and only that: in general, nobody may delete.
    assert_eq!(coverage(&table, &all), (vec!["DELETE /orders/{order-id}".to_owned()], vec![]));
    for (operations, without_rule, without_operation) in [
        (&[("GET", "/")][..], &["GET /"][..], 7),
        (&[("PATCH", "/orders")], &["PATCH /orders"], 7),
        (&[("get", "/orders")], &["get /orders"], 7),
        (&[("GET", "/orders/")], &["GET /orders/"], 7),
        (
            &[("GET", "//orders"), ("GET", "orders"), ("GET", "/a b")],
            &["GET //orders", "GET orders", "GET /a b"],
            7,
        ),
        (&[("GET", "/{*rest}/x")], &["GET /{*rest}/x"], 7),
        // HEAD is there with GET, and GET is asked about where HEAD is.
        (&[("GET", "/orders")], &[], 5),
        (&[("HEAD", "/orders")], &[], 6),
        (&[("HEAD", "/orders/{id}")], &[], 6),
        (&[("OPTIONS", "/admin/{*rest}")], &[], 6),
        (&[("OPTIONS", "/admin")], &["OPTIONS /admin"], 7),
        // A rule is for some of these paths, but for most there is none.
        (&[("GET", "/{anything}")], &["GET /{anything}"], 5),
        (&[("DELETE", "/orders/mine")], &[], 6),
        (&[], &[], 7),
    ] {
        let (operations_missed, rules_missed) = coverage(&table, operations);
        assert_eq!(operations_missed, without_rule, "{operations:?}");
        assert_eq!(rules_missed.len(), without_operation, "{operations:?}: {rules_missed:?}");
    }
    let (_, rules) = coverage(&table, &[("PUT", "/orders")]);
    assert_eq!(
        rules,
        [
            "GET /orders",
            "POST /orders",
            "GET /orders/{id}",
            "DELETE /orders/mine",
            "HEAD /orders",
            "* /admin/{*rest}"
        ]
    );
    let text = table.coverage([(Method::GET, "/x")]).to_string();
    assert!(
        text.starts_with("operation without a rule: GET /x\nrule without an operation: GET /orders\n"),
        "{text}"
    );
}

#[test]
fn a_path_that_is_documented_for_itself_is_no_part_of_a_wider_one() {
    let table = table([("GET /orders/{id}", scope("a")), ("GET /orders/mine", scope("b"))]);
    let wide = json!({"/orders/{id}": {"get": operation()}});
    let (document, coverage) = written(&table, &wide);
    assert!(coverage.is_complete(), "{coverage}");
    let said = &document["paths"]["/orders/{id}"]["get"];
    assert_eq!(said["x-portcullis"]["elsewhere"], json!(["/orders/mine: scope `b`"]));
    assert_eq!(
        said["responses"]["403"]["description"],
        "The token is not enough. Required: scope `a`. For some paths: /orders/mine: scope `b`."
    );
    let both = json!({"/orders/{id}": {"get": operation()}, "/orders/mine": {"get": operation()}});
    let (document, coverage) = written(&table, &both);
    assert!(coverage.is_complete(), "{coverage}");
    assert_eq!(
        document["paths"]["/orders/{id}"]["get"]["x-portcullis"],
        json!({"rule": "GET /orders/{id}", "requires": "scope `a`"})
    );
    assert_eq!(document["paths"]["/orders/mine"]["get"]["security"], json!([{"bearer": ["b"]}]));
}

#[test]
fn a_path_without_a_rule_below_one_that_has_one_is_told() {
    let table = table([("* /orders/{id}", authenticated()), ("DELETE /orders/mine", scope("b"))]);
    let (document, coverage) = written(&table, &json!({"/orders/{id}": {"get": operation()}}));
    // No rule for GET falls back from `/orders/mine` to `/orders/{id}`.
    assert_eq!(coverage.rules_without_operation(), ["DELETE /orders/mine"]);
    let said = &document["paths"]["/orders/{id}"]["get"];
    assert_eq!(said["x-portcullis"]["elsewhere"], json!(["/orders/mine: nobody"]));
    assert_eq!(said["security"], json!([{"bearer": []}]));
    assert!(said["responses"]["403"].is_object());
}

#[test]
fn security_says_what_openapi_can_say_and_no_more() {
    let bearer = |scopes: &[&str]| json!({"bearer": scopes});
    for (requirement, expected) in [
        (anyone(), json!([{}, bearer(&[])])),
        (authenticated(), json!([bearer(&[])])),
        (scope("a"), json!([bearer(&["a"])])),
        (scope("a").and(scope("b")), json!([bearer(&["a", "b"])])),
        (scope("a").or(scope("b")), json!([bearer(&["a"]), bearer(&["b"])])),
        (scope("a").and(role("r")), json!([bearer(&["a"])])),
        (role("r").or(scope("a")), json!([bearer(&["a"]), bearer(&[])])),
        (not(scope("a")), json!([bearer(&[])])),
    ] {
        let text = requirement.to_string();
        assert_eq!(security(requirement), expected, "{text}");
    }
}

#[test]
fn a_document_says_who_may_call_each_operation() {
    let given = json!({
        "/health": {"get": operation()},
        "/orders/{id}": {
            "get": operation(),
            "put": {"security": [{"old": []}], "x-own": 1, "responses": {
                "401": {"$ref": "#/components/responses/Unauthorized"},
                "403": {"description": "Own words.", "headers": {"www-authenticate": {"schema": {"type": "string"}}}},
            }},
            "delete": operation(),
        },
        "/elsewhere": {"$ref": "#/components/pathItems/Elsewhere"},
    });
    let (document, coverage) = written(&shop(), &given);
    assert_eq!(coverage.operations_without_rule(), ["DELETE /orders/{id}", "* /elsewhere"]);
    assert_eq!(
        coverage.rules_without_operation(),
        ["PATCH /orders/{id}", "GET /tenants/{tenant}", "POST /refunds", "* /admin/{*rest}"]
    );
    assert_eq!(
        document["components"]["securitySchemes"],
        json!({"bearer": {"type": "http", "scheme": "bearer"}})
    );
    assert_eq!(document.get("security"), None);

    let health = &document["paths"]["/health"]["get"];
    assert_eq!(health["x-portcullis"], json!({"rule": "GET /health", "requires": "anyone"}));
    // A token that is sent must be valid, and is enough.
    assert!(health["responses"]["401"].is_object());
    assert_eq!(health["responses"].get("403"), None);

    let get = &document["paths"]["/orders/{id}"]["get"];
    assert_eq!(get["responses"]["200"]["description"], "fine");
    for status in ["401", "403"] {
        let field = &get["responses"][status]["headers"]["WWW-Authenticate"];
        assert_eq!(field["schema"], json!({"type": "string"}), "{status}");
        assert!(field["description"].as_str().unwrap().contains("RFC 6750 §3"), "{status}");
    }
    assert_eq!(
        get["responses"]["403"]["description"],
        "The token is not enough. Required: scope `orders:read`."
    );

    // What was there stays, but for the security that the table decides.
    let put = &document["paths"]["/orders/{id}"]["put"];
    assert_eq!(put["security"], json!([{"bearer": ["orders:write"]}]));
    assert_eq!(put["x-own"], 1);
    assert_eq!(put["x-portcullis"]["requires"], "scope `orders:write` and role `clerk`");
    assert_eq!(put["responses"]["401"], json!({"$ref": "#/components/responses/Unauthorized"}));
    assert_eq!(put["responses"]["403"], given["/orders/{id}"]["put"]["responses"]["403"]);

    // What nobody may call says nothing that is not so.
    assert_eq!(document["paths"]["/orders/{id}"]["delete"], operation());
}

#[test]
fn writing_twice_changes_nothing() {
    let mut document = document(&json!({"/orders/{id}": {"get": operation(), "put": operation()}}));
    let security = OpenApiSecurity::openid_connect("https://id.example.com/realms/a/");
    let _ = security.write(&shop(), &mut document);
    let once = serde_json::to_value(&document).unwrap();
    let _ = security.write(&shop(), &mut document);
    assert_eq!(serde_json::to_value(&document).unwrap(), once);
    assert_eq!(
        once["components"]["securitySchemes"]["openid_connect"],
        json!({
            "type": "openIdConnect",
            "openIdConnectUrl": "https://id.example.com/realms/a/.well-known/openid-configuration",
        })
    );
}

#[test]
fn a_scheme_of_the_document_is_used_as_it_is() {
    let scheme = json!({"type": "oauth2", "flows": {"clientCredentials": {"tokenUrl": "https://id/token", "scopes": {}}}});
    let given = json!({
        "openapi": "3.1.0",
        "info": {"title": "t", "version": "1"},
        "paths": {"/orders/{id}": {"get": operation()}},
        "components": {"securitySchemes": {"login": scheme}},
    });
    let mut document: OpenApi = serde_json::from_value(given).unwrap();
    let coverage = OpenApiSecurity::bearer().named("login").write(&shop(), &mut document);
    assert!(coverage.operations_without_rule().is_empty());
    let document = serde_json::to_value(document).unwrap();
    assert_eq!(document["components"]["securitySchemes"], json!({"login": scheme}));
    assert_eq!(document["paths"]["/orders/{id}"]["get"]["security"], json!([{"login": ["orders:read"]}]));
}

#[test]
fn paths_of_a_document_can_begin_further_down() {
    let table = table([("GET /v1/orders", scope("a"))]);
    let paths = json!({"/orders": {"get": operation()}});
    assert_eq!(written(&table, &paths).1.operations_without_rule(), ["GET /orders"]);
    let mut document = document(&paths);
    let coverage = OpenApiSecurity::bearer().below("/v1/").write(&table, &mut document);
    assert!(coverage.is_complete(), "{coverage}");
    assert!(document.paths.paths["/orders"].get.as_ref().unwrap().security.is_some());
}

/// Whether a path is of a template, segment by segment.
fn is_of(path: &str, template: &str) -> bool {
    let (mut own, mut parts) = (path.split('/').skip(1), template.split('/').skip(1));
    loop {
        match (parts.next(), own.next()) {
            (Some(rest), Some(part)) if rest.starts_with("{*") => {
                return !part.is_empty() || own.next().is_some();
            }
            (Some(name), Some(part)) if name.starts_with('{') && !part.is_empty() => {}
            (Some(literal), Some(part)) if literal == part => {}
            (None, None) => return true,
            _ => return false,
        }
    }
}

#[test]
fn what_a_document_says_of_an_operation_is_what_the_table_decides_for_each_of_its_paths() {
    const TEMPLATES: [&str; 11] = [
        "/a",
        "/a/",
        "/{x}",
        "/{*r}",
        "/a/b",
        "/a/{x}",
        "/{x}/b",
        "/{x}/{y}",
        "/a/{*r}",
        "/{x}/{*r}",
        "/a/b/{z}",
    ];
    const PATHS: [&str; 12] =
        ["/a", "/a/", "/c", "/c/", "/a/b", "/a/c", "/c/b", "/c/d", "/a/b/c", "/a/c/d", "/c/d/e", "/a/b/c/d"];
    let documents = TEMPLATES.map(|template| (template, document(&json!({template: {"get": operation()}}))));
    let documents = BTreeMap::from(documents);
    let (mut tables, mut ruled, mut denied) = (0, 0, 0);
    for number in 0..TEMPLATES.len().pow(3) * 2 {
        let digit = |power: u32| number / 2 / TEMPLATES.len().pow(power) % TEMPLATES.len();
        let methods = if number % 2 == 0 { "GET" } else { "POST" };
        // Their order does not matter.
        if digit(0) >= digit(1) || (methods == "GET" && digit(1) >= digit(2)) {
            continue;
        }
        let rules = [("GET", digit(0)), ("GET", digit(1)), (methods, digit(2))];
        let builder = rules.iter().fold(PolicyTable::builder(), |table, (method, index)| {
            table.rule(format!("{method} {}", TEMPLATES[*index]), scope(&format!("s{index}")))
        });
        // Not those with a rule twice, or with two that could be meant.
        let Ok(table) = builder.build() else { continue };
        tables += 1;
        for template in TEMPLATES {
            let mut document = documents[template].clone();
            let coverage = OpenApiSecurity::bearer().write(&table, &mut document);
            let operation = document.paths.paths[template].get.as_ref().unwrap();
            let said =
                operation.extensions.as_ref().and_then(|own| own.get("x-portcullis")).unwrap_or(&Value::Null);
            let decided = PATHS.iter().filter(|path| is_of(path, template)).map(|path| {
                let (token, request) = (token(), Request::get(*path).body(()).unwrap());
                match table.decide(&PolicyInput::of(Some(&token), &request)) {
                    Decision::Allow => panic!("nothing is allowed"),
                    Decision::Deny(denial) => (*path, denial.rule().map(str::to_owned)),
                }
            });
            if !coverage.operations_without_rule().is_empty() {
                denied += 1;
                assert!(decided.clone().any(|(_, rule)| rule.is_none()), "{table}{template}");
                continue;
            }
            for (path, rule) in decided {
                ruled += 1;
                let elsewhere = said["elsewhere"].as_array().into_iter().flatten().any(|elsewhere| {
                    let (own, required) = elsewhere.as_str().unwrap().split_once(": ").unwrap();
                    let expected = rule.as_deref().map_or("nobody".to_owned(), |rule| {
                        let rule = table.rules().iter().find(|own| own.name() == rule).unwrap();
                        rule.requirement().to_string()
                    });
                    is_of(path, own) && required == expected
                });
                assert!(
                    said["rule"].as_str() == rule.as_deref() || elsewhere,
                    "{table}{template} {path}: {said}"
                );
            }
        }
    }
    assert!(tables > 300 && ruled > 3_000 && denied > 1_000, "{tables} {ruled} {denied}");
}
