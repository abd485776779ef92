use std::fmt;

use super::kind::{AudienceRule, IssuerRule, TokenKind};

/// A row with what the configuration puts in the place of its defaults.
pub(crate) struct InForce<'a> {
    kind: &'a TokenKind,
    scopes_at: Option<&'a str>,
    roles_at: Option<&'a str>,
    algorithms: Option<String>,
}

impl TokenKind {
    pub(crate) fn in_force<'a>(
        &'a self,
        scopes_at: Option<&'a str>,
        roles_at: Option<&'a str>,
        algorithms: Option<String>,
    ) -> InForce<'a> {
        InForce { kind: self, scopes_at, roles_at, algorithms }
    }
}

impl InForce<'_> {
    /// In words: without any configuration, those of the table in `docs/providers.md`.
    fn facts(&self) -> [(&'static str, String); 9] {
        let kind = self.kind;
        let issuer = match kind.issuers {
            IssuerRule::Configured => "as configured".to_owned(),
            IssuerRule::Template(template) => code(template),
            IssuerRule::OneOf(names) => any_of(names),
        };
        let missing = if kind.typ_may_be_missing { " or missing" } else { "" };
        let audience = match kind.audience {
            AudienceRule::Audience => code("aud"),
            AudienceRule::Client(name) => format!("{}, and `aud` if there is one", code(name)),
        };
        let usual = kind.algorithms.iter().map(|algorithm| algorithm.name()).collect::<Vec<_>>();
        let usual = if usual.is_empty() { "any".to_owned() } else { usual.join(", ") };
        let client =
            if kind.layout.client.is_empty() { "none".to_owned() } else { any_of(kind.layout.client) };
        let roles = self.roles_at.or(kind.layout.roles).map_or_else(|| "none".to_owned(), code);
        [
            ("kind", code(kind.name)),
            ("issuer", issuer),
            ("typ", format!("{}{missing}", any_of(kind.typs))),
            ("claims", kind.claims_in_words()),
            ("audience", audience),
            ("scopes", self.scopes_at.map_or_else(|| kind.layout.scopes.to_string(), code)),
            ("roles", roles),
            ("client", client),
            ("algorithms", self.algorithms.clone().unwrap_or(usual)),
        ]
    }
}

impl TokenKind {
    fn claims_in_words(&self) -> String {
        let required = self.required.iter().map(|names| any_of(names));
        let values = self.values.iter().map(|(name, values)| format!("{} is {}", code(name), any_of(values)));
        let carries = self.carries.iter().map(|name| format!("{} allowed", code(name)));
        let beyond = self.beyond.map(|check| check.says.to_owned());
        let all: Vec<_> = required.chain(values).chain(carries).chain(beyond).collect();
        if all.is_empty() { "none".to_owned() } else { all.join("; ") }
    }
}

impl fmt::Debug for InForce<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = self.kind;
        let refused: Vec<_> = kind.markers.iter().filter(|(name, _)| !kind.carries.contains(name)).collect();
        let mut shown = f.debug_struct("TokenKind");
        for (name, fact) in self.facts() {
            shown.field(name, &format_args!("{fact}"));
        }
        shown
            .field("user", &kind.layout.user)
            .field("refused_with", &refused)
            .field("source", &kind.source)
            .finish_non_exhaustive()
    }
}

fn code(text: &str) -> String {
    format!("`{text}`")
}

fn any_of(names: &[&str]) -> String {
    names.iter().map(|name| code(name)).collect::<Vec<_>>().join(" or ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::validate::*;

    fn row(kind: &TokenKind) -> String {
        format!("| {} |", kind.in_force(None, None, None).facts().map(|(_, fact)| fact).join(" | "))
    }

    #[test]
    fn the_table_of_the_page_is_the_data() {
        // covers: PRV-054
        let kinds = [
            Profile::Rfc9068.kind(),
            Profile::PlainJwt.kind(),
            &KEYCLOAK,
            &ENTRA_V1,
            &ENTRA_V2,
            &AUTH0,
            &OKTA,
            &COGNITO,
            &GOOGLE,
            &GITHUB_ACTIONS,
            &KUBERNETES,
        ];
        let page = include_str!("../../docs/providers.md");
        let rows: Vec<_> = page.lines().filter(|line| line.starts_with("| `")).collect();
        assert_eq!(rows, kinds.map(row));
    }
}
