use crate::claims::Claims;

/// How a token that speaks for a user is told from one that a client got for itself (RFC 9700 §4.15, RFC 9068 §5).
///
/// The answer has three values: where signs are missing or contradict each other, it cannot be told.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum UserRule {
    /// A user is a subject that is not the client.
    SubjectIsNotClient,
    /// A user's token has this claim; without it, the client is the subject.
    HasClaim(&'static str),
    /// Users' tokens have scopes in `scp`; those of applications have none, or say `idtyp: app`.
    Entra,
    /// A client is the subject `{client}@clients`; a user's subject names its connection before a `|`.
    Auth0,
    /// A client is the user `service-account-{client}`, and its token has a client claim that users' have not.
    Keycloak,
    /// A service account is its own client, or has an address of `gserviceaccount.com`.
    Google,
    /// Workloads only.
    Never,
}

impl UserRule {
    /// Whether `claims`, of a token issued to `client`, speak for a user.
    pub(super) fn judge(self, claims: &Claims, client: Option<&str>) -> Option<bool> {
        let subject = claims.subject().filter(|subject| !subject.is_empty())?;
        let is_client = client.map(|client| client == subject);
        match self {
            Self::SubjectIsNotClient => Some(!is_client?),
            Self::HasClaim(name) => agreed(claims.first_text(&[name]).is_some(), is_client?),
            Self::Entra => {
                let has_scopes = match claims.position("scp") {
                    Some(position) => claims.scopes_in_words(position)?.iter().next().is_some(),
                    None => false,
                };
                // An optional claim, so its absence says nothing.
                match claims.position("idtyp").map(|_| claims.first_text(&["idtyp"])) {
                    None => Some(has_scopes),
                    Some(Some("user")) if has_scopes => Some(true),
                    Some(Some("app")) if !has_scopes => Some(false),
                    Some(_) => None,
                }
            }
            Self::Auth0 => agreed(
                subject.contains('|'),
                subject.strip_suffix("@clients").is_some_and(|of| Some(of) == client),
            ),
            Self::Keycloak => {
                let marked = claims.first_text(&["client_id", "clientId"]).is_some();
                let named = claims.first_text(&["preferred_username"])?.starts_with("service-account-");
                // Users choose their names, and a mapper may add the claim for everybody: only both together say "client".
                (marked == named).then_some(!named)
            }
            Self::Google => {
                let address = claims.first_text(&["email"]);
                let is_service =
                    is_client? || address.is_some_and(|address| address.ends_with(".gserviceaccount.com"));
                agreed(
                    client.is_some_and(|client| client.ends_with(".apps.googleusercontent.com")),
                    is_service,
                )
            }
            Self::Never => Some(false),
        }
    }
}

/// What two signs say, of which exactly one should be there.
fn agreed(user: bool, client: bool) -> Option<bool> {
    (user != client).then_some(user)
}
