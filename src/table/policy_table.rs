use std::fmt;
use std::sync::Arc;

use http::Method;
use serde::{Serialize, Serializer};

use super::canonical::{ambiguity, plainest};
use super::rule::Rule;
use super::tree::Tree;
use crate::policy::{Decision, Denial, Explanation, PathParameters, Policy, PolicyInput};

/// Rules by method and path: a policy for a whole service.
///
/// ```
/// use http::Request;
/// use portcullis::{Claims, Decision, Policy as _, PolicyInput, PolicyTable, ValidatedToken, anyone, role, scope};
///
/// let table = PolicyTable::builder()
///     .rule("GET /health", anyone())
///     .rule("GET /orders/{id}", scope("orders:read"))
///     .rule("POST,PUT /orders/{id}", scope("orders:write"))
///     .rule("* /admin/{*rest}", role("admin"))
///     .build()?;
///
/// let token = ValidatedToken::assertion(Claims::from_json(r#"{"scope":"orders:read"}"#)?);
/// let allows = |request: Request<()>| table.decide(&PolicyInput::of(Some(&token), &request)) == Decision::Allow;
/// assert!(allows(Request::get("/orders/7").body(())?));
/// assert!(!allows(Request::put("/orders/7").body(())?));
/// assert!(!allows(Request::get("/somewhere/else").body(())?));
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
///
/// # Which rule is for a request
///
/// 1. **The path decides first**, as the client sent it: with `axum` on, also below `Router::nest`. Of the templates that match, the most
///    specific is taken: a literal segment before `{name}`, that before `{*rest}`. A parameter is one segment that is
///    not empty; `{*rest}` is at least one character. Two templates of which neither is more specific are refused when the
///    table is built, unless a third says what holds where both match.
/// 2. **Then the method**, among the rules for that template: the one that names it; for HEAD the one for GET; or else the
///    one for `*`. A rule for a less specific template is not asked instead. Methods are case-sensitive, and no field of the request
///    overrides them.
/// 3. **No rule, no admission** (403; without a token 401). That holds for OPTIONS as well: put CORS *outside* the layer, where it
///    answers preflights itself, or write a rule for OPTIONS.
/// 4. **A path that could be read in two ways is refused** (403) before any rule is looked for: one with an empty segment (`//`), a
///    dot segment, an encoded slash or backslash, a backslash, an encoded letter, digit, `-`, `.`, `_` or `~`, an encoded control
///    character, a `%` that encodes nothing, or a character that has to be encoded. So is one that would have another rule if all were unencoded that
///    may stand for itself (`%40` for `@`) and the digits behind each `%` were in upper case: literals are written in that way. Everything else is compared byte by byte, as Axum's router does:
///    `/Orders` and `/orders/` are other paths than `/orders`.
///
/// What is *not* checked: that the service has these routes, or that its router agrees with rule 1. Axum's and tonic's do; a router
/// that ignores case or trailing slashes does not.
///
/// gRPC methods are paths: `POST /orders.v1.Orders/List`, and `POST /orders.v1.Orders/{method}` for all of a service.
///
/// # The inventory
///
/// A table is a list of who may do what. It prints as lines and, with `serde`, becomes data; [`coverage`](Self::coverage) holds it
/// against the operations that a service is said to have. What a vocabulary adds to the names in it stands in neither form.
///
/// ```
/// use portcullis::{PolicyTable, anyone, role, scope};
///
/// let table = PolicyTable::builder()
///     .rule("GET /health", anyone())
///     .rule("PUT,PATCH /orders/{id}", scope("orders:write").and(role("clerk")))
///     .build()?;
/// assert_eq!(
///     table.to_string(),
///     "GET /health: anyone\n\
///      PUT,PATCH /orders/{id}: scope `orders:write` and role `clerk`\n\
///      everything else: nobody\n"
/// );
/// assert_eq!(
///     serde_json::to_value(&table)?[1],
///     serde_json::json!({
///         "methods": ["PUT", "PATCH"],
///         "path": "/orders/{id}",
///         "require": {"all_of": [{"scope": "orders:write"}, {"role": "clerk"}]},
///     })
/// );
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct PolicyTable {
    pub(super) shared: Arc<Rules>,
}

