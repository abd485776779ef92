use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use super::document::Document;
use super::file_policy::{FilePolicy, Keeper};
use super::node::Reading;
use crate::builder::ResourceServerBuilder;
use crate::error::{ConfigError, ConfigProblem, Problems};
use crate::layer::ResourceServer;
use crate::policy::VocabularyBuilder;
use crate::reload::{Digest, TextFile};
use crate::table::PolicyTable;

/// In bytes.
const LARGEST: u64 = 1024 * 1024;

/// Issuers, roles, scopes and rules from a TOML file. [Everything that can be in it](crate::docs::policy_file).
///
/// ```
/// use portcullis::{PolicyFile, ResourceServer, anyone};
///
/// # let folder = std::env::temp_dir().join(format!("portcullis-policy-{}", std::process::id()));
/// # std::fs::create_dir_all(&folder)?;
/// # let path = folder.join("policy.toml");
/// # std::fs::write(&path, r#"
/// # audience = "https://api.example.com"
/// # [[issuers]]
/// # issuer = "https://id.example.com"
/// # [rules]
/// # "GET /orders/{id}" = { scope = "orders:read" }
/// # "#)?;
/// let file = PolicyFile::builder(&path).build()?;
/// let auth = file.server().realm("orders").build()?;
/// let policy = file.policy(&auth)?;
/// assert_eq!(policy.table().rules()[0].to_string(), "GET /orders/{id}: scope `orders:read`");
/// let layer = auth.require(policy); // for a whole router
///
/// // A mistake is told with its line, and every other one as well.
/// let refused = PolicyFile::builder("policy.toml").build_from_text("[rules]\n'GET /' = { scop = 'a' }\n");
/// assert_eq!(
///     refused.unwrap_err().to_string(),
///     "policy.toml:2:11: `scop` is no requirement: did you mean `scope`?"
/// );
/// # std::fs::remove_dir_all(&folder)?;
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct PolicyFile {
    shared: Arc<Shared>,
}

struct Shared {
    /// As it was named, for messages.
    name: Arc<str>,
    vocabulary: VocabularyBuilder,
    document: Document,
    /// `None` for a text that is in no file.
    source: Option<(TextFile<Read>, Digest)>,
}

type Read = Result<Document, ConfigError>;

/// Says which file, and what the program adds to it.
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until `build` is called"]
pub struct PolicyFileBuilder {
    path: PathBuf,
    vocabulary: VocabularyBuilder,
}

impl PolicyFile {
    /// A file of at most 1 MiB. A relative path means what it means at [`build`](PolicyFileBuilder::build).
    pub fn builder(path: impl Into<PathBuf>) -> PolicyFileBuilder {
        PolicyFileBuilder { path: path.into(), vocabulary: VocabularyBuilder::default() }
    }

    /// The rules that were in the file at `build`.
    #[must_use]
    pub fn table(&self) -> &PolicyTable {
        &self.shared.document.policy.table
    }

    /// Starts the configuration of a server with the issuers that were in the file at `build`. The program adds what is its own, and
    /// issuers, if it likes: those the file never changes.
    ///
    /// The settings of issuers are checked by `build` of what is returned, which tells the line of each problem, too.
    pub fn server(&self) -> ResourceServerBuilder {
        let issuers = self.shared.document.issuers.iter();
        ResourceServerBuilder::of(issuers.map(|issuer| issuer.trusted.clone()).collect())
    }

