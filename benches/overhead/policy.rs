//! What decisions cost, and what they cost where there is much to decide about.

use std::time::Duration;

use http::Request;
use portcullis::testing::TokenBuilder;
use portcullis::{
    Claims, Decision, Policy, PolicyInput, PolicyTable, ResourceServer, SignatureAlgorithm, ValidatedToken,
    Vocabulary, all_scopes, authenticated, claim, client, max_age, permission, role, scope,
};

use super::case::{Case, Group, router};
use super::token::{claims_of, issuer, server, small, usual};

pub(crate) fn groups() -> impl Iterator<Item = Group> {
    [decisions, more_rules, more_roles, more_implications].into_iter().map(|group| group())
}

/// Decisions alone, about a token with 6 scopes and 3 roles.
fn decisions() -> Group {
    let token = issuer(SignatureAlgorithm::Rs256);
    let token = usual(&token, SignatureAlgorithm::Rs256);
    let vocabulary = Vocabulary::builder()
        .role_includes("admin", ["clerk"])
        .role_permits("clerk", ["orders:refund"])
        .scope_implies("orders:admin", ["orders:*"])
        .build()
        .unwrap();
    let typical = scope("orders:read").and(role("clerk"));
    let strict = all_scopes(["orders:read", "orders:write"])
        .and(role("clerk").or(role("admin")))
        .and(claim("tenant").equals("t-0815"));
    let fresh = max_age(Duration::from_secs(u64::from(u32::MAX)));
    let allowed: Vec<(&str, Box<dyn Policy>)> = vec![
        ("a valid token", Box::new(authenticated())),
        ("the last of 6 scopes", Box::new(scope("customers:read"))),
        ("scope and role", Box::new(typical.clone())),
        ("two scopes, one of two roles, a claim", Box::new(strict.clone())),
        ("a client", Box::new(client("s6BhdRkqt3-backoffice-web"))),
        ("a recent authentication", Box::new(fresh)),
        ("a permission", Box::new(vocabulary.apply(permission("orders:refund")).unwrap())),
        ("scope and role, as one of 2 rules", Box::new(table(2, &typical))),
        ("scope and role, as one of 1 000 rules", Box::new(table(1_000, &typical))),
    ];
    let nothing = Case::new("the input alone", {
        let token = ValidatedToken::assertion(Claims::from_json(claims_of(token.clone())).unwrap());
        let request = Request::get("/orders/7").body(()).unwrap();
        move || PolicyInput::of(Some(&token), &request).token().is_some()
    });
    let mut cases = vec![nothing];
    for (name, policy) in allowed {
        cases.push(decided(name, &token, policy, true));
    }
    cases.push(decided("denied: a scope is missing", &token, Box::new(scope("orders:delete")), false));
    cases.push(decided("denied: scope and role", &token, Box::new(typical.and(role("admin"))), false));
    Group { title: "policy: decisions, token with 6 scopes and 3 roles".to_owned(), cases }
}

fn decided(name: &str, token: &TokenBuilder, policy: Box<dyn Policy>, allowed: bool) -> Case {
    let token = ValidatedToken::assertion(Claims::from_json(claims_of(token.clone())).unwrap());
    let request = Request::get("/orders/7").body(()).unwrap();
    let decide = move || {
        let decision = policy.decide(&PolicyInput::of(Some(&token), &request));
        (decision == Decision::Allow) == allowed
    };
    Case::new(name, decide).over("the input alone")
}

/// One rule for `/orders` and one for `/orders/{id}` among as many.
fn table(count: usize, requirement: &portcullis::Requirement) -> PolicyTable {
    let mut table = PolicyTable::builder()
        .rule("GET /orders", requirement.clone())
        .rule("GET /orders/{id}", requirement.clone());
    for number in 2..count {
        table =
            table.rule(format!("GET /resource-{}/{{id}}/part-{number}", number % 100), requirement.clone());
    }
    table.build().unwrap()
}

fn more_rules() -> Group {
    let issuer = issuer(SignatureAlgorithm::Rs256);
    let token = usual(&issuer, SignatureAlgorithm::Rs256).sign();
    let auth = server(&issuer, issuer.jwk_set()).build().unwrap();
    let mut cases = vec![admitted("no table", &auth, scope("orders:read"), &token)];
    for count in [2, 10, 100, 1_000] {
        let name = format!("{count:>4} rules");
        cases.push(admitted(&name, &auth, table(count, &scope("orders:read")), &token));
    }
    Group { title: "growth: RS256, rules".to_owned(), cases }
}

/// One role among many, in tokens of the same size.
fn more_roles() -> Group {
    let issuer = issuer(SignatureAlgorithm::Rs256);
    let auth = server(&issuer, issuer.jwk_set()).build().unwrap();
    let cases = [1, 10, 50, 200].map(|count| {
        let roles: Vec<_> =
            (1..count).map(|number| format!("role-{number:03}")).chain(["clerk".into()]).collect();
        // Each role is 11 bytes with quotes and comma.
        let padding = "x".repeat((200 - count) * 11);
        let token = small(&issuer, SignatureAlgorithm::Rs256).claim("roles", roles).claim("padding", padding);
        admitted(&format!("{count:>4} roles"), &auth, role("clerk"), &token.sign())
    });
    Group { title: "growth: RS256, roles, tokens of the same size".to_owned(), cases: cases.into() }
}

/// A role that many others include, and a token with 10 of them.
fn more_implications() -> Group {
    let issuer = issuer(SignatureAlgorithm::Rs256);
    let auth = server(&issuer, issuer.jwk_set()).build().unwrap();
    let roles: Vec<_> = (0..10).map(|number| format!("role-{number:03}")).collect();
    let token = usual(&issuer, SignatureAlgorithm::Rs256).claim("roles", roles).sign();
    let cases = [1, 10, 100, 1_000].map(|count| {
        let vocabulary = (0..count).fold(Vocabulary::builder(), |vocabulary, number| {
            vocabulary.role_includes(&format!("role-{:03}", number + 9), ["clerk"])
        });
        let requirement = vocabulary.build().unwrap().apply(role("clerk")).unwrap();
        admitted(&format!("{count:>4} roles that include it"), &auth, requirement, &token)
    });
    Group { title: "growth: RS256, roles of a vocabulary".to_owned(), cases: cases.into() }
}

fn admitted(name: &str, auth: &ResourceServer, policy: impl Policy, token: &str) -> Case {
    Case::answered(name, Some(token), auth.require(policy).layer(router()), 200)
}
