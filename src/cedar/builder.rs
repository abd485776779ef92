use std::fmt;
use std::sync::Arc;

use super::compile::{Texts, compile};
use super::facts::{Names, Naming};
use super::policy::CedarPolicy;
use crate::error::{ConfigError, Problems};
use crate::policy::PolicyInput;
use crate::table::ambiguity;

/// Gathers what a [`CedarPolicy`] is made of.
#[must_use]
pub struct CedarPolicyBuilder {
    policies: String,
    schema: Option<String>,
    entities: Option<String>,
    namespace: String,
    resource_type: String,
    takes_anonymous: bool,
    action: Naming,
    resource: Naming,
}

impl CedarPolicy {
    /// Begins with the text of the policies (`include_str!("policies.cedar")`).
    pub fn builder(policies: impl Into<String>) -> CedarPolicyBuilder {
        CedarPolicyBuilder {
            policies: policies.into(),
            schema: None,
            entities: None,
            namespace: String::new(),
            resource_type: "Endpoint".to_owned(),
            takes_anonymous: false,
            action: Arc::new(|input| Some(input.method().as_str().to_owned())),
            // What could be read in two ways is no name of one thing.
            resource: Arc::new(|input| ambiguity(input.path()).is_none().then(|| input.path().to_owned())),
        }
    }
}

impl CedarPolicyBuilder {
    /// The schema, as Cedar writes it (not as JSON). `build` validates the policies against it, strictly, and each request is held
    /// against it, too.
    ///
    /// It declares `User`, `Client` and `Subject`, as far as they are to be let in, with the claims that policies ask about; `Role` and
    /// `Scope` as what they are in; and for each action the part of the context that its policies ask about. Claims that it does not
    /// declare are not told. A token is denied that has one of another type, lacks one that is required, or has a role that an `enum` of
    /// them does not list.
    ///
    /// ```
    /// use portcullis::{CedarPolicy, Claims, Decision, Policy as _, PolicyInput, ValidatedToken};
    ///
    /// let schema = "
    ///     entity Role, Scope, Endpoint;
    ///     entity User, Subject in [Role, Scope] { level?: Long };
    ///     action GET appliesTo { principal: [User, Subject], resource: Endpoint, context: { path: String } };
    /// ";
    /// let policies = r#"permit (principal, action == Action::"GET", resource) when { principal has level && principal.level > 3 };"#;
    /// let policy = CedarPolicy::builder(policies).schema(schema).build()?;
    ///
    /// let request = http::Request::get("/orders").body(())?;
    /// let decide = |level| {
    ///     let claims = format!(r#"{{"iss":"https://id.example.com","sub":"alice","level":{level}}}"#);
    ///     let token = ValidatedToken::assertion(Claims::from_json(claims).unwrap());
    ///     policy.decide(&PolicyInput::of(Some(&token), &request))
    /// };
    /// assert_eq!(decide("5"), Decision::Allow);
    /// assert!(matches!(decide("2"), Decision::Deny(_)));
    /// assert!(matches!(decide(r#""5""#), Decision::Deny(_)));
    ///
    /// let misspelt = CedarPolicy::builder(policies.replace("level", "levle")).schema(schema).build();
    /// assert!(misspelt.unwrap_err().problems().iter().all(|problem| problem.code() == "cedar_schema_mismatch"));
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    pub fn schema(mut self, text: impl Into<String>) -> Self {
        self.schema = Some(text.into());
        self
    }

    /// Entities that no token makes, as JSON in Cedar's form: which role includes which, and attributes and parents of resources. At most
    /// 1000, actions of a schema included.
    ///
    /// ```
    /// use portcullis::{CedarPolicy, Claims, Decision, Policy as _, PolicyInput, ValidatedToken};
    ///
    /// let policy = CedarPolicy::builder(r#"permit (principal in Role::"clerk", action, resource in Area::"public");"#)
    ///     .entities(
    ///         r#"[
    ///             {"uid": {"type": "Role", "id": "admin"}, "attrs": {}, "parents": [{"type": "Role", "id": "clerk"}]},
    ///             {"uid": {"type": "Endpoint", "id": "/orders"}, "attrs": {}, "parents": [{"type": "Area", "id": "public"}]}
    ///         ]"#,
    ///     )
    ///     .build()?;
    /// let claims = r#"{"iss":"https://id.example.com","sub":"alice","roles":["admin"]}"#;
    /// let token = ValidatedToken::assertion(Claims::from_json(claims)?);
    /// let decide = |path| policy.decide(&PolicyInput::of(Some(&token), &http::Request::get(path).body(()).unwrap()));
    /// assert_eq!(decide("/orders"), Decision::Allow);
    /// assert!(matches!(decide("/accounts"), Decision::Deny(_)));
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    pub fn entities(mut self, json: impl Into<String>) -> Self {
        self.entities = Some(json.into());
        self
    }

    /// The namespace of all types that requests bring along: `Shop` for `Shop::User`, `Shop::Action` and so on. Default: none.
    pub fn namespace(mut self, name: impl Into<String>) -> Self {
        self.namespace = name.into();
        self
    }

    /// The name of the request's action, in place of its method: `readOrder` for `Action::"readOrder"`. `None` denies. It must answer at
    /// once, and the same for the same input.
    pub fn action(
        mut self,
        name: impl Fn(&PolicyInput<'_>) -> Option<String> + Send + Sync + 'static,
    ) -> Self {
        self.action = Arc::new(name);
        self
    }

    /// The request's resource, in place of `Endpoint` and its path: `resource("Order", ..)` for `Order::"7"`. `None` denies. It must answer
    /// at once, and the same for the same input.
    pub fn resource(
        mut self,
        type_name: impl Into<String>,
        id: impl Fn(&PolicyInput<'_>) -> Option<String> + Send + Sync + 'static,
    ) -> Self {
        self.resource_type = type_name.into();
        self.resource = Arc::new(id);
        self
    }

    /// Puts requests without a credential to the policies, too, as those of `Anonymous::"anonymous"`. Without this they are answered with
    /// 401. A `permit` that does not name its principal admits them, so look at all of them before.
    pub fn takes_anonymous(mut self) -> Self {
        self.takes_anonymous = true;
        self
    }

    /// Checks all of it.
    ///
    /// # Errors
    ///
    /// A [`ConfigError`] with every problem there is, in Cedar's words and by code: `invalid_cedar_policy` (it does not parse, is a
    /// template, or two have one `@id`), `no_cedar_policy`, `invalid_cedar_schema`, `cedar_schema_mismatch` (a policy that does not
    /// validate or can never apply, or a schema that no request fits), `invalid_cedar_entities` (they do not parse or fit
    /// the schema, are too many, or are of a type of principals) and `invalid_cedar_type` (namespace or type of resources).
    pub fn build(self) -> Result<CedarPolicy, ConfigError> {
        let texts = Texts {
            policies: &self.policies,
            schema: self.schema.as_deref(),
            entities: self.entities.as_deref(),
            namespace: &self.namespace,
            resource_type: &self.resource_type,
            takes_anonymous: self.takes_anonymous,
        };
        let mut problems = Problems::default();
        let engine = compile(&texts, &mut problems);
        match engine {
            Some(engine) if problems.is_empty() => {
                let names = Names { action: self.action, resource: self.resource };
                Ok(CedarPolicy::new(engine, names, self.takes_anonymous))
            }
            _ => Err(problems.into_error()),
        }
    }
}

impl fmt::Debug for CedarPolicyBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CedarPolicyBuilder").finish_non_exhaustive()
    }
}
