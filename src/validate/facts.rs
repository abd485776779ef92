use std::fmt;

use super::kind::{AudienceRule, IssuerRule, TokenKind};

impl TokenKind {
    /// The row in words: those of the table in `docs/providers.md`.
    fn facts(&self) -> [(&'static str, String); 9] {
        let issuer = match self.issuers {
            IssuerRule::Configured => "as configured".to_owned(),
            IssuerRule::Template(template) => code(template),
            IssuerRule::OneOf(names) => any_of(names),
        };
        let missing = if self.typ_may_be_missing { " or missing" } else { "" };
        let audience = match self.audience {
            AudienceRule::Audience => code("aud"),
            AudienceRule::Client(name) => format!("{}, and `aud` if there is one", code(name)),
        };
        let algorithms = self.algorithms.iter().map(|algorithm| algorithm.name()).collect::<Vec<_>>();
        let algorithms = if algorithms.is_empty() { "any".to_owned() } else { algorithms.join(", ") };
        let client =
            if self.layout.client.is_empty() { "none".to_owned() } else { any_of(self.layout.client) };
        [
            ("kind", code(self.name)),
            ("issuer", issuer),
            ("typ", format!("{}{missing}", any_of(self.typs))),
            ("claims", self.claims_in_words()),
            ("audience", audience),
            ("scopes", self.layout.scopes.to_string()),
            ("roles", self.layout.roles.map_or_else(|| "none".to_owned(), code)),
            ("client", client),
            ("algorithms", algorithms),
        ]
    }

    fn claims_in_words(&self) -> String {
        let required = self.required.iter().map(|names| any_of(names));
        let values = self.values.iter().map(|(name, values)| format!("{} is {}", code(name), any_of(values)));
        let carries = self.carries.iter().map(|name| format!("{} allowed", code(name)));
        let beyond = self.beyond.map(|check| check.says.to_owned());
        let all: Vec<_> = required.chain(values).chain(carries).chain(beyond).collect();
        if all.is_empty() { "none".to_owned() } else { all.join("; ") }
    }
}

impl fmt::Debug for TokenKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("TokenKind");
        for (name, fact) in self.facts() {
            shown.field(name, &format_args!("{fact}"));
        }
        shown
            .field("user", &self.layout.user)
            .field("refused_with", &self.markers)
            .field("source", &self.source)
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
        format!("| {} |", kind.facts().map(|(_, fact)| fact).join(" | "))
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
