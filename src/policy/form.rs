//! Requirements as data.

use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use super::claim_test::{ClaimIs, ClaimTest, ClaimValue, Scalar, is_word};
use super::detail_form::DetailForm;
use super::predicate::Predicate;
use super::requirement::{InvalidScope, Requirement};
use super::term::{Grant, Scope, Term};
use crate::bearer::ScopeName;
use crate::claims::ClaimPath;

/// The shape of a requirement in a file: the name of a part, and what it is about.
#[derive(Deserialize, Serialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Form {
    Anyone,
    Authenticated,
    User,
    Scope(String),
    AllScopes(Vec<String>),
    AnyScope(Vec<String>),
    Role(Box<str>),
    Permission(Box<str>),
    Claim(ClaimForm),
    Client(Box<str>),
    Issuer(Box<str>),
    Subject(SubjectForm),
    Acting,
    Actor(SubjectForm),
    AuthorizationDetail(DetailForm),
    Acr(String),
    AnyAcr(Vec<String>),
    Amr(Box<str>),
    /// Seconds.
    MaxAge(u64),
    Predicate(Box<str>),
    /// Only written: which resource, and what of it, only the program knows.
    #[serde(skip_deserializing)]
    Resource(Box<str>),
    AllOf(Vec<Self>),
    AnyOf(Vec<Self>),
    Not(Box<Self>),
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct SubjectForm {
    issuer: Box<str>,
    subject: Box<str>,
}

/// A path, and exactly one thing that is required of the claim.
#[derive(Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct ClaimForm {
    path: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    exists: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    equals: Option<ScalarForm>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    is_any_of: Option<Vec<ScalarForm>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    contains: Option<Box<str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    has_word: Option<Box<str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    has_member: Option<Box<str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    equals_path_parameter: Option<Box<str>>,
}

#[derive(Deserialize, Serialize)]
#[serde(untagged, expecting = "a text, a whole number of 32 bits, or `true` or `false`")]
enum ScalarForm {
    Bool(bool),
    Number(i32),
    Text(Box<str>),
}

impl Serialize for Requirement {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Form::of(&self.0).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Requirement {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let term = Form::deserialize(deserializer)?.into_term().map_err(D::Error::custom)?;
        Ok(Self(term))
    }
}

impl Form {
    fn of(term: &Term) -> Self {
        let scopes = |scopes: &[Scope]| scopes.iter().map(|scope| scope.name.as_str().to_owned()).collect();
        let forms = |parts: &[Term]| parts.iter().map(Self::of).collect();
        match term {
            Term::Anyone => Self::Anyone,
            Term::Authenticated => Self::Authenticated,
            Term::User => Self::User,
            Term::AllScopes(names) => match &**names {
                [one] => Self::Scope(one.name.as_str().to_owned()),
                names => Self::AllScopes(scopes(names)),
            },
            Term::AnyScope(names) => Self::AnyScope(scopes(names)),
            Term::Role(role) => Self::Role(role.name.clone()),
            Term::Permission(permission) => Self::Permission(permission.name.clone()),
            Term::Claim(test) => Self::Claim(ClaimForm::of(test)),
            Term::Client(client) => Self::Client(client.clone()),
            Term::Issuer(issuer) => Self::Issuer(issuer.clone()),
            Term::Subject { issuer, subject } => {
                Self::Subject(SubjectForm { issuer: issuer.clone(), subject: subject.clone() })
            }
            Term::Acting => Self::Acting,
            Term::Actor { issuer, subject } => {
                Self::Actor(SubjectForm { issuer: issuer.clone(), subject: subject.clone() })
            }
            Term::AuthorizationDetail(test) => Self::AuthorizationDetail(DetailForm::of(test)),
            Term::Acr(classes) => match &**classes {
                [one] => Self::Acr(one.as_str().to_owned()),
                classes => Self::AnyAcr(classes.iter().map(|class| class.as_str().to_owned()).collect()),
            },
            Term::Amr(method) => Self::Amr(method.clone()),
            Term::MaxAge(age) => Self::MaxAge(age.as_secs()),
            Term::Predicate(predicate) => Self::Predicate((&*predicate.name).into()),
            Term::Resource(fact) => Self::Resource(fact.as_str().into()),
            Term::AllOf(parts) => Self::AllOf(forms(parts)),
            Term::AnyOf(parts) => Self::AnyOf(forms(parts)),
            Term::Not(part) => Self::Not(Box::new(Self::of(part))),
        }
    }

