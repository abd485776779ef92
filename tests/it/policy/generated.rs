//! Requirements and tokens from a fixed seed, and what they mean, by a reading of their own.

use std::time::Duration;

use portcullis::{
    Requirement, acr, acting, actor, all_of, all_scopes, amr, any_acr, any_of, any_scope, anyone,
    authenticated, authorization_detail, claim, client, issuer, max_age, not, permission, predicate, role,
    subject, user,
};
use serde_json::{Map, Value, json};

use crate::support::{NOW, Random};

const SCOPES: [&str; 3] = ["a", "b", "c"];
const CLASSES: [&str; 3] = ["x", "y", "z"];
const ROLES: [&str; 2] = ["clerk", "admin"];
const ISSUERS: [&str; 2] = ["https://a.example", "https://b.example"];

/// What a requirement is made of, for whoever cannot look into it.
#[derive(Clone, Debug)]
pub(super) enum Model {
    Anyone,
    Authenticated,
    User,
    AllScopes(Vec<&'static str>),
    AnyScope(Vec<&'static str>),
    Role(&'static str),
    /// Which nobody has defined.
    Permission,
    Equals(Value),
    Contains(&'static str),
    Client(&'static str),
    Issuer(&'static str),
    Subject(&'static str, &'static str),
    Acting,
    Actor(&'static str, &'static str),
    /// Of one type, with this action.
    Detail(&'static str),
    Acr(Vec<&'static str>),
    Amr(&'static str),
    MaxAge(u64),
    Predicate(bool),
    AllOf(Vec<Self>),
    AnyOf(Vec<Self>),
    Not(Box<Self>),
}

/// What may be in a generated requirement.
#[derive(Clone, Copy)]
pub(super) struct With {
    pub(super) not: bool,
    pub(super) predicates: bool,
}

pub(super) const EVERYTHING: With = With { not: true, predicates: true };
/// What serde gives back as it was.
pub(super) const DATA: With = With { not: true, predicates: false };
pub(super) const NO_NOT: With = With { not: false, predicates: false };

impl Model {
    pub(super) fn generate(random: &mut Random, with: With, depth: usize) -> Self {
        let parts = |random: &mut Random| {
            (0..1 + random.below(3)).map(|_| Self::generate(random, with, depth - 1)).collect()
        };
        match random.below(if depth == 0 { 5 } else { 10 }) {
            0..5 => Self::leaf(random, with),
            5 | 6 => Self::AllOf(parts(random)),
            7 | 8 => Self::AnyOf(parts(random)),
            _ if with.not => Self::Not(Box::new(Self::generate(random, with, depth - 1))),
            _ => Self::AnyOf(parts(random)),
        }
    }

    fn leaf(random: &mut Random, with: With) -> Self {
        let some = |random: &mut Random, of: &[&'static str]| {
            (0..1 + random.below(2)).map(|_| *random.pick(of)).collect::<Vec<_>>()
        };
        match random.below(24) {
            0 => Self::Anyone,
            1 => Self::Authenticated,
            2 => Self::User,
            3 | 4 => Self::AllScopes(some(random, &SCOPES)),
            5 | 6 => Self::AnyScope(some(random, &SCOPES)),
            7 => Self::Role(name(random, &ROLES)),
            8 => Self::Permission,
            9 => Self::Equals(random.pick(&[json!("t1"), json!(5), json!(true)]).clone()),
            10 => Self::Contains(name(random, &ROLES)),
            11 => Self::Client(name(random, &["web", "batch"])),
            12 => Self::Issuer(name(random, &ISSUERS)),
            13 => Self::Subject(name(random, &ISSUERS), name(random, &["alice", "web"])),
            14..=16 => Self::Acr(some(random, &CLASSES)),
            17 => Self::Amr(name(random, &["mfa", "pwd"])),
            18 if with.predicates => Self::Predicate(random.one_in(2)),
            19 => Self::Acting,
            20 => Self::Actor(name(random, &ISSUERS), name(random, &["svc", "web"])),
            21 | 22 => Self::Detail(name(random, &["pay", "look"])),
            _ => Self::MaxAge(*random.pick(&[60, 600])),
        }
    }

    pub(super) fn build(&self) -> Requirement {
        let parts = |parts: &[Self]| parts.iter().map(Self::build).collect::<Vec<_>>();
        match self {
            Self::Anyone => anyone(),
            Self::Authenticated => authenticated(),
            Self::User => user(),
            Self::AllScopes(names) => all_scopes(names.iter().copied()),
            Self::AnyScope(names) => any_scope(names.iter().copied()),
            Self::Role(name) => role(name),
            Self::Permission => permission("refund"),
            Self::Equals(Value::String(text)) => claim("tenant").equals(&**text),
            Self::Equals(Value::Bool(flag)) => claim("tenant").equals(*flag),
            Self::Equals(number) => claim("tenant").equals(i32::try_from(number.as_i64().unwrap()).unwrap()),
            Self::Contains(name) => claim("/shop/groups").contains(name),
            Self::Client(name) => client(name),
            Self::Issuer(name) => issuer(name),
            Self::Subject(issuer, name) => subject(issuer, name),
            Self::Acting => acting(),
            Self::Actor(issuer, name) => actor(issuer, name),
            Self::Detail(action) => authorization_detail("payment").with_action(action).granted(),
            Self::Acr(classes) => match &**classes {
                [one] => acr(one),
                classes => any_acr(classes.iter().copied()),
            },
            Self::Amr(method) => amr(method),
            Self::MaxAge(age) => max_age(Duration::from_secs(*age)),
            Self::Predicate(answer) => {
                let answer = *answer;
                predicate(if answer { "yes" } else { "no" }, move |_| answer)
            }
            Self::AllOf(models) => all_of(parts(models)),
            Self::AnyOf(models) => any_of(parts(models)),
            Self::Not(model) => not(model.build()),
        }
    }

    /// Whether these claims show that it is met. That it is not met is [`fails`](Self::fails); there may be neither.
    pub(super) fn holds(&self, claims: &Value) -> bool {
        match self {
            Self::Anyone | Self::Authenticated => true,
            Self::User => match (text(claims, "sub"), text(claims, "client_id")) {
                (Some(subject), Some(client)) => subject != client,
                _ => false,
            },
            Self::AllScopes(names) => names.iter().all(|name| scopes(claims).contains(name)),
            Self::AnyScope(names) => names.iter().any(|name| scopes(claims).contains(name)),
            Self::Role(name) => !left_out(claims, "roles") && has(&claims["roles"], name),
            Self::Permission => false,
            Self::Equals(value) => !left_out(claims, "tenant") && claims["tenant"] == *value,
            Self::Contains(name) => !left_out(claims, "shop") && has(&claims["shop"]["groups"], name),
            Self::Client(name) => text(claims, "client_id") == Some(name),
            Self::Issuer(name) => text(claims, "iss") == Some(name),
            Self::Subject(issuer, name) => {
                text(claims, "iss") == Some(issuer) && text(claims, "sub") == Some(name)
            }
            Self::Acting => claims["act"].is_object(),
            Self::Actor(issuer, name) => {
                acting_issuer(claims) == Some(issuer) && text(&claims["act"], "sub") == Some(name)
            }
            Self::Detail(action) => details(claims).any(|detail| {
                detail["type"] == "payment"
                    && has(&detail["actions"], action)
                    && detail["locations"].is_null()
            }),
            Self::Acr(classes) => text(claims, "acr").is_some_and(|told| classes.contains(&told)),
            Self::Amr(method) => has(&claims["amr"], method),
            Self::MaxAge(age) => authenticated_at(claims).is_some_and(|at| NOW <= at + age + 30),
            Self::Predicate(answer) => *answer,
            Self::AllOf(parts) => parts.iter().all(|part| part.holds(claims)),
            Self::AnyOf(parts) => parts.iter().any(|part| part.holds(claims)),
            Self::Not(part) => part.fails(claims),
        }
    }

    pub(super) fn fails(&self, claims: &Value) -> bool {
        match self {
            Self::Anyone | Self::Authenticated | Self::Permission => false,
            Self::User => match (text(claims, "sub"), text(claims, "client_id")) {
                (Some(subject), Some(client)) => subject == client,
                _ => false,
            },
            Self::AllScopes(_) | Self::AnyScope(_) => {
                (text(claims, "scope").is_some() || !left_out(claims, "scope")) && !self.holds(claims)
            }
            Self::Role(_) => !left_out(claims, "roles") && lacks(&claims["roles"]) && !self.holds(claims),
            Self::Equals(_) if left_out(claims, "tenant") => false,
            Self::Equals(value) => match &claims["tenant"] {
                Value::Null => true,
                other => std::mem::discriminant(other) == std::mem::discriminant(value) && other != value,
            },
            Self::Contains(_) if left_out(claims, "shop") => false,
            Self::Contains(_) => match &claims["shop"] {
                Value::Null => true,
                Value::Object(shop) => {
                    lacks(shop.get("groups").unwrap_or(&Value::Null)) && !self.holds(claims)
                }
                _ => false,
            },
            Self::Client(name) => text(claims, "client_id").is_some_and(|told| told != *name),
            Self::Issuer(name) => text(claims, "iss").is_some_and(|told| told != *name),
            Self::Subject(..) => {
                text(claims, "iss").is_some() && text(claims, "sub").is_some() && !self.holds(claims)
            }
            Self::Acting => claims["act"].is_null(),
            Self::Actor(..) => {
                let told = acting_issuer(claims).is_some() && text(&claims["act"], "sub").is_some();
                claims["act"].is_null() || told && !self.holds(claims)
            }
            Self::Detail(action) => {
                let other = |detail: &Value| match text(detail, "type") {
                    Some("payment") => lacks(&detail["actions"]) && !has(&detail["actions"], action),
                    told => told.is_some(),
                };
                let list = &claims["authorization_details"];
                list.is_null() || list.is_array() && details(claims).all(other)
            }
            Self::Acr(_) => text(claims, "acr").is_some() && !self.holds(claims),
            Self::Amr(_) => claims["amr"].is_array() && !self.holds(claims),
            Self::MaxAge(_) => authenticated_at(claims).is_some() && !self.holds(claims),
            Self::Predicate(answer) => !answer,
            Self::AllOf(parts) => parts.iter().any(|part| part.fails(claims)),
            Self::AnyOf(parts) => parts.iter().all(|part| part.fails(claims)),
            Self::Not(part) => part.holds(claims),
        }
    }

    /// Every way to it, each as what must hold on it.
    pub(super) fn ways(&self) -> Vec<Vec<&Self>> {
        match self {
            Self::AllOf(parts) => {
                let mut ways = vec![vec![]];
                for part in parts {
                    let more = part.ways();
                    ways = ways
                        .iter()
                        .flat_map(|way| more.iter().map(|more| [way.clone(), more.clone()].concat()))
                        .collect();
                }
                ways
            }
            Self::AnyOf(parts) => parts.iter().flat_map(Self::ways).collect(),
            leaf => vec![vec![leaf]],
        }
    }
}

fn name(random: &mut Random, of: &[&'static str]) -> &'static str {
    of[random.below(of.len())]
}

fn text<'a>(claims: &'a Value, name: &str) -> Option<&'a str> {
    claims[name].as_str()
}

fn scopes(claims: &Value) -> Vec<&str> {
    text(claims, "scope").unwrap_or_default().split(' ').collect()
}

fn has(list: &Value, name: &str) -> bool {
    list.as_array().is_some_and(|entries| entries.iter().any(|entry| entry == name))
}

/// Whether a list is not there, or all of its entries can be read.
fn lacks(list: &Value) -> bool {
    list.is_null() || list.as_array().is_some_and(|entries| entries.iter().all(Value::is_string))
}

fn left_out(claims: &Value, name: &str) -> bool {
    claims["_claim_names"].get(name).is_some()
}

fn details(claims: &Value) -> impl Iterator<Item = &Value> {
    claims["authorization_details"].as_array().into_iter().flatten()
}

fn acting_issuer(claims: &Value) -> Option<&str> {
    match &claims["act"]["iss"] {
        Value::Null => text(claims, "iss"),
        named => named.as_str(),
    }
}

fn authenticated_at(claims: &Value) -> Option<u64> {
    claims["auth_time"].as_u64().filter(|at| *at <= NOW + 30)
}

/// The claims of a token that says more or less of what requirements ask for, not all of it readable.
pub(super) fn claims(random: &mut Random) -> Value {
    let mut claims = Map::new();
    let mut maybe = |random: &mut Random, name: &str, values: &[Value]| {
        if !random.one_in(4) {
            claims.insert(name.to_owned(), random.pick(values).clone());
        }
    };
    let names = |names: &[&str]| json!(names);
    let groups =
        [names(&[]), names(&ROLES[..1]), names(&ROLES), json!("clerk"), json!(["clerk", 5]), json!([7])];
    maybe(random, "iss", &ISSUERS.map(Value::from));
    maybe(random, "sub", &[json!("alice"), json!("web")]);
    maybe(random, "client_id", &[json!("web"), json!("batch")]);
    maybe(random, "scope", &["", "a", "b", "b a", "c", "a b c", "d"].map(Value::from));
    maybe(random, "roles", &groups);
    maybe(
        random,
        "tenant",
        &[json!("t1"), json!("t2"), json!(5), json!(6), json!(true), json!([]), json!(null)],
    );
    maybe(random, "acr", &[json!("x"), json!("y"), json!("low"), json!(5), json!(null)]);
    maybe(random, "amr", &[names(&["mfa"]), names(&["pwd", "mfa"]), names(&[]), json!("mfa")]);
    let times = [NOW, NOW - 80, NOW - 300, NOW - 3_600, NOW + 20, NOW + 100].map(Value::from);
    maybe(random, "auth_time", &times);
    let shops = groups.clone().map(|groups| json!({ "groups": groups }));
    maybe(random, "shop", &shops);
    let actors = [
        json!(null),
        json!({ "sub": "svc" }),
        json!({ "sub": "svc", "iss": ISSUERS[1] }),
        json!({ "sub": "x", "act": { "sub": "svc" } }),
        json!({ "sub": "svc", "iss": 5 }),
        json!({}),
    ];
    maybe(random, "act", &actors);
    let of = |kind: &str, actions: Value| json!({ "type": kind, "actions": actions });
    let pay = of("payment", json!(["pay"]));
    let details = [
        json!([pay]),
        json!([of("account", json!(["pay"])), of("payment", json!(["look"]))]),
        json!([of("payment", json!("pay")), { "type": "payment" }]),
        json!([{ "type": "payment", "actions": ["pay"], "locations": ["x"] }]),
        json!([{ "actions": ["pay"] }, of("account", json!(5))]),
        json!([]),
        pay,
    ];
    maybe(random, "authorization_details", &details);
    if random.one_in(4) {
        maybe(random, "auth_time", &[json!("then"), json!(null)]);
        maybe(random, "shop", &[json!("clerk"), json!({}), json!({ "groups": null })]);
        maybe(
            random,
            "_claim_names",
            &[json!({ "scope": "s" }), json!({ "roles": "s", "shop": "s", "tenant": "s" })],
        );
    }
    Value::Object(claims)
}
