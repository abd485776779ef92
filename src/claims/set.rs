use std::fmt;

use serde::de::DeserializeOwned;

use super::error::{ClaimsError, ClaimsMismatch, Reason};
use super::numeric_date::NumericDate;
use super::path::{ClaimPath, Unreadable};
use super::scopes::Scopes;
use crate::json::{Document, Object, Value};

/// A JWT Claims Set (RFC 7519 §4), or another statement about a token with the same members.
///
/// The registered claims have the types that their RFCs give them: a set in which `exp` is a string, `aud` a
/// number or `iss` an array does not become a `Claims`, so no reader can mistake a wrong type for an absent
/// claim. `null` counts as absent. A member name that occurs twice, at any depth, is refused.
///
/// What is *not* checked here: whether anybody vouches for these claims. That is a validator's work; handlers
/// meet `Claims` only inside a [`ValidatedToken`](crate::ValidatedToken).
///
/// ```
/// use portcullis::Claims;
///
/// let claims = Claims::from_json(r#"{"sub":"alice","aud":["a","b"],"scope":"read write"}"#)?;
/// assert_eq!(claims.subject(), Some("alice"));
/// assert!(claims.audience().any(|audience| audience == "b"));
/// assert!(claims.scopes().contains("write"));
///
/// assert!(Claims::from_json(r#"{"exp":"tomorrow"}"#).is_err());
/// # Ok::<_, portcullis::ClaimsError>(())
/// ```
pub struct Claims {
    document: Document,
    registered: Registered,
}

/// Where the registered claims stand in the document; times are read once, because every request needs them.
#[derive(Default)]
struct Registered {
    issuer: Option<usize>,
    subject: Option<usize>,
    audience: Option<usize>,
    client_id: Option<usize>,
    token_id: Option<usize>,
    scope: Option<usize>,
    confirmation: Option<usize>,
    expires_at: Option<NumericDate>,
    not_before: Option<NumericDate>,
    issued_at: Option<NumericDate>,
}

/// Where a claim stands within one [`Claims`].
#[derive(Clone, Copy)]
pub(crate) struct ClaimPosition(usize);

impl Claims {
    /// Reads a JSON object.
    ///
    /// # Errors
    ///
    /// A [`ClaimsError`] if the text is not a JSON object, nests deeper than 16 levels, names a member twice,
    /// or has a registered claim of the wrong type (`exp`, `nbf` and `iat`: numbers from 1970 to the year
    /// 9999; `iss`, `sub`, `jti`, `client_id` and `scope`: strings; `aud`: a string or an array of strings; `act`, and
    /// each `act` within it: objects).
    pub fn from_json(json: impl Into<String>) -> Result<Self, ClaimsError> {
        Self::of_document(Document::parse(json).map_err(Reason::Json)?)
    }

    /// Reads a document that was parsed before.
    pub(crate) fn of_document(document: Document) -> Result<Self, ClaimsError> {
        // RFC 7519 §7.2: an array or a bare value is valid JSON and not a claims set.
        let members = document.root().as_object().ok_or(Reason::NotAnObject)?;
        let registered = Registered::read(members)?;
        Ok(Self { document, registered })
    }

    /// `iss`: who issued the token.
    #[must_use]
    pub fn issuer(&self) -> Option<&str> {
        self.text(self.registered.issuer)
    }

    /// `sub`: whom the token speaks for, unique within its issuer only. Two issuers' equal subjects are two
    /// different users: key your data on the pair of [`issuer`](Self::issuer) and subject.
    #[must_use]
    pub fn subject(&self) -> Option<&str> {
        self.text(self.registered.subject)
    }

    /// `aud`: whom the token is meant for, one or many.
    pub fn audience(&self) -> impl Iterator<Item = &str> {
        let value = self.registered.audience.map(|at| self.document.at(at));
        let one = value.and_then(Value::as_str);
        let many = value.and_then(Value::as_array);
        one.into_iter().chain(many.into_iter().flatten().filter_map(Value::as_str))
    }

    /// `client_id`: the client that asked for the token (RFC 9068 §2.2).
    #[must_use]
    pub fn client_id(&self) -> Option<&str> {
        self.text(self.registered.client_id)
    }

