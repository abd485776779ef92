//! The one way out: bounded HTTP requests to configured or discovered endpoints.

mod bearer_field;
mod endpoint;
mod entity_tag;
mod exchange;
#[cfg(feature = "reqwest")]
mod file_client;
mod files;
mod get;
mod http_client;
mod in_words;
mod media_type;
mod post;
#[cfg(feature = "reqwest")]
mod reqwest;
#[cfg(feature = "reqwest")]
mod tls_files;

#[cfg(feature = "reqwest")]
pub(crate) use self::reqwest::DefaultClient;
pub(crate) use bearer_field::bearer_field;
pub(crate) use endpoint::{Endpoint, LoopbackHttp, configured, without_secrets};
pub(crate) use entity_tag::EntityTag;
#[cfg(feature = "reqwest")]
pub(crate) use file_client::FileClient;
pub(crate) use files::{FetchFiles, IdentityFiles};
pub(crate) use get::{Revalidated, get_json, get_json_if_changed};
pub use http_client::{FetchError, FetchLimits, HttpClient};
pub(crate) use in_words::in_words;
pub(crate) use media_type::is_of_media_type;
pub(crate) use post::FormRequest;
