use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use super::input::PolicyInput;
use super::names::Names;
use super::predicate::Predicate;
use super::requirement::{InvalidScope, Requirement};
use super::term::{Grant, Term};
use super::vocabulary::{Implication, Vocabulary, covers};
use crate::claims::ClaimPath;
use crate::error::{ConfigError, Place, Problems};

/// Gathers the names of a [`Vocabulary`].
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct VocabularyBuilder {
    roles: BTreeMap<Box<str>, RoleSettings>,
    scopes: BTreeMap<Box<str>, Vec<Box<str>>>,
    permissions_at: Option<String>,
    predicates: BTreeMap<Box<str>, Predicate>,
    /// Predicates that were defined before.
    repeated: Vec<Box<str>>,
    /// Where roles and scopes stand that are from a file.
    stands: BTreeMap<(Named, Box<str>), Place>,
}

/// What a name is of.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Named {
    Role,
    Scope,
    PermissionsClaim,
}

#[derive(Clone, Debug, Default)]
struct RoleSettings {
    includes: Vec<Box<str>>,
    permits: Vec<Box<str>>,
    signs: Vec<Term>,
}

impl Vocabulary {
    /// Starts with no names.
    pub fn builder() -> VocabularyBuilder {
        VocabularyBuilder::default()
    }
}

