use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use crate::error::ConfigProblem;
use crate::jose::{SignatureAlgorithm, SigningKey};
use crate::reload::{Fresh, Setting, TextFile};

/// In bytes. Ten times the largest RSA key that is taken.
const LARGEST: u64 = 64 * 1024;

/// A private key of this service, and the one algorithm that it signs with.
///
/// It is one PEM block `PRIVATE KEY` (PKCS#8, RFC 5208) in at most 64 KiB of text: RSA of 2048 to 8192 bits, P-256, P-384
/// or P-521, Ed25519, ML-DSA, whichever goes with the algorithm. Not read are other forms (`openssl pkcs8 -topk8 -nocrypt`
/// makes this one of them) and keys that are encrypted.
///
/// `Debug` shows where a key is from and never what it is. *Not* done: its memory is not overwritten when it is no
/// longer used. *Not* checked: whether the authorization server knows the public key, and who else may read the file.
///
/// ```
/// use portcullis::{PrivateKey, SignatureAlgorithm};
///
/// let key = PrivateKey::pem_file("/run/secrets/orders-api.pem", SignatureAlgorithm::Es256).key_id("2026-01");
/// # assert!(!format!("{key:?}").contains("BEGIN"));
/// ```
#[derive(Clone)]
#[must_use = "a key does nothing until it is given to something that signs"]
pub struct PrivateKey {
    origin: Origin,
    algorithm: SignatureAlgorithm,
    key_id: Option<String>,
}

#[derive(Clone)]
enum Origin {
    Text(Arc<str>),
    File(PathBuf),
}

impl PrivateKey {
    /// A key in a file. `build` reads it on the calling thread; later it is read for each signature, on a thread of its own,
    /// and parsed where it changed. So a key that was replaced is never used again. A relative path means what it means
    /// at `build`.
    ///
    /// While the file cannot be read, or has no such key in it, nothing is signed, and what needs the signature fails.
    pub fn pem_file(path: impl Into<PathBuf>, algorithm: SignatureAlgorithm) -> Self {
        Self { origin: Origin::File(path.into()), algorithm, key_id: None }
    }

    /// A key that the program has from elsewhere, such as a vault, as PEM. `build` looks at it.
    pub fn from_pem(text: impl Into<String>, algorithm: SignatureAlgorithm) -> Self {
        Self { origin: Origin::Text(text.into().into()), algorithm, key_id: None }
    }

    /// The `kid` that is sent with each signature (RFC 7515 §4.1.4), by which the server finds the public key. It is that
    /// of every key that the file will have: where the `kid` changes with the key, leave it out, and the server tries
    /// those that it knows. Default: none.
    pub fn key_id(mut self, key_id: impl Into<String>) -> Self {
        self.key_id = Some(key_id.into());
        self
    }

    /// Reads the key for the first time.
    pub(super) fn open(&self) -> Result<Signer, ConfigProblem> {
        let (algorithm, shown) = (self.algorithm, self.origin.to_string());
        let parse = move |text: &str| {
            let key = SigningKey::from_pem(text, algorithm).map(Arc::new);
            key.map_err(|error| unreadable(format!("`{shown}` {error}")))
        };
        let key = match &self.origin {
            Origin::Text(text) => Setting::Fixed(parse(text)?),
            Origin::File(path) => {
                Setting::File(Fresh::open(TextFile::new(path, LARGEST, unreadable, parse))?)
            }
        };
        Ok(Signer { key, key_id: self.key_id.clone() })
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PrivateKey({}, {})", self.algorithm, self.origin)
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(_) => f.write_str(".."),
            Self::File(path) => write!(f, "file:{}", path.display()),
        }
    }
}

/// A private key, ready to sign.
pub(super) struct Signer {
    pub(super) key: Setting<Arc<SigningKey>>,
    pub(super) key_id: Option<String>,
}

#[expect(clippy::needless_pass_by_value, reason = "as `TextFile` wants it")]
pub(super) fn unreadable(what: String) -> ConfigProblem {
    ConfigProblem::new("unreadable_private_key", format!("the private key {what}"))
}
