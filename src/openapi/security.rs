use http::Method;
use serde_json::Value;
use utoipa::openapi::extensions::Extensions;
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::security::{Http, HttpAuthScheme, OpenIdConnect, SecurityScheme};
use utoipa::openapi::{OpenApi, RefOr, Response, SecurityRequirement};

use crate::policy::Requirement;
use crate::table::{Coverage, Governed, PolicyTable};

/// Under which an operation says which rule is its own.
const EXTENSION: &str = "x-portcullis";
const CHALLENGE: &str = "The challenge: what is wrong, and which scopes or which authentication would be enough \
                         (RFC 6750 §3, RFC 9470 §3).";

/// Writes what a [`PolicyTable`] requires into an OpenAPI document of the crate `utoipa`, so that document and service
/// cannot say two things. Only with the feature `utoipa`.
///
/// ```
/// use portcullis::{OpenApiSecurity, PolicyTable, anyone, role, scope};
/// use utoipa::openapi::path::Operation;
/// use utoipa::openapi::{HttpMethod, Info, OpenApi, Paths};
///
/// let mut paths = Paths::new();
/// paths.add_path_operation("/health", vec![HttpMethod::Get], Operation::new());
/// paths.add_path_operation("/orders/{id}", vec![HttpMethod::Get, HttpMethod::Put], Operation::new());
/// let mut document = OpenApi::new(Info::new("Orders", "1.0.0"), paths);
///
/// let table = PolicyTable::builder()
///     .rule("GET /health", anyone())
///     .rule("GET /orders/{id}", scope("orders:read"))
///     .rule("DELETE /orders/{id}", role("admin"))
///     .build()?;
/// let coverage = OpenApiSecurity::openid_connect("https://id.example.com").write(&table, &mut document);
///
/// let document = serde_json::to_value(&document)?;
/// assert_eq!(
///     document["paths"]["/orders/{id}"]["get"]["security"],
///     serde_json::json!([{"openid_connect": ["orders:read"]}])
/// );
/// assert_eq!(
///     document["paths"]["/health"]["get"]["security"],
///     serde_json::json!([{}, {"openid_connect": []}])
/// );
/// // One of them is denied to everybody, and the other is for nothing.
/// assert_eq!(coverage.operations_without_rule(), ["PUT /orders/{id}"]);
/// assert_eq!(coverage.rules_without_operation(), ["DELETE /orders/{id}"]);
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
///
/// # What is written
///
/// | where | what |
/// |---|---|
/// | `components.securitySchemes` | the scheme; one of the same name that is there already stays |
/// | `security` of an operation | instead of what is there: for each way to be let in, the scopes that it takes; `{}` where a request without a token may be let in |
/// | its `x-portcullis` | `rule`, its name; `requires`, all that it requires, as it reads; `elsewhere`, rules for some of its paths only |
/// | its responses 401 and 403 | with the field `WWW-Authenticate`; what is there already stays, but for a field that it lacks |
///
/// OpenAPI knows scopes, "and" and "or". Of anything else (roles, claims, authentication, `not`, predicates) `security` says only that a
/// token is needed, with the scopes that are needed in any case; `x-portcullis` and a 403 of ours say the rest. Scopes that imply
/// another are not listed. Whoever reads the document reads the requirements, with the names of issuers, subjects
/// and clients in them.
///
/// An operation without a rule stays as it is, and so does the `security` of the whole document.
#[derive(Clone, Debug)]
#[must_use]
pub struct OpenApiSecurity {
    name: String,
    /// `None`: a bearer token, of whomever.
    openid_connect_url: Option<String>,
    prefix: String,
}

impl OpenApiSecurity {
    /// A scheme of type `http`, named `bearer`. Its requirements list scopes, which OpenAPI has allowed since 3.1 for
    /// schemes other than `oauth2` and `openIdConnect`.
    pub fn bearer() -> Self {
        Self { name: "bearer".to_owned(), openid_connect_url: None, prefix: String::new() }
    }

    /// A scheme of type `openIdConnect`, named `openid_connect`, with the metadata of this issuer (OpenID Connect Discovery §4).
    pub fn openid_connect(issuer: &str) -> Self {
        let url = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
        Self { name: "openid_connect".to_owned(), openid_connect_url: Some(url), ..Self::bearer() }
    }

    /// Names the scheme: also one that the document has, such as one of type `oauth2` with its flows.
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// What the paths of the service begin with, where those of the document do not: `/v1`. Default: nothing. The `servers` of
    /// a document are not looked at: a gateway may take their paths away.
    pub fn below(mut self, prefix: &str) -> Self {
        self.prefix = prefix.trim_end_matches('/').to_owned();
        self
    }

