use std::fmt;
use std::sync::Arc;

use super::engine::Engine;
use super::facts::{Facts, Names};
use super::findings::Findings;
use crate::policy::{Decision, Denial, Explanation, Policy, PolicyInput};

/// A policy in the [Cedar](https://docs.cedarpolicy.com) language: rules that are kept, reviewed and proved outside the program.
///
/// ```
/// use http::Request;
/// use portcullis::{CedarPolicy, Claims, Decision, Policy as _, PolicyInput, ValidatedToken};
///
/// let policy = CedarPolicy::builder(
///     r#"
///     @id("clerks-read")
///     permit (principal in Role::"clerk", action == Action::"GET", resource);
///
///     @id("own-tenant")
///     forbid (principal, action, resource) unless { principal.tenant == "acme" };
///     "#,
/// )
/// .build()?;
///
/// let token = |claims| ValidatedToken::assertion(Claims::from_json(claims).unwrap());
/// let request = Request::get("/orders").body(())?;
/// let decide = |token| policy.decide(&PolicyInput::of(Some(&token), &request));
///
/// let clerk = token(r#"{"iss":"https://id.example.com","sub":"alice","roles":["clerk"],"tenant":"acme"}"#);
/// assert_eq!(decide(clerk), Decision::Allow);
///
/// let other = token(r#"{"iss":"https://id.example.com","sub":"bob","roles":["clerk"],"tenant":"globex"}"#);
/// let Decision::Deny(denial) = decide(other) else { panic!("admitted") };
/// assert_eq!(denial.to_string(), "forbidden by Cedar policy `own-tenant`");
///
/// // A `forbid` that cannot be evaluated forbids.
/// let without = token(r#"{"iss":"https://id.example.com","sub":"eve","roles":["clerk"]}"#);
/// assert!(matches!(decide(without), Decision::Deny(_)));
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
///
/// # What Cedar is told
///
/// 1. **The principal** is a `User` where the token speaks for one (as [`user`](crate::user) tells), a `Client` where it is a client's
///    own, and a `Subject` where that cannot be told: then neither `principal is User` nor `principal is Client` holds, so no permission
///    for one of them is taken by the other. A `forbid` for one of the two does not see a `Subject` either: write
///    `unless { principal is User }`, which does, and not `when { principal is Client }`.
/// 2. **Its identifier** is issuer, `#`, subject: `User::"https://id.example.com#alice"`. Two issuers may give the same subject to two
///    people (RFC 8725 §3.8), and no issuer has a `#` in it (RFC 8414 §2). A token of one that has, and one without issuer or subject, is
///    denied. The client is no part of it, also where the principal is a `Client`: it is in the context.
/// 3. **Its parents** are `Role::"clerk"` for each of its roles and `Scope::"orders:read"` for each of its scopes, wherever the
///    configuration of its issuer says that they are. So `principal in Role::"clerk"` asks what [`role`](crate::role) asks. Static entities
///    say what includes what: `Role::"admin"` with the parent `Role::"clerk"`. Where roles or scopes cannot be told (a claim of another
///    shape, too many groups), or are more than 1000, the request is denied: nobody could tell which `forbid` is for it.
/// 4. **Its attributes** are the claims, by their names: `principal.tenant`, `principal["https://example.com/tier"]`,
///    `principal.realm_access.roles`. Texts are strings, `true` and `false` booleans, whole numbers of at most 2^53 - 1 longs (also if they are
///    written `1.0`), arrays sets, objects records. Cedar has no value for `null`, for other numbers, or for arrays with one of them in it:
///    these are left out, as if the token did not have them. A token is denied where a schema declares one of these (`null` apart), and where
///    the token itself leaves out a claim (`_claim_names`, too many groups), unless a schema does not declare that. Nothing in a claim
///    becomes an entity or a value of an extension, whatever it looks like.
/// 5. **The action** is `Action::"GET"`: the method, or what [`action`](crate::CedarPolicyBuilder::action) makes of the request. HEAD is another
///    action than GET: a `forbid` for one says nothing of the other.
/// 6. **The resource** is `Endpoint::"/orders/7"`: the path as the client sent it, percent-encoding and all (see [`PolicyInput::path`]),
///    or what [`resource`](crate::CedarPolicyBuilder::resource) makes of the request. A path that could be read in two ways is denied, by the fourth
///    rule of [`PolicyTable`](crate::PolicyTable); `%40` and `@` are two resources. It has the attributes and parents that static entities give it.
/// 7. **The context** has `method`, `path`, `time` (seconds since the Unix epoch), `anonymous` and `scopes` (a set), and of a token that
///    says so, `issuer` and `client_id`.
/// 8. **A request without a token** is put to the policies only with [`takes_anonymous`](crate::CedarPolicyBuilder::takes_anonymous). Its
///    principal is `Anonymous::"anonymous"`, without attributes and parents.
///
/// With a [schema](crate::CedarPolicyBuilder::schema), only what it declares for the principal's type and the action is told, and a request
/// that does not fit it (a claim of another type, a required one that is missing, an action that it does not have) is denied. So declare what a
/// `forbid` looks at for `User`, `Client` *and* `Subject`: a principal of a type that lacks the attribute is not seen by `principal has ..`. Not every
/// misspelt attribute is found either: one behind `has`, beside other conditions, is never there and no mistake.
///
/// # What becomes of the answer
///
/// Cedar denies by default, and a `forbid` outweighs every `permit`. It passes over a policy that cannot be evaluated (an attribute
/// that is missing, a value of another type). That is kept for a `permit`; a `forbid` denies the request all the same. The reason of a
/// denial and an explanation name policies (by their `@id`, or else `policy0`, `policy1` and so on, in the order of the text), and nothing of
/// the token. No scope is asked for in the challenge, as Cedar does not say which would have been enough.
///
/// # Where it differs from the vocabulary of this crate
///
/// A claim of another shape than a policy expects can be told from one that is not what is asked for only by operators that need a type
/// (`<`, `contains`, `like`, attributes of it), which then cannot be evaluated. Equality is another matter: for the text `"5"`,
/// `principal.level == 5` is false and `principal.level != 5` true, where [`claim`](crate::claim) says neither. So is `principal has level`
/// for a number with a fraction, which is left out (4). So write what has to be (`forbid .. unless { principal has level && principal.level == 5 }`),
/// and not what must not be, or a schema, with which such tokens are denied. Otherwise Cedar is the stricter one: nothing is said of a
/// token without issuer or subject (2) or of which roles cannot be told (3), and an entry `{"value": "staff"}` is no name.
///
/// # What it costs
///
/// Policies, schema and static entities are read once and shared by clones. A decision makes the principal and the context, copies the
/// table of static entities and looks at each of them, and evaluates every policy: of a token with ten claims about 125 allocations, one more
/// for each static entity, and a dozen for each policy. A thousand static entities cost many times what a decision without them does: keep
/// there what says how names relate, a few dozen at most, and not your data.
#[derive(Clone)]
pub struct CedarPolicy(Arc<Shared>);