pub(super) struct Rules {
    /// In the order in which they were written.
    pub(super) rules: Vec<Rule>,
    pub(super) entries: Vec<Entry>,
    /// Of indices of `entries`.
    pub(super) tree: Tree,
    pub(super) takes_anonymous: bool,
}

/// The rules for one template: indices of `rules`.
#[derive(Default)]
pub(super) struct Entry {
    pub(super) methods: Vec<(Method, usize)>,
    pub(super) any: Option<usize>,
}

/// The rule for a request, and what its template names.
#[derive(Debug)]
pub(super) struct Found<'t, 'p> {
    pub(super) rule: &'t Rule,
    path: &'p str,
}

impl PolicyTable {
    /// The rules, in the order in which they were written.
    #[must_use]
    pub fn rules(&self) -> &[Rule] {
        &self.shared.rules
    }

    /// The rule for this request, or why there is none.
    pub(super) fn find<'t, 'p>(
        &'t self,
        method: &Method,
        path: &'p str,
    ) -> Result<Found<'t, 'p>, &'static str> {
        if let Some(ambiguity) = ambiguity(path) {
            return Err(ambiguity);
        }
        let place = self.shared.tree.find(path);
        // To whoever decodes a part of the path `%40` is `@`; a rule that says `@` is not to be passed by.
        if path.contains('%') && self.shared.tree.find(&plainest(path)) != place {
            return Err("the path is another spelling of one that has another rule");
        }
        let place = place.ok_or("no rule is for this path")?;
        let entry = self.shared.entries.get(place);
        let rule = entry.and_then(|entry| entry.rule(method)).and_then(|rule| self.shared.rules.get(rule));
        let rule = rule.ok_or("no rule for this path is for this method")?;
        Ok(Found { rule, path })
    }
}

impl Entry {
    /// A rule of the template, whichever.
    pub(super) fn some_rule(&self) -> Option<usize> {
        self.methods.first().map(|(_, rule)| *rule).or(self.any)
    }

    pub(super) fn rule(&self, method: &Method) -> Option<usize> {
        let named =
            |method: &Method| self.methods.iter().find(|(own, _)| own == method).map(|(_, rule)| *rule);
        // RFC 9110 §9.3.2: HEAD is GET without the content.
        let as_get = || if method == Method::HEAD { named(&Method::GET) } else { None };
        named(method).or_else(as_get).or(self.any)
    }
}

impl PathParameters for Found<'_, '_> {
    fn raw(&self, name: &str) -> Option<&str> {
        self.rule.template.part(self.path, name)
    }
}

impl Policy for PolicyTable {
    fn decide(&self, input: &PolicyInput<'_>) -> Decision {
        match self.find(input.method(), input.path()) {
            Ok(found) => match found.rule.requirement.decide(&input.with_parameters(&found)) {
                Decision::Allow => Decision::Allow,
                Decision::Deny(denial) => Decision::Deny(denial.with_rule(Arc::clone(&found.rule.name))),
            },
            Err(why) => Decision::Deny(Denial::because(why)),
        }
    }

    fn takes_anonymous(&self) -> bool {
        self.shared.takes_anonymous
    }

    fn explain(&self, input: &PolicyInput<'_>) -> Explanation {
        self.explained(input)
    }
}

/// One rule a line, and what holds where there is none.
impl fmt::Display for PolicyTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.rules().iter().try_for_each(|rule| writeln!(f, "{rule}"))?;
        writeln!(f, "everything else: nobody")
    }
}

/// A list of [rules](Rule), in the order in which they were written.
impl Serialize for PolicyTable {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.rules())
    }
}

impl fmt::Debug for PolicyTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.rules().iter().map(|rule| format_args!("{rule}").to_string())).finish()
    }
}