    /// The rules of the file for this server, which follow the file from now on, as the server's issuers do.
    ///
    /// Call it once for a server, and clone what it returns.
    ///
    /// # Errors
    ///
    /// A [`ConfigError`] with code `unused_issuers` where the file has an issuer that this server does not trust: build the server
    /// from [`server`](Self::server). (A file without issuers goes with every server.)
    pub fn policy<R>(&self, server: &ResourceServer<R>) -> Result<FilePolicy, ConfigError> {
        let shared = &*self.shared;
        let trusted = server.issuers().identifiers();
        let mut problems = Problems::default();
        for issuer in shared.document.issuers.iter().filter(|own| !trusted.contains(&own.identifier)) {
            problems.set_place(issuer.trusted.place());
            let message = "the server does not trust this issuer: build it with `PolicyFile::server`";
            problems.add("unused_issuers", message);
        }
        if !problems.is_empty() {
            return Err(problems.into_error());
        }
        let Some((file, digest)) = &shared.source else {
            return Ok(FilePolicy::fixed(shared.document.policy.clone()));
        };
        let (name, vocabulary) = (Arc::clone(&shared.name), shared.vocabulary.clone());
        let keeper = Keeper::new(name, vocabulary, server.issuers().clone(), &shared.document);
        let clock = Arc::clone(server.clock());
        Ok(FilePolicy::following(file, *digest, &shared.document, keeper, clock))
    }
}

impl PolicyFileBuilder {
    /// What the program says of names, beside the file: above all what the file's predicates ask. Roles and scopes of both are put
    /// together. Default: nothing.
    pub fn vocabulary(mut self, vocabulary: VocabularyBuilder) -> Self {
        self.vocabulary = vocabulary;
        self
    }

    /// Reads the file, on the calling thread.
    ///
    /// # Errors
    ///
    /// A [`ConfigError`] with every problem there is, each with the line and column (in bytes) where it stands. By code: `unreadable_policy_file` (no
    /// regular file, not UTF-8, larger than 1 MiB, or it cannot be read), `invalid_toml` (then nothing else is told), `unknown_member`,
    /// `missing_member`, `invalid_member` (another type or value than the member takes), `missing_feature` (which the member needs), `invalid_requirement`,
    /// `literal_secret` (a secret that is there itself, and not a reference to it), `duplicate_issuer`; and of roles, scopes and rules
    /// the codes of [`VocabularyBuilder::build`] and [`PolicyTableBuilder::build`](crate::PolicyTableBuilder::build).
    pub fn build(self) -> Result<PolicyFile, ConfigError> {
        let (name, vocabulary) = (self.name(), self.vocabulary.clone());
        let parse = move |text: &str| Ok(read(&name, text, &vocabulary));
        let file = TextFile::new(&self.path, LARGEST, unreadable, parse);
        let content = file.first().map_err(|problem| {
            let mut problems = Problems::default();
            problems.note(Err::<(), _>(problem));
            problems.into_error()
        })?;
        let source = Some((file, content.digest));
        Ok(self.of(content.value?, source))
    }

    /// The same, of a text in place of what is in the file, which is neither read nor followed: to check a policy before it gets to
    /// where it counts, and in tests.
    ///
    /// # Errors
    ///
    /// Those of [`build`](Self::build), but for `unreadable_policy_file`.
    pub fn build_from_text(self, text: &str) -> Result<PolicyFile, ConfigError> {
        let document = read(&self.name(), text, &self.vocabulary)?;
        Ok(self.of(document, None))
    }

    fn name(&self) -> Arc<str> {
        self.path.display().to_string().into()
    }

    fn of(self, document: Document, source: Option<(TextFile<Read>, Digest)>) -> PolicyFile {
        let name = self.name();
        PolicyFile { shared: Arc::new(Shared { name, vocabulary: self.vocabulary, document, source }) }
    }
}

fn read(name: &Arc<str>, text: &str, vocabulary: &VocabularyBuilder) -> Read {
    let mut reading = Reading::new(name, text);
    let document = Document::read(text, vocabulary.clone(), &mut reading);
    document.ok_or_else(|| reading.into_problems().into_error())
}

#[expect(clippy::needless_pass_by_value, reason = "as `TextFile` wants it")]
fn unreadable(what: String) -> ConfigProblem {
    ConfigProblem::new("unreadable_policy_file", format!("the policy file {what}"))
}

impl fmt::Debug for PolicyFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let issuers = self.shared.document.issuers.iter().map(|issuer| &issuer.trusted);
        f.debug_struct("PolicyFile")
            .field("name", &self.shared.name)
            .field("issuers", &issuers.collect::<Vec<_>>())
            .field("rules", self.table())
            .finish_non_exhaustive()
    }
}