    fn into_term(self) -> Result<Term, String> {
        Ok(match self {
            Self::Anyone => Term::Anyone,
            Self::Authenticated => Term::Authenticated,
            Self::User => Term::User,
            Self::Scope(scope) => Term::AllScopes(scopes("scope", &[scope])?),
            Self::AllScopes(names) => Term::AllScopes(scopes("all_scopes", &names)?),
            Self::AnyScope(names) => Term::AnyScope(scopes("any_scope", &names)?),
            Self::Role(role) => Term::Role(Grant::role(named("role", &role)?)),
            Self::Permission(permission) => {
                Term::Permission(Grant::permission(named("permission", &permission)?))
            }
            Self::Claim(form) => Term::Claim(form.into_test()?),
            Self::Client(client) => Term::Client(client),
            Self::Issuer(issuer) => Term::Issuer(issuer),
            Self::Subject(form) => Term::Subject { issuer: form.issuer, subject: form.subject },
            Self::Acting => Term::Acting,
            Self::Actor(form) => Term::Actor { issuer: form.issuer, subject: form.subject },
            Self::AuthorizationDetail(form) => Term::AuthorizationDetail(Box::new(form.into_test()?)),
            Self::Acr(class) => Term::Acr(names("acr", &[class])?),
            Self::AnyAcr(classes) => Term::Acr(names("any_acr", &classes)?),
            Self::Amr(method) => Term::Amr(method),
            Self::MaxAge(seconds) => Term::MaxAge(Duration::from_secs(seconds)),
            Self::Predicate(name) => Term::Predicate(Predicate::named(named("predicate", &name)?)),
            Self::Resource(fact) => {
                return Err(format!("`{fact}` is about a resource, so only the program can require it"));
            }
            Self::AllOf(forms) => Term::all_of(terms("all_of", forms)?),
            Self::AnyOf(forms) => Term::any_of(terms("any_of", forms)?),
            Self::Not(form) => Term::Not(Box::new(form.into_term()?)),
        })
    }
}

fn named<'a>(what: &str, name: &'a str) -> Result<&'a str, String> {
    if name.is_empty() { Err(format!("`{what}` needs a name")) } else { Ok(name) }
}

fn names(what: &str, texts: &[String]) -> Result<Box<[ScopeName]>, String> {
    if texts.is_empty() {
        return Err(format!("`{what}` needs at least one name"));
    }
    let name = |text: &String| InvalidScope::or_name(text).map_err(|error| error.to_string());
    texts.iter().map(name).collect()
}

fn scopes(what: &str, texts: &[String]) -> Result<Box<[Scope]>, String> {
    Ok(names(what, texts)?.into_iter().map(Scope::new).collect())
}

fn terms(what: &str, forms: Vec<Form>) -> Result<Vec<Term>, String> {
    if forms.is_empty() {
        return Err(format!("`{what}` needs at least one requirement"));
    }
    forms.into_iter().map(Form::into_term).collect()
}

impl ClaimForm {
    fn of(test: &ClaimTest) -> Self {
        let form = Self { path: test.path.to_string(), ..Self::default() };
        match &test.is {
            ClaimIs::Present => Self { exists: Some(true), ..form },
            ClaimIs::OneOf(values) => match &**values {
                [one] => Self { equals: Some(ScalarForm::of(one)), ..form },
                values => Self { is_any_of: Some(values.iter().map(ScalarForm::of).collect()), ..form },
            },
            ClaimIs::Containing(name) => Self { contains: Some(name.clone()), ..form },
            ClaimIs::WithWord(word) => Self { has_word: Some(word.clone()), ..form },
            ClaimIs::WithMember(name) => Self { has_member: Some(name.clone()), ..form },
            ClaimIs::PathParameter(name) => Self { equals_path_parameter: Some(name.clone()), ..form },
        }
    }

    fn into_test(self) -> Result<ClaimTest, String> {
        let path = ClaimPath::parse(&self.path).map_err(|problem| problem.to_string())?;
        let one_of = |values: Vec<ScalarForm>| {
            ClaimIs::OneOf(values.into_iter().map(ScalarForm::into_value).collect())
        };
        if self.exists == Some(false) {
            return Err("`exists` is `true`; the opposite is a `not` around it".to_owned());
        }
        if self.is_any_of.as_ref().is_some_and(Vec::is_empty) {
            return Err("`is_any_of` needs at least one value".to_owned());
        }
        if let Some(word) = self.has_word.as_deref().filter(|word| !is_word(word)) {
            return Err(format!("`has_word` needs one word, and `{word}` is none"));
        }
        let mut said = [
            self.exists.map(|_| ClaimIs::Present),
            self.equals.map(|value| one_of(vec![value])),
            self.is_any_of.map(one_of),
            self.contains.map(ClaimIs::Containing),
            self.has_word.map(ClaimIs::WithWord),
            self.has_member.map(ClaimIs::WithMember),
            self.equals_path_parameter.map(ClaimIs::PathParameter),
        ]
        .into_iter()
        .flatten();
        match (said.next(), said.next()) {
            (Some(is), None) => Ok(ClaimTest { path, is }),
            _ => Err(format!(
                "of claim `{path}` exactly one is required: `exists`, `equals`, `is_any_of`, `contains`, `has_word`, \
                 `has_member` or `equals_path_parameter`"
            )),
        }
    }
}

impl ScalarForm {
    fn of(value: &ClaimValue) -> Self {
        match &value.0 {
            Scalar::Text(text) => Self::Text(text.clone()),
            Scalar::Number(number) => Self::Number(*number),
            Scalar::Bool(flag) => Self::Bool(*flag),
        }
    }

    fn into_value(self) -> ClaimValue {
        ClaimValue(match self {
            Self::Text(text) => Scalar::Text(text),
            Self::Number(number) => Scalar::Number(number),
            Self::Bool(flag) => Scalar::Bool(flag),
        })
    }
}