    /// Writes, and says which operations have no rule and which rules no operation. A path item that is elsewhere (`$ref`)
    /// cannot be written to: it counts as an operation without a rule, `* /path`.
    pub fn write(&self, table: &PolicyTable, document: &mut OpenApi) -> Coverage {
        let (mut operations, mut places, mut unread) = (Vec::new(), Vec::new(), Vec::new());
        for (path, item) in &mut document.paths.paths {
            let path = format!("{}{path}", self.prefix);
            if item.ref_path.is_some() {
                unread.push(("*".to_owned(), path.clone()));
            }
            for (method, place) in operations_of(item) {
                match Method::from_bytes(method.as_bytes()) {
                    Ok(method) => {
                        operations.push((method, path.clone()));
                        places.push(place);
                    }
                    Err(_) => unread.push((method, path.clone())),
                }
            }
        }
        let governed = table.governed(&operations);
        for (governed, operation) in governed.iter().zip(places) {
            self.write_operation(governed, operation);
        }
        let schemes = &mut document.components.get_or_insert_default().security_schemes;
        schemes.entry(self.name.clone()).or_insert_with(|| self.scheme().into());
        let mut coverage = table.coverage_by(&operations, &governed);
        for (method, path) in &unread {
            coverage.add_operation(method, path);
        }
        coverage
    }

    fn scheme(&self) -> SecurityScheme {
        match &self.openid_connect_url {
            Some(url) => SecurityScheme::OpenIdConnect(OpenIdConnect::new(url)),
            None => SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer)),
        }
    }

    fn write_operation(&self, governed: &Governed<'_>, operation: &mut Operation) {
        let Some(rule) = governed.rule else { return };
        let said = rule.requirement().scope_lists();
        // OpenAPI 3.1 §4.8.30: an empty requirement makes the others optional.
        let anonymous = said.anonymous.then(SecurityRequirement::default);
        let lists =
            said.lists.iter().map(|scopes| SecurityRequirement::new(&self.name, scopes.iter().copied()));
        operation.security = Some(anonymous.into_iter().chain(lists).collect());
        let other = |requirement: &Requirement| requirement != rule.requirement();
        let elsewhere: Vec<_> = governed
            .elsewhere
            .iter()
            .filter(|(_, rule)| rule.is_none_or(|rule| other(rule.requirement())))
            .map(|(path, rule)| match rule {
                Some(rule) => format!("{path}: {}", rule.requirement()),
                None => format!("{path}: nobody"),
            })
            .collect();
        let sentence = rule.requirement().to_string();
        if !said.any_token || !elsewhere.is_empty() {
            let mut description = format!("The token is not enough. Required: {sentence}.");
            if !elsewhere.is_empty() {
                description.push_str(&format!(" For some paths: {}.", elsewhere.join("; ")));
            }
            describe(operation, "403", &description);
        }
        describe(
            operation,
            "401",
            "The request has no token that is valid and shows the authentication needed.",
        );
        let mut facts =
            vec![("rule".to_owned(), Value::from(rule.name())), ("requires".to_owned(), sentence.into())];
        if !elsewhere.is_empty() {
            facts.push(("elsewhere".to_owned(), elsewhere.into()));
        }
        let extension = Extensions::from_iter([(EXTENSION, Value::from_iter(facts))]);
        operation.extensions.get_or_insert_default().merge(extension);
    }
}

/// Adds a response, or to one that is there what it lacks.
fn describe(operation: &mut Operation, status: &str, description: &str) {
    let response = operation.responses.responses.entry(status.to_owned());
    let RefOr::T(response) = response.or_insert_with(|| Response::new(description).into()) else { return };
    let header =
        || HeaderBuilder::from(utoipa::openapi::Header::default()).description(Some(CHALLENGE)).build();
    let has_header = response.headers.keys().any(|name| name.eq_ignore_ascii_case("www-authenticate"));
    if !has_header {
        response.headers.insert("WWW-Authenticate".to_owned(), header().into());
    }
}

/// Every operation of a path, by its method.
fn operations_of(item: &mut PathItem) -> impl Iterator<Item = (String, &mut Operation)> {
    let fixed = [
        ("GET", &mut item.get),
        ("PUT", &mut item.put),
        ("POST", &mut item.post),
        ("DELETE", &mut item.delete),
        ("OPTIONS", &mut item.options),
        ("HEAD", &mut item.head),
        ("PATCH", &mut item.patch),
        ("TRACE", &mut item.trace),
        ("QUERY", &mut item.query),
    ];
    let fixed = fixed.into_iter().filter_map(|(method, place)| Some((method.to_owned(), place.as_mut()?)));
    fixed.chain(item.additional_operations.iter_mut().map(|(method, place)| (method.clone(), place)))
}
