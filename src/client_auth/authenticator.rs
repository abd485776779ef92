use http::{HeaderValue, header};

use super::assertion::Assertion;
use crate::error::ConfigProblem;
use crate::fetch::{FormRequest, IdentityFiles};
use crate::reload::Setting;
use crate::secret::SecretText;

/// A client that can say who it is, by exactly one method for each request (RFC 6749 §2.3).
pub(crate) struct Authenticator {
    pub(super) client_id: Option<Box<str>>,
    pub(super) method: Method,
}

pub(super) enum Method {
    /// `Authorization`: Basic, or a bearer token.
    Field(Setting<HeaderValue>),
    /// Fields of the form.
    Post(Setting<SecretText>),
    Assertion(Box<Assertion>),
    /// What the connection shows; with its files, where they are ours to read.
    MutualTls(Option<IdentityFiles>),
}

impl Authenticator {
    /// The client's name at the server. A bearer token has none that we know of.
    pub(crate) fn client_id(&self) -> Option<&str> {
        self.client_id.as_deref()
    }

    pub(crate) fn is_mutual_tls(&self) -> bool {
        matches!(self.method, Method::MutualTls(_))
    }

    /// What the default client must present. Without it, a client of the user's own presents what it has.
    pub(crate) fn tls_files(&self) -> Option<&IdentityFiles> {
        match &self.method {
            Method::MutualTls(files) => files.as_ref(),
            _ => None,
        }
    }

    /// Adds to a request what says who sends it. A secret or key that is of no use now is a failure of ours, and nothing
    /// is to be sent.
    pub(crate) async fn authenticate(&self, form: &mut FormRequest) -> Result<(), ConfigProblem> {
        let client_id = self.client_id.as_deref().unwrap_or_default();
        match &self.method {
            Method::Field(field) => form.set_header(header::AUTHORIZATION, field.read().await?),
            Method::Post(secret) => {
                let secret = secret.read().await?;
                form.append("client_id", client_id);
                form.append("client_secret", secret.as_str());
            }
            Method::Assertion(assertion) => {
                let assertion = assertion.make().await?;
                form.append(
                    "client_assertion_type",
                    "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
                );
                form.append("client_assertion", &assertion);
            }
            // RFC 8705 §2: the name is in the request, so that the server knows whose certificate it expects.
            Method::MutualTls(_) => form.append("client_id", client_id),
        }
        Ok(())
    }
}