    /// `jti`: the token's own identifier.
    #[must_use]
    pub fn token_id(&self) -> Option<&str> {
        self.text(self.registered.token_id)
    }

    /// `scope`: what the client was granted. Empty if the claim is absent.
    #[must_use]
    pub fn scopes(&self) -> Scopes<'_> {
        Scopes::words(self.text(self.registered.scope).unwrap_or_default())
    }

    /// `exp`: the instant from which the token is expired.
    #[must_use]
    pub fn expires_at(&self) -> Option<NumericDate> {
        self.registered.expires_at
    }

    /// `nbf`: the instant before which the token is not valid.
    #[must_use]
    pub fn not_before(&self) -> Option<NumericDate> {
        self.registered.not_before
    }

    /// `iat`: when the token was issued.
    #[must_use]
    pub fn issued_at(&self) -> Option<NumericDate> {
        self.registered.issued_at
    }

    /// All claims as a type of your own.
    ///
    /// # Errors
    ///
    /// A [`ClaimsMismatch`] if a field is missing or has another type.
    ///
    /// ```
    /// # use portcullis::Claims;
    /// #[derive(serde::Deserialize)]
    /// struct Tenant {
    ///     tenant: String,
    /// }
    ///
    /// let claims = Claims::from_json(r#"{"sub":"alice","tenant":"t1"}"#)?;
    /// assert_eq!(claims.deserialize::<Tenant>().unwrap().tenant, "t1");
    ///
    /// let claims = Claims::from_json(r#"{"sub":"alice"}"#)?;
    /// assert!(claims.deserialize::<Tenant>().is_err());
    /// # Ok::<_, portcullis::ClaimsError>(())
    /// ```
    pub fn deserialize<T: DeserializeOwned>(&self) -> Result<T, ClaimsMismatch> {
        serde_json::from_str(self.document.text()).map_err(|error| ClaimsMismatch::new(&error))
    }

    /// About how much memory they take, in bytes.
    pub(crate) fn size(&self) -> usize {
        self.document.size()
    }

    /// Whether `aud` is there; an empty array is.
    pub(crate) fn has_audience(&self) -> bool {
        self.registered.audience.is_some()
    }

    /// Whether `scope` is there; an empty one is.
    pub(crate) fn has_scope(&self) -> bool {
        self.registered.scope.is_some()
    }

    /// Whether the token is bound to a key or certificate (`cnf`, RFC 7800 §3.1).
    pub(crate) fn has_confirmation(&self) -> bool {
        self.registered.confirmation.is_some()
    }

    /// Every member, `null` included.
    pub(crate) fn members(&self) -> impl Iterator<Item = (&str, Value<'_>)> {
        self.document.root().as_object().into_iter().flat_map(Object::members)
    }

    /// A member by name, `null` included.
    pub(crate) fn member(&self, name: &str) -> Option<Value<'_>> {
        self.document.root().as_object()?.get(name)
    }

    /// The first of these members that is there, if it is a text and not empty: an empty name is nobody's.
    pub(crate) fn first_text(&self, names: &[&str]) -> Option<&str> {
        let there = |name: &&str| self.member(name).filter(|value| !value.is_null());
        names.iter().find_map(there)?.as_str().filter(|text| !text.is_empty())
    }

    /// The text at the end of this way through nested objects.
    pub(crate) fn text_at(&self, way: &[&str]) -> Option<&str> {
        way.iter().try_fold(self.document.root(), |value, name| value.as_object()?.get(name))?.as_str()
    }

    /// Whether the value at `position` is this text.
    pub(crate) fn is_text(&self, position: ClaimPosition, text: &str) -> bool {
        self.text(Some(position.0)) == Some(text)
    }

    /// Where the member of this name stands; `null` counts as absent.
    pub(crate) fn position(&self, name: &str) -> Option<ClaimPosition> {
        self.member(name).filter(|value| !value.is_null()).map(|value| ClaimPosition(value.position()))
    }

    /// The scopes at `position`, one string of them. `None` if it is none.
    pub(crate) fn scopes_in_words(&self, position: ClaimPosition) -> Option<Scopes<'_>> {
        self.text(Some(position.0)).map(Scopes::words)
    }

    /// The scopes at `position`, an array. `None` if it is none.
    pub(crate) fn scopes_in_list(&self, position: ClaimPosition) -> Option<Scopes<'_>> {
        Scopes::list(self.document.at(position.0))
    }

    /// Where the claim at `path` stands in these claims.
    pub(crate) fn find(&self, path: &ClaimPath) -> Result<Option<ClaimPosition>, Unreadable> {
        let value = self.value_at(path)?;
        Ok(value.map(|value| ClaimPosition(value.position())))
    }

    /// The value at `position`.
    pub(crate) fn at(&self, position: ClaimPosition) -> Value<'_> {
        self.document.at(position.0)
    }

    /// The value at the end of `path`.
    pub(crate) fn value_at(&self, path: &ClaimPath) -> Result<Option<Value<'_>>, Unreadable> {
        path.find(self.document.root())
    }

    fn text(&self, position: Option<usize>) -> Option<&str> {
        self.document.at(position?).as_str()
    }
}

