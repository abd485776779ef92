use crate::claims::lists;
use crate::json::Value;

/// How the claim that holds roles names them. A claim in another shape cannot be told: neither a role nor its opposite admits.
///
/// ```
/// use portcullis::testing::{Issuer, validate};
/// use portcullis::{ResourceServer, RolesAs, TrustedIssuer, Validation};
///
/// let issuer = Issuer::offline("https://id.example.com");
/// let trusted = TrustedIssuer::new(issuer.url()).roles_at("groups").roles_as(RolesAs::Words);
/// let auth = ResourceServer::builder(trusted.jwk_set(issuer.jwk_set())).audience("https://api.example.com").build()?;
///
/// let token = issuer.token("https://api.example.com").claim("groups", "staff clerks").sign();
/// let request = http::Request::get("/").header("authorization", format!("Bearer {token}")).body(())?;
/// let Validation::Ready(Ok(token)) = validate(&auth, &request) else { panic!("a valid token") };
/// assert!(token.has_role("clerks"));
/// assert!(!token.has_role("staff clerks"));
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum RolesAs {
    /// An array of names, or of objects whose `value` is the name (RFC 9068 §2.2.3.1 with RFC 7643 §4.1.2).
    #[default]
    Array,
    /// One text, with spaces between the names.
    Words,
    /// The names of an object's members. One whose value is `true` or an object is held, one that is `false` or `null` is not.
    Members,
}

impl RolesAs {
    /// Whether `value` names one that `is_wanted`. `None` where it cannot be told.
    pub(super) fn lists(self, value: Value<'_>, mut is_wanted: impl FnMut(&str) -> bool) -> Option<bool> {
        match self {
            Self::Array => lists(value, is_wanted),
            Self::Words => Some(value.as_str()?.split(' ').any(|role| !role.is_empty() && is_wanted(role))),
            Self::Members => {
                let mut readable = true;
                for (name, value) in value.as_object()?.members() {
                    let is_held = value.is_true() || value.as_object().is_some();
                    if is_held && is_wanted(name) {
                        return Some(true);
                    }
                    readable &= is_held || value.is_false() || value.is_null();
                }
                readable.then_some(false)
            }
        }
    }
}
