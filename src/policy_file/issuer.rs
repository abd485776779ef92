use super::introspection::introspection;
use super::members::{Members, list, text};
use super::node::{Node, Reading};
use super::values::{algorithm, without_feature};
use crate::issuers::TrustedIssuer;
use crate::token::RolesAs;
use crate::validate::Profile;

const PROVIDERS: [&str; 9] = [
    "auth0",
    "cognito",
    "entra_v1",
    "entra_v2",
    "github_actions",
    "google",
    "keycloak",
    "kubernetes",
    "okta",
];

/// An issuer of the file, and what tells whether it is still the same.
#[derive(Clone)]
pub(super) struct Entry {
    pub(super) identifier: String,
    pub(super) trusted: TrustedIssuer,
    node: Node,
    /// Of the whole file.
    audiences: Vec<String>,
}

impl Entry {
    pub(super) fn at(&self) -> usize {
        self.node.at
    }

    /// Whether both have the same settings.
    pub(super) fn is(&self, other: &Self) -> bool {
        (&self.node, &self.audiences) == (&other.node, &other.audiences)
    }
}

/// An entry of `issuers`. `None` is told.
pub(super) fn entry(node: &Node, audiences: &[&str], reading: &mut Reading) -> Option<Entry> {
    let mut members = Members::of(node, "an issuer", reading)?;
    let named = named(&mut members, reading);
    let is_named = named.is_some();
    // Of one without a name, the other members are read all the same, and none that another has is unknown.
    let trusted = named.unwrap_or_else(|| {
        members.know(&["issuer", "domain", "user_pool", "clients", "tenants"]);
        TrustedIssuer::new("")
    });
    let mut trusted = settings(trusted, &mut members, reading);
    let own = members.texts("audience", reading);
    for audience in if own.is_empty() { audiences } else { &own } {
        trusted = trusted.audience(*audience);
    }
    if let Some(asked) = members.find("introspection").and_then(|node| introspection(node, reading)) {
        trusted = trusted.introspection(asked);
    }
    members.done(reading);
    is_named.then(|| Entry {
        identifier: trusted.identifier().to_owned(),
        trusted: trusted.standing(reading.place(node.at)),
        node: node.clone(),
        audiences: audiences.iter().map(|audience| (*audience).to_owned()).collect(),
    })
}

/// Which issuer it is: by its identifier, or as the preset of its provider says.
fn named(members: &mut Members<'_>, reading: &mut Reading) -> Option<TrustedIssuer> {
    let known = |name: &str| PROVIDERS.into_iter().find(|provider| *provider == name);
    let provider = match members.find("provider") {
        Some(_) => Some(members.one_of("provider", &PROVIDERS, known, reading)?),
        None => None,
    };
    let mut needed = |name| members.needed_text(name, reading);
    Some(match provider {
        None => TrustedIssuer::new(needed("issuer")?),
        Some("keycloak") => TrustedIssuer::keycloak(needed("issuer")?),
        Some("kubernetes") => TrustedIssuer::kubernetes(needed("issuer")?),
        Some("okta") => TrustedIssuer::okta(needed("issuer")?),
        Some("auth0") => TrustedIssuer::auth0(needed("domain")?),
        Some("cognito") => {
            let pool = needed("user_pool")?;
            TrustedIssuer::cognito(pool, members.texts("clients", reading))
        }
        Some("entra_v1") => TrustedIssuer::entra_v1(members.texts("tenants", reading)),
        Some("entra_v2") => TrustedIssuer::entra_v2(members.texts("tenants", reading)),
        Some("google") => TrustedIssuer::google(),
        Some(_) => TrustedIssuer::github_actions(),
    })
}

/// Everything but audience and introspection.
fn settings(mut trusted: TrustedIssuer, members: &mut Members<'_>, reading: &mut Reading) -> TrustedIssuer {
    type Change = fn(TrustedIssuer, String) -> TrustedIssuer;
    let texts: [(&'static str, Change); 6] = [
        ("scopes_at", TrustedIssuer::scopes_at),
        ("roles_at", TrustedIssuer::roles_at),
        ("client_roles", |trusted, client| trusted.client_roles(&client)),
        ("metadata_url", TrustedIssuer::metadata_url),
        ("jwks_uri", TrustedIssuer::jwks_uri),
        ("jwk_set_file", TrustedIssuer::jwk_set_file),
    ];
    for (name, change) in texts {
        if let Some(text) = members.text(name, reading) {
            trusted = change(trusted, text.to_owned());
        }
    }
    trusted = files(trusted, members, reading);
    let profile = |name: &str| name.parse::<Profile>().ok();
    if let Some(profile) = members.one_of("profile", &["plain_jwt", "rfc9068"], profile, reading) {
        trusted = trusted.profile(profile);
    }
    if let Some(shape) = members.one_of("roles_as", &["array", "members", "words"], roles_as, reading) {
        trusted = trusted.roles_as(shape);
    }
    if let Some(node) = members.find("algorithms") {
        let nodes = list(node, "algorithms", reading);
        trusted = trusted.algorithms(nodes.iter().filter_map(|node| algorithm(node, reading)));
    }
    if let Some(lifetime) = members.seconds("max_token_lifetime", reading) {
        trusted = trusted.max_token_lifetime(lifetime);
    }
    trusted
}

fn roles_as(name: &str) -> Option<RolesAs> {
    match name {
        "array" => Some(RolesAs::Array),
        "members" => Some(RolesAs::Members),
        "words" => Some(RolesAs::Words),
        _ => None,
    }
}

/// Those that a feature brings.
fn files(mut trusted: TrustedIssuer, members: &mut Members<'_>, reading: &mut Reading) -> TrustedIssuer {
    type Change = fn(TrustedIssuer, String) -> TrustedIssuer;
    #[cfg(feature = "pem")]
    let pem: Option<Change> = Some(TrustedIssuer::pem_file);
    #[cfg(not(feature = "pem"))]
    let pem: Option<Change> = None;
    #[cfg(feature = "reqwest")]
    let (ca, token): (Option<Change>, Option<Change>) =
        (Some(TrustedIssuer::fetch_ca_file), Some(TrustedIssuer::fetch_token_file));
    #[cfg(not(feature = "reqwest"))]
    let (ca, token): (Option<Change>, Option<Change>) = (None, None);
    for (name, feature, change) in
        [("pem_file", "pem", pem), ("fetch_ca_file", "reqwest", ca), ("fetch_token_file", "reqwest", token)]
    {
        let Some(node) = members.find(name) else { continue };
        let Some(change) = change else {
            without_feature(node, name, feature, reading);
            continue;
        };
        if let Some(path) = text(node, name, reading) {
            trusted = change(trusted, path.to_owned());
        }
    }
    trusted
}
