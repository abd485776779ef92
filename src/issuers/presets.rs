use std::collections::BTreeSet;

use super::preset::Metadata;
use super::trusted::TrustedIssuer;
use crate::error::ConfigProblem;
use crate::validate::{
    ANY_TENANT, AUTH0, COGNITO, ENTRA_V1, ENTRA_V2, GITHUB_ACTIONS, GOOGLE, IssuerName, IssuerRule, KEYCLOAK,
    KUBERNETES, OKTA, TokenKind,
};

/// Presets of well-known providers: each replaces the [profile](TrustedIssuer::profile) by what that provider's tokens
/// are like, and by nothing else. [The rows](crate::docs::providers) say what, and what to configure at the provider;
/// `Debug` shows the row. None is in use unless it is asked for.
impl TrustedIssuer {
    /// A realm of Keycloak: `https://id.example.com/realms/shop`. Roles are those of the realm, unless
    /// [`client_roles`](Self::client_roles) says otherwise.
    pub fn keycloak(issuer: impl Into<String>) -> Self {
        Self::of_preset(issuer.into(), &KEYCLOAK)
    }

    /// Version 1 tokens of Microsoft Entra ID, of these tenants (directory IDs). Which version an API gets is a setting
    /// of its registration (`api.requestedAccessTokenVersion`), and unset it means this one. An API that gets both trusts two
    /// issuers, this and [`entra_v2`](Self::entra_v2).
    pub fn entra_v1<T: Into<String>>(tenants: impl IntoIterator<Item = T>) -> Self {
        Self::entra(tenants.into_iter().map(Into::into), &ENTRA_V1)
    }

    /// Version 2 tokens of Microsoft Entra ID, of these tenants (directory IDs). Several are one issuer, whose identifier
    /// is then the template of theirs: `https://login.microsoftonline.com/{tenantid}/v2.0`.
    ///
    /// ```
    /// use portcullis::{ResourceServer, TrustedIssuer};
    ///
    /// let entra = TrustedIssuer::entra_v2(["5b2f6b1c-3f0e-4f6e-9d58-0a4e6f6f9c11"]);
    /// let auth = ResourceServer::builder(entra).audience("0d1f1e1c-7a2b-4c57-8f0e-3d7b4f0a9c22").build()?;
    ///
    /// assert!(ResourceServer::builder(TrustedIssuer::entra_v2(["common"])).audience("x").build().is_err());
    /// # Ok::<_, portcullis::ConfigError>(())
    /// ```
    pub fn entra_v2<T: Into<String>>(tenants: impl IntoIterator<Item = T>) -> Self {
        Self::entra(tenants.into_iter().map(Into::into), &ENTRA_V2)
    }

    /// A tenant of Auth0, by its domain alone: `example.eu.auth0.com`, or a custom one. Roles are the `permissions` of
    /// role-based access control.
    pub fn auth0(domain: impl Into<String>) -> Self {
        let domain = domain.into();
        // The name of the tenant alone is no domain.
        let is_host = domain.contains('.') && domain.split('.').all(is_label);
        let issuer = filled(&AUTH0, &[("{domain}", &domain)]);
        Self::of_preset(issuer, &AUTH0).unless(!is_host, || {
            ConfigProblem::new(
                "invalid_domain",
                "the domain of Auth0 is a whole host name, without `https://` or slashes",
            )
        })
    }

    /// A custom authorization server of Okta: `https://example.okta.com/oauth2/default`.
    pub fn okta(issuer: impl Into<String>) -> Self {
        let issuer = issuer.into();
        let (_, path) =
            issuer.split_once("://").and_then(|(_, rest)| rest.split_once('/')).unwrap_or_default();
        // Below `/oauth2/v1` are the endpoints of the org authorization server.
        let id = path.strip_prefix("oauth2/").filter(|id| !["", "v1"].contains(id));
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
        let (is_org, is_whole) = (id.is_none(), id.is_none_or(|id| id.bytes().all(plain)));
        Self::of_preset(issuer, &OKTA)
            .unless(is_org, || {
                let message = "tokens of Okta's org authorization server (an issuer without `/oauth2/{id}`) are for \
                               Okta's own APIs: use a custom authorization server";
                ConfigProblem::new("org_authorization_server", message)
            })
            .unless(!is_whole, || {
                ConfigProblem::new(
                    "invalid_authorization_server",
                    "the issuer of an authorization server of Okta ends with `/oauth2/{id}`, without a slash behind it",
                )
            })
    }

    /// A user pool of Amazon Cognito (`eu-central-1_AbCdEfGhI`), and the app clients whose tokens are taken: their
    /// identifiers stand for an audience, which these tokens mostly have not.
    pub fn cognito<C: Into<String>>(
        pool_id: impl Into<String>,
        clients: impl IntoIterator<Item = C>,
    ) -> Self {
        let (pool, clients) = (pool_id.into(), clients.into_iter().map(Into::into).collect::<Vec<_>>());
        let plain = |id: &str| !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let region = pool
            .split_once('_')
            .filter(|(region, id)| is_label(region) && plain(id))
            .map(|(region, _)| region);
        let issuer = filled(&COGNITO, &[("{region}", region.unwrap_or_default()), ("{pool}", &pool)]);
        let is_pool = region.is_some();
        let listed = !clients.is_empty() && clients.iter().all(|client| !client.is_empty());
        let this = Self::of_preset(issuer, &COGNITO)
            .unless(!is_pool, || {
                ConfigProblem::new("invalid_user_pool", "the identifier of a user pool is `{region}_{id}`")
            })
            .unless(!listed, || {
                ConfigProblem::new("missing_client", "no client, or one that is the empty text")
            });
        this.with_preset(|preset| preset.clients = clients)
    }

