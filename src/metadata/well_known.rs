//! Where well-known documents are: three rules that are easily taken for one another.

/// OpenID Connect Discovery §4: behind the issuer, whose terminating slash is removed.
pub(super) fn appended(issuer: &str, name: &str) -> String {
    format!("{}/.well-known/{name}", without_terminating_slash(issuer))
}

/// RFC 8414 §3.1: between host and path of the issuer, whose terminating slash is removed.
pub(super) fn inserted(issuer: &str, name: &str) -> String {
    let issuer = without_terminating_slash(issuer);
    let authority = issuer.find("://").map_or(0, |colon| colon.saturating_add(3));
    let (scheme, rest) = issuer.split_at_checked(authority).unwrap_or_default();
    let (host, path) = rest.split_at_checked(rest.find('/').unwrap_or(rest.len())).unwrap_or_default();
    format!("{scheme}{host}/.well-known/{name}{path}")
}

/// One slash at the end, behind a path as behind a host. (RFC 9728 §3.1 has another rule for resources: there only the
/// slash behind the host goes.)
fn without_terminating_slash(issuer: &str) -> &str {
    issuer.strip_suffix('/').unwrap_or(issuer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn openid_configuration_is_appended() {
        // covers: DSC-003
        for (issuer, expected) in [
            ("https://op", "https://op/.well-known/openid-configuration"),
            ("https://op/", "https://op/.well-known/openid-configuration"),
            ("https://op/i1/", "https://op/i1/.well-known/openid-configuration"),
            ("https://op:8443/a/b", "https://op:8443/a/b/.well-known/openid-configuration"),
        ] {
            assert_eq!(appended(issuer, "openid-configuration"), expected);
        }
    }

    #[test]
    fn authorization_server_metadata_is_inserted() {
        // covers: DSC-001, DSC-002
        for (issuer, expected) in [
            ("https://as", "https://as/.well-known/oauth-authorization-server"),
            ("https://as/", "https://as/.well-known/oauth-authorization-server"),
            ("https://as/t1", "https://as/.well-known/oauth-authorization-server/t1"),
            ("https://as/t1/", "https://as/.well-known/oauth-authorization-server/t1"),
            ("https://as:8443/a/b", "https://as:8443/.well-known/oauth-authorization-server/a/b"),
            ("https://[2001:db8::1]/a", "https://[2001:db8::1]/.well-known/oauth-authorization-server/a"),
        ] {
            assert_eq!(inserted(issuer, "oauth-authorization-server"), expected);
        }
    }

    #[test]
    fn one_terminating_slash_is_removed_and_no_other() {
        // covers: DSC-002, DSC-003
        for (issuer, expected) in [
            ("https://as", "https://as"),
            ("https://as/", "https://as"),
            ("https://as/t1/", "https://as/t1"),
            ("https://as/t1//", "https://as/t1/"),
            ("https://as//t1", "https://as//t1"),
        ] {
            assert_eq!(without_terminating_slash(issuer), expected);
        }
    }
}