/// Whether a list names one that `is_wanted`: an array of strings, or of objects with a string `value`
/// (RFC 9068 §2.2.3.1 with RFC 7643 §4.1.2). `None` where it cannot be told: the value is no list, or
/// something else in it may be what was meant.
pub(crate) fn lists(value: Value<'_>, mut is_wanted: impl FnMut(&str) -> bool) -> Option<bool> {
    let mut readable = true;
    for entry in value.as_array()? {
        match entry.as_str().or_else(|| entry.as_object()?.get("value")?.as_str()) {
            Some(name) if is_wanted(name) => return Some(true),
            name => readable &= name.is_some(),
        }
    }
    readable.then_some(false)
}

impl Registered {
    fn read(members: Object<'_>) -> Result<Self, Reason> {
        let mut registered = Self::default();
        for (name, value) in members.members() {
            if value.is_null() {
                continue;
            }
            match name {
                "iss" => registered.issuer = Some(string("iss", value)?),
                "sub" => registered.subject = Some(string("sub", value)?),
                "aud" => registered.audience = Some(string_or_strings("aud", value)?),
                "exp" => registered.expires_at = Some(date("exp", value)?),
                "nbf" => registered.not_before = Some(date("nbf", value)?),
                "iat" => registered.issued_at = Some(date("iat", value)?),
                "jti" => registered.token_id = Some(string("jti", value)?),
                "client_id" => registered.client_id = Some(string("client_id", value)?),
                // RFC 8693 §4.2: one string, even for one scope.
                "scope" => registered.scope = Some(string("scope", value)?),
                // RFC 8693 §4.1: whoever acts is described by an object, and so is each before them.
                "act" => actors(value)?,
                // Any type: what we do not understand is still a binding (RFC 7800 §3.1).
                "cnf" => registered.confirmation = Some(value.position()),
                _ => {}
            }
        }
        Ok(registered)
    }
}

/// Every one of a chain, which is as short as documents are shallow.
fn actors(value: Value<'_>) -> Result<(), Reason> {
    let mut next = Some(value);
    while let Some(actor) = next {
        let actor = actor.as_object().ok_or(Reason::WrongType("act", "an object, and so on within it"))?;
        next = actor.get("act").filter(|actor| !actor.is_null());
    }
    Ok(())
}

fn string(name: &'static str, value: Value<'_>) -> Result<usize, Reason> {
    value.as_str().map(|_| value.position()).ok_or(Reason::WrongType(name, "a string"))
}

fn string_or_strings(name: &'static str, value: Value<'_>) -> Result<usize, Reason> {
    let strings = || value.as_array().is_some_and(|mut all| all.all(|one| one.as_str().is_some()));
    (value.as_str().is_some() || strings())
        .then(|| value.position())
        .ok_or(Reason::WrongType(name, "a string or an array of strings"))
}

fn date(name: &'static str, value: Value<'_>) -> Result<NumericDate, Reason> {
    value
        .as_number()
        .and_then(NumericDate::from_seconds)
        .ok_or(Reason::WrongType(name, "a number of seconds between 1970 and the year 9999"))
}

impl fmt::Debug for Claims {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Claims").finish_non_exhaustive()
    }
}