    /// ID tokens of Google with the audience of this API, as service accounts send them. Google's access tokens are
    /// opaque and not for other people's APIs.
    pub fn google() -> Self {
        Self::of_names(&GOOGLE)
    }

    /// Tokens of GitHub Actions workflows. *Any* workflow on GitHub can get one for any audience: require the
    /// repository, and more, in a policy.
    pub fn github_actions() -> Self {
        Self::of_names(&GITHUB_ACTIONS)
    }

    /// Tokens of a Kubernetes cluster's service accounts, by the issuer of that cluster
    /// (`kubectl get --raw /.well-known/openid-configuration`).
    ///
    /// Where the API server itself is the issuer, its certificate is mostly of the cluster's own authority, and it wants to
    /// know who asks for keys: inside the cluster, name its `jwks_uri`, and give what every pod has to `fetch_ca_file` and
    /// `fetch_token_file`, as in the example of the [latter](Self::fetch_token_file).
    pub fn kubernetes(issuer: impl Into<String>) -> Self {
        Self::of_preset(issuer.into(), &KUBERNETES)
    }

    /// Reads roles from those that Keycloak lists for this client, and not from those of the realm: the same name means
    /// something else there.
    pub fn client_roles(self, client: &str) -> Self {
        // RFC 6901 §3.
        let client = client.replace('~', "~0").replace('/', "~1");
        let is_keycloak = std::ptr::eq(self.kind(), &raw const KEYCLOAK);
        self.roles_at(format!("/resource_access/{client}/roles")).unless(!is_keycloak, || {
            ConfigProblem::new(
                "no_client_roles",
                "`client_roles` is for Keycloak; elsewhere there is `roles_at`",
            )
        })
    }

    fn entra(tenants: impl Iterator<Item = String>, kind: &'static TokenKind) -> Self {
        let tenants: BTreeSet<String> = tenants.map(|tenant| tenant.to_ascii_lowercase()).collect();
        let valid = !tenants.is_empty() && tenants.iter().all(|tenant| is_guid(tenant));
        let of = |template: &str, tenant: &str| template.replace("{tenantid}", tenant);
        let mut all = tenants.iter();
        let only = all.next().filter(|_| all.next().is_none());
        let identifier = of(template(kind), only.map_or("{tenantid}", |only| only));
        // Both versions: only keys of the later document say whose tokens they are for.
        let issuer = of(ANY_TENANT, only.map_or("{tenantid}", |only| only));
        let place = of(ANY_TENANT, only.map_or("common", |only| only));
        let url = format!("{place}/.well-known/openid-configuration");
        let name = |tenant: &String| IssuerName {
            iss: of(template(kind), tenant).into(),
            tenant: Some(tenant.as_str().into()),
        };
        let names = tenants.iter().map(name).collect();
        let this = Self::of_preset(identifier, kind).unless(!valid, || {
            let message =
                "a tenant of Entra ID is a GUID, the directory ID; a token of an unlisted one is refused";
            ConfigProblem::new("invalid_tenant", message)
        });
        this.with_preset(|preset| {
            preset.names = names;
            preset.metadata = Some(Metadata { issuer, url });
        })
    }

    /// A provider with one issuer for everybody.
    fn of_names(kind: &'static TokenKind) -> Self {
        let names = match kind.issuers {
            IssuerRule::OneOf(names) => names,
            IssuerRule::Configured | IssuerRule::Template(_) => &[],
        };
        let identifier = names.first().copied().unwrap_or_default();
        let names = names.iter().map(|iss| IssuerName { iss: (*iss).into(), tenant: None }).collect();
        Self::of_preset(identifier.to_owned(), kind).with_preset(|preset| preset.names = names)
    }
}

fn template(kind: &TokenKind) -> &'static str {
    match kind.issuers {
        IssuerRule::Template(template) => template,
        IssuerRule::Configured | IssuerRule::OneOf(_) => "",
    }
}

/// The issuer of a row, with its gaps filled.
fn filled(kind: &TokenKind, gaps: &[(&str, &str)]) -> String {
    gaps.iter().fold(template(kind).to_owned(), |text, (gap, with)| text.replace(gap, with))
}

/// A label of a host name (RFC 1123 §2.1).
fn is_label(text: &str) -> bool {
    let inside = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    let ends = !text.starts_with('-') && !text.ends_with('-');
    (1..=63).contains(&text.len()) && ends && text.bytes().all(inside)
}

/// RFC 9562 §4, in lower case.
fn is_guid(text: &str) -> bool {
    let groups = text.split('-');
    let hexadecimal = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    groups.clone().map(str::len).eq([8, 4, 4, 4, 12]) && groups.flat_map(str::bytes).all(hexadecimal)
}