struct Shared {
    engine: Engine,
    names: Names,
    takes_anonymous: bool,
}

impl CedarPolicy {
    pub(super) fn new(engine: Engine, names: Names, takes_anonymous: bool) -> Self {
        Self(Arc::new(Shared { engine, names, takes_anonymous }))
    }

    fn judge(&self, input: &PolicyInput<'_>) -> Result<Findings, &'static str> {
        if input.token().is_none() && !self.0.takes_anonymous {
            return Err("the request has no token");
        }
        self.0.engine.judge(&Facts::of(input, &self.0.names)?)
    }
}

impl Policy for CedarPolicy {
    fn decide(&self, input: &PolicyInput<'_>) -> Decision {
        match self.judge(input) {
            Ok(findings) => findings.decision(),
            Err(why) => Decision::Deny(Denial::because(why)),
        }
    }

    fn takes_anonymous(&self) -> bool {
        self.0.takes_anonymous
    }

    /// Lists each policy that determined the decision, and each that could not be evaluated.
    fn explain(&self, input: &PolicyInput<'_>) -> Explanation {
        match self.judge(input) {
            Ok(findings) => findings.explanation(),
            Err(why) => Explanation::new(Decision::Deny(Denial::because(why))),
        }
    }
}

impl fmt::Debug for CedarPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CedarPolicy")
            .field("takes_anonymous", &self.0.takes_anonymous)
            .finish_non_exhaustive()
    }
}
