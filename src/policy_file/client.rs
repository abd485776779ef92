use super::members::{Members, text};
use super::node::{Node, Reading};
use super::values::{algorithm, secret};
use crate::client_auth::{ClientAuthentication, PrivateKey};
use crate::secret::Secret;

const METHODS: [&str; 6] = ["basic", "basic_unencoded", "bearer", "mutual_tls", "post", "private_key_jwt"];

/// As which client this service asks. Every method has members of its own, and none of another. `None` is told.
pub(super) fn authentication(
    members: &mut Members<'_>,
    reading: &mut Reading,
) -> Option<ClientAuthentication> {
    let known = |name: &str| METHODS.into_iter().find(|method| *method == name);
    members.needs("method", reading);
    match members.one_of("method", &METHODS, known, reading) {
        None => {
            // Of one that is wrong anyway, nothing is unknown that another has; and a secret is none all the same.
            members.know(&[
                "client_id",
                "certificate_file",
                "key_file",
                "algorithm",
                "key_id",
                "assertion_audience",
            ]);
            for name in ["secret", "private_key"] {
                members.find(name).and_then(|node| secret(node, name, reading));
            }
            None
        }
        Some("bearer") => needed_secret(members, reading).map(ClientAuthentication::bearer),
        Some("mutual_tls") => mutual_tls(members, reading),
        Some("private_key_jwt") => private_key_jwt(members, reading),
        Some(method) => {
            let client = members.needed_text("client_id", reading);
            let (client, secret) = client.zip(needed_secret(members, reading))?;
            Some(match method {
                "basic" => ClientAuthentication::basic(client, secret),
                "post" => ClientAuthentication::post(client, secret),
                _ => ClientAuthentication::basic_unencoded(client, secret),
            })
        }
    }
}

fn needed_secret(members: &mut Members<'_>, reading: &mut Reading) -> Option<Secret> {
    members.needs("secret", reading).and_then(|node| secret(node, "secret", reading))
}

fn private_key_jwt(members: &mut Members<'_>, reading: &mut Reading) -> Option<ClientAuthentication> {
    let client = members.needed_text("client_id", reading);
    let path = members.needs("private_key", reading).and_then(|node| private_key(node, reading));
    let algorithm = members.needs("algorithm", reading).and_then(|node| algorithm(node, reading));
    let key_id = members.text("key_id", reading);
    let audience = members.text("assertion_audience", reading);
    let key = PrivateKey::pem_file(path?, algorithm?);
    let key = match key_id {
        Some(key_id) => key.key_id(key_id),
        None => key,
    };
    let authentication = ClientAuthentication::private_key_jwt(client?, key);
    Some(match audience {
        Some(audience) => authentication.assertion_audience(audience),
        None => authentication,
    })
}

/// The path of the file: `file:PATH`, as of every secret.
fn private_key<'n>(node: &'n Node, reading: &mut Reading) -> Option<&'n str> {
    secret(node, "private_key", reading)?;
    let path = text(node, "private_key", reading)?.strip_prefix("file:");
    if path.is_none() {
        let problems = reading.at(node.at);
        problems.add("invalid_member", "`private_key` is `file:PATH`: such a key is many lines");
    }
    path
}

/// With the files of a certificate, or with that of the program's own HTTP client.
fn mutual_tls(members: &mut Members<'_>, reading: &mut Reading) -> Option<ClientAuthentication> {
    let client = members.needed_text("client_id", reading);
    let certificate = members.find("certificate_file");
    let key = members.find("key_file");
    let Some(node) = certificate.or(key) else { return client.map(ClientAuthentication::mutual_tls) };
    #[cfg(not(feature = "reqwest"))]
    {
        super::values::without_feature(node, "certificate_file", "reqwest", reading);
        None
    }
    #[cfg(feature = "reqwest")]
    {
        let (Some(certificate), Some(key)) = (certificate, key) else {
            let problems = reading.at(node.at);
            problems.add("missing_member", "one of `certificate_file` and `key_file` without the other");
            return None;
        };
        let certificate = text(certificate, "certificate_file", reading);
        let key = text(key, "key_file", reading);
        Some(ClientAuthentication::mutual_tls_files(client?, certificate?, key?))
    }
}