impl VocabularyBuilder {
    /// Whoever has `role` has these roles, too, and what they include.
    pub fn role_includes<'a>(mut self, role: &str, included: impl IntoIterator<Item = &'a str>) -> Self {
        self.role(role).includes.extend(included.into_iter().map(Into::into));
        self
    }

    /// Whoever has `role` has these [permissions](crate::permission), also if another role includes it.
    pub fn role_permits<'a>(mut self, role: &str, permissions: impl IntoIterator<Item = &'a str>) -> Self {
        self.role(role).permits.extend(permissions.into_iter().map(Into::into));
        self
    }

    /// Whoever meets `sign` has `role`, too: a group (`claim("groups").contains("/staff")`), a role of one client and not of
    /// the realm (`claim("/resource_access/shop/roles").contains("clerk")`), a list of words or a map of roles.
    ///
    /// ```
    /// use portcullis::{Vocabulary, claim, role};
    ///
    /// let vocabulary = Vocabulary::builder()
    ///     .role_shown_by("clerk", claim("groups").contains("/shop/clerks"))
    ///     .build()?;
    /// assert_eq!(vocabulary.apply(role("clerk"))?.to_string(), "role `clerk`");
    /// # Ok::<_, portcullis::ConfigError>(())
    /// ```
    pub fn role_shown_by(mut self, role: &str, sign: Requirement) -> Self {
        self.role(role).signs.push(sign.0);
        self
    }

    /// Whoever has `scope` needs none of these beside it. One of these that ends with an asterisk stands for every scope that
    /// begins like it: `orders:*` for `orders:read`; `scope` itself is always just this one. What is not said here implies nothing,
    /// whatever it looks like.
    pub fn scope_implies<'a>(mut self, scope: &str, implied: impl IntoIterator<Item = &'a str>) -> Self {
        self.scopes.entry(scope.into()).or_default().extend(implied.into_iter().map(Into::into));
        self
    }

    /// The claim, an array, in which tokens list permissions by name, beside those of roles. A name or a JSON Pointer.
    pub fn permissions_at(mut self, path: impl Into<String>) -> Self {
        self.permissions_at = Some(path.into());
        self
    }

    /// What requirements from data mean by a predicate of this name. See [`predicate`](crate::predicate).
    pub fn predicate(
        mut self,
        name: &str,
        test: impl Fn(&PolicyInput<'_>) -> bool + Send + Sync + 'static,
    ) -> Self {
        if self.predicates.insert(name.into(), Predicate::new(name, test)).is_some() {
            self.repeated.push(name.into());
        }
        self
    }

    /// Adds a role or scope that stands in a file.
    #[cfg(feature = "policy-file")]
    pub(crate) fn standing(mut self, named: Named, name: &str, place: Place) -> Self {
        match named {
            Named::Role => drop(self.role(name)),
            Named::Scope => drop(self.scopes.entry(name.into()).or_default()),
            Named::PermissionsClaim => {}
        }
        self.stands.insert((named, name.into()), place);
        self
    }

    /// Checks the names.
    ///
    /// # Errors
    ///
    /// A [`ConfigError`] with every problem there is, by code: `circular_roles` (a role that includes itself),
    /// `invalid_role_sign` (a sign of a role that itself asks for a role or permission, or that anyone meets), `unknown_predicate`
    /// (in a sign from data), `invalid_scope`, `empty_name`, `duplicate_predicate`, `ambiguous_claim_path` and `invalid_claim_path`.
    pub fn build(self) -> Result<Vocabulary, ConfigError> {
        let mut problems = Problems::default();
        let vocabulary = self.checked(&mut problems);
        if problems.is_empty() { Ok(vocabulary) } else { Err(problems.into_error()) }
    }

    /// What of it is sound, and the problems of the rest.
    pub(crate) fn checked(mut self, problems: &mut Problems) -> Vocabulary {
        for name in &self.repeated {
            problems.add("duplicate_predicate", format!("there are two predicates `{name}`"));
        }
        if self.predicates.keys().any(|name| name.is_empty()) {
            problems.add("empty_name", "a predicate has no name");
        }
        let scopes = self.implications(problems);
        self.bind_signs(&scopes, problems);
        let includers = self.includers(problems);
        for (name, role) in &self.roles {
            problems.set_place(self.stands.get(&(Named::Role, name.clone())));
            let names = role.includes.iter().chain(&role.permits).chain([name]);
            if names.into_iter().any(|name| name.is_empty()) {
                problems.add("empty_name", format!("role `{name}` or something in it has no name"));
            }
        }
        problems.set_place(None);
        let grant = |name: &str, holders: BTreeSet<&str>| Grant {
            name: name.into(),
            roles: Names::new(holders.iter().map(|holder| (*holder).into())),
            signs: holders
                .iter()
                .filter_map(|holder| self.roles.get(*holder))
                .flat_map(|role| role.signs.clone())
                .collect(),
        };
        let holders = |role: &str| {
            let holders =
                includers.iter().filter(|(_, reached)| reached.contains(role)).map(|(name, _)| *name);
            holders.chain(self.roles.get_key_value(role).map(|(name, _)| &**name)).collect::<BTreeSet<_>>()
        };
        let mut roles = BTreeMap::new();
        let named = self.roles.iter().flat_map(|(name, role)| role.includes.iter().chain([name]));
        for name in named {
            let mut holders = holders(name);
            holders.insert(name);
            roles.insert(name.clone(), grant(name, holders));
        }
        let mut permitted = BTreeMap::<&str, BTreeSet<&str>>::new();
        for (name, role) in &self.roles {
            for permission in &role.permits {
                permitted.entry(permission).or_default().extend(holders(name));
            }
        }
        let permissions =
            permitted.into_iter().map(|(name, holders)| (name.into(), grant(name, holders))).collect();
        problems.set_place(self.stands.get(&(Named::PermissionsClaim, Box::default())));
        let permissions_at = self.permissions_at.as_deref().map(ClaimPath::parse);
        let permissions_at = permissions_at.and_then(|path| problems.note(path));
        problems.set_place(None);
        Vocabulary { roles, permissions, permissions_at, scopes, predicates: self.predicates }
    }

    fn role(&mut self, name: &str) -> &mut RoleSettings {
        self.roles.entry(name.into()).or_default()
    }

    /// The signs of roles, with the meaning of the scopes and predicates in them.
    fn bind_signs(&mut self, scopes: &[Implication], problems: &mut Problems) {
        let (scopes, predicates) = (scopes.to_vec(), self.predicates.clone());
        let vocabulary = Vocabulary { scopes, predicates, ..Vocabulary::default() };
        for (name, role) in &mut self.roles {
            problems.set_place(self.stands.get(&(Named::Role, name.clone())));
            if role.signs.iter().any(asks_for_grants) {
                let message =
                    format!("a sign of role `{name}` asks for a role or permission itself, or admits anyone");
                problems.add("invalid_role_sign", message);
                continue;
            }
            let signs = std::mem::take(&mut role.signs);
            role.signs = signs.into_iter().map(|sign| vocabulary.bound(sign, problems)).collect();
        }
        problems.set_place(None);
    }

    /// What each role includes, what is included by that included.
    fn includers(&self, problems: &mut Problems) -> BTreeMap<&str, BTreeSet<&str>> {
        let mut includers = BTreeMap::new();
        for name in self.roles.keys() {
            let (mut reached, mut ahead) = (BTreeSet::new(), vec![&**name]);
            while let Some(next) = ahead.pop() {
                let included = self.roles.get(next).map(|role| role.includes.as_slice()).unwrap_or_default();
                ahead.extend(included.iter().map(|role| &**role).filter(|role| reached.insert(*role)));
            }
            if reached.contains(&**name) {
                problems.set_place(self.stands.get(&(Named::Role, name.clone())));
                problems.add("circular_roles", format!("role `{name}` includes itself"));
            }
            includers.insert(&**name, reached);
        }
        includers
    }

    /// What each scope implies, what is implied by that included. Two that imply each other are as good as each other.
    fn implications(&self, problems: &mut Problems) -> Vec<Implication> {
        let mut implications = Vec::new();
        for (text, patterns) in &self.scopes {
            problems.set_place(self.stands.get(&(Named::Scope, text.clone())));
            for pattern in patterns.iter().filter(|pattern| InvalidScope::or_name(pattern).is_err()) {
                problems.add("invalid_scope", format!("`{pattern}` is not one scope-token"));
            }
            let (mut implied, mut reached) = (BTreeSet::<Box<str>>::new(), BTreeSet::from([&**text]));
            let mut ahead = vec![&**text];
            while let Some(next) = ahead.pop() {
                for pattern in self.scopes.get(next).into_iter().flatten() {
                    if implied.insert(pattern.clone()) {
                        // They are sorted, so those that begin alike stand together, and a long list takes no time.
                        let prefix = pattern.strip_suffix('*').unwrap_or(pattern);
                        let behind = (Bound::Included(prefix), Bound::Unbounded);
                        let behind = self.scopes.range::<str, _>(behind).map(|(scope, _)| &**scope);
                        let alike = behind.take_while(|scope| scope.starts_with(prefix));
                        ahead.extend(alike.filter(|scope| covers(pattern, scope) && reached.insert(scope)));
                    }
                }
            }
            match InvalidScope::or_name(text) {
                Ok(scope) => implications.push(Implication { scope, implied: implied.into_iter().collect() }),
                Err(error) => problems.add("invalid_scope", error.to_string()),
            }
        }
        problems.set_place(None);
        implications
    }
}

/// A sign is something in a token, and neither what another sign shows nor what everybody has.
fn asks_for_grants(term: &Term) -> bool {
    matches!(term, Term::Role(_) | Term::Permission(_) | Term::Anyone)
        || term.parts().iter().any(asks_for_grants)
}
