use std::env::{self, VarError};
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

use crate::error::ConfigProblem;
use crate::reload::{Fresh, Setting, TextFile};

/// In bytes. Servers take about as much as one header field.
const LARGEST: u64 = 16 * 1024;

/// A secret of this service, and where it is from: a file, an environment variable, or the program.
///
/// It is one line of text without control characters, of at most 16 KiB; white space behind it (the line feed at the end
/// of a file) is no part of it. A secret from a file is read anew each time it is needed, so one that was replaced counts from the
/// next request on, and the old one is never sent again. The other two stay as they are for as long as the program
/// runs.
///
/// A configuration file refers to a secret as `env:NAME` or `file:PATH`, and this type is parsed from such a text. One that is
/// neither is refused, so that no secret ends up in a configuration file by mistake.
///
/// `Debug` shows where a secret is from and never what it is. *Not* done: its memory is not overwritten when it is no
/// longer used. *Not* checked: whether it can be guessed, and who else may read the file.
///
/// ```
/// use portcullis::Secret;
///
/// let secret: Secret = "file:/run/secrets/orders-api".parse()?;
/// assert_eq!(format!("{secret:?}"), "Secret(file:/run/secrets/orders-api)");
///
/// let refused = "hunter2".parse::<Secret>().unwrap_err();
/// assert!(!refused.to_string().contains("hunter2"));
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Secret(Origin);

#[derive(Clone)]
enum Origin {
    Text(SecretText),
    Variable(String),
    File(PathBuf),
}

/// Why a text is no reference to a [`Secret`]. It does not quote the text, which may be a secret itself.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SecretReferenceError {
    /// It begins with neither `env:` nor `file:`.
    #[error("a reference to a secret is `env:NAME` or `file:PATH`")]
    Unknown,
    /// Nothing stands behind `env:` or `file:`.
    #[error("a reference to a secret names a variable or a file, and this one names none")]
    Empty,
}

impl Secret {
    /// A secret that the program has from elsewhere, such as a vault. It is looked at by `build`, like the others.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(Origin::Text(SecretText(text.into().into())))
    }

    /// A secret in the environment variable of this name, which `build` reads once.
    ///
    /// The environment of a process can be seen by its children, and may end up in crash reports. Prefer a
    /// [file](Self::file).
    #[must_use]
    pub fn env(name: impl Into<String>) -> Self {
        Self(Origin::Variable(name.into()))
    }

    /// A secret in a file, such as one that an orchestrator mounts. `build` reads it on the calling thread; later it is
    /// read each time, on a thread of its own. A relative path means what it means at `build`.
    ///
    /// While the file cannot be read, or has no such secret in it, nothing is sent, and what needs the secret fails.
    #[must_use]
    pub fn file(path: impl Into<PathBuf>) -> Self {
        Self(Origin::File(path.into()))
    }

    /// Reads the secret for the first time, and makes of it what it is wanted for. `parse` says what is wrong with it, in
    /// words that follow its name and without a character of it.
    pub(crate) fn open<T: Clone + Send + Sync + 'static>(
        &self,
        parse: impl Fn(&str) -> Result<T, &'static str> + Send + Sync + 'static,
    ) -> Result<Setting<T>, ConfigProblem> {
        let shown = self.0.to_string();
        let unusable = move |why| unreadable(format!("`{shown}` {why}"));
        let parse = move |text: &str| one_line(text).and_then(&parse).map_err(&unusable);
        match &self.0 {
            Origin::Text(text) => parse(text.as_str()).map(Setting::Fixed),
            Origin::Variable(name) => parse(&variable(name)?).map(Setting::Fixed),
            Origin::File(path) => {
                Fresh::open(TextFile::new(path, LARGEST, unreadable, parse)).map(Setting::File)
            }
        }
    }
}

impl FromStr for Secret {
    type Err = SecretReferenceError;

    fn from_str(reference: &str) -> Result<Self, Self::Err> {
        match reference.split_once(':') {
            Some(("env" | "file", "")) => Err(SecretReferenceError::Empty),
            Some(("env", name)) => Ok(Self::env(name)),
            Some(("file", path)) => Ok(Self::file(path)),
            _ => Err(SecretReferenceError::Unknown),
        }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret({})", self.0)
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(_) => f.write_str(".."),
            Self::Variable(name) => write!(f, "env:{}", name.escape_debug()),
            Self::File(path) => write!(f, "file:{}", path.display()),
        }
    }
}

/// The text of a secret, which is not printed.
#[derive(Clone)]
pub(crate) struct SecretText(Arc<str>);

impl SecretText {
    pub(crate) fn new(text: &str) -> Self {
        Self(text.into())
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretText(..)")
    }
}

fn variable(name: &str) -> Result<String, ConfigProblem> {
    env::var(name).map_err(|error| {
        let why = match error {
            VarError::NotPresent => "is not set",
            // Not the error itself, which quotes the value.
            VarError::NotUnicode(_) => "is not UTF-8",
        };
        unreadable(format!("`env:{}` {why}", name.escape_debug()))
    })
}

/// The secret in this text. One that goes on behind a line feed would be cut or sent as something else.
fn one_line(text: &str) -> Result<&str, &'static str> {
    let line = text.trim_ascii_end();
    if line.is_empty() {
        Err("is empty")
    } else if line.len() as u64 > LARGEST {
        Err("is larger than 16 KiB")
    } else if line.starts_with('\u{feff}') {
        Err("begins with a byte order mark")
    } else if line.contains(char::is_control) {
        Err("is not one line without control characters")
    } else {
        Ok(line)
    }
}

#[expect(clippy::needless_pass_by_value, reason = "as `TextFile` wants it")]
fn unreadable(what: String) -> ConfigProblem {
    ConfigProblem::new("unreadable_secret", format!("the secret {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(secret: &Secret) -> Result<Setting<SecretText>, ConfigProblem> {
        secret.open(|text| Ok(SecretText::new(text)))
    }

    async fn read(secret: &Secret) -> Result<String, ConfigProblem> {
        open(secret)?.read().await.map(|text| text.as_str().to_owned())
    }

    #[tokio::test]
    async fn a_secret_is_one_line_and_white_space_behind_it_is_no_part_of_it() {
        for text in ["p%\u{e4}+ :", "p%\u{e4}+ :\n", "p%\u{e4}+ : \t\r\n\n"] {
            assert_eq!(read(&Secret::new(text)).await.unwrap(), "p%\u{e4}+ :");
        }
        assert_eq!(read(&Secret::new(" x")).await.unwrap(), " x");
        let longest = "x".repeat(16 * 1024);
        assert_eq!(read(&Secret::new(&longest)).await.unwrap(), longest);
        for (text, why) in [
            ("", "is empty"),
            (" \r\n", "is empty"),
            ("private\nprivate", "not one line"),
            ("private\u{0}", "not one line"),
            ("private\u{85}private", "not one line"),
            ("\u{feff}private", "byte order mark"),
            (&("private".to_owned() + &longest), "larger than 16 KiB"),
        ] {
            let problem = read(&Secret::new(text)).await.unwrap_err();
            assert_eq!(problem.code(), "unreadable_secret");
            assert!(
                problem.to_string().contains(why) && !problem.to_string().contains("private"),
                "{problem}"
            );
        }
    }

    #[tokio::test]
    async fn a_variable_is_read_once() {
        // `cargo test` sets it.
        let secret = Secret::env("CARGO_PKG_NAME");
        assert_eq!(read(&secret).await.unwrap(), "portcullis");
        for (name, why) in
            [("PORTCULLIS_NOT_SET", "`env:PORTCULLIS_NOT_SET` is not set"), ("A=B", "is not set")]
        {
            let problem = read(&Secret::env(name)).await.unwrap_err();
            assert_eq!(problem.code(), "unreadable_secret");
            assert!(problem.to_string().contains(why), "{problem}");
        }
    }

    #[tokio::test]
    async fn a_file_is_read_each_time() {
        let path = std::env::temp_dir().join(format!("portcullis-secret-{}", std::process::id()));
        let secret = Secret::file(&path);
        let missing = read(&secret).await.unwrap_err();
        assert_eq!(missing.code(), "unreadable_secret");
        assert!(missing.to_string().contains(path.to_str().unwrap()), "{missing}");
        std::fs::write(&path, "private-1\n").unwrap();
        let setting = open(&secret).unwrap();
        for written in ["private-1", "private-2", "private-2", "private-1"] {
            std::fs::write(&path, format!("{written}\n")).unwrap();
            assert_eq!(setting.read().await.unwrap().as_str(), written);
        }
        for (written, why) in
            [("private\nprivate".as_bytes(), "not one line"), (b"", "is empty"), (b"private\xff", "UTF-8")]
        {
            std::fs::write(&path, written).unwrap();
            let problem = setting.read().await.unwrap_err();
            assert_eq!(problem.code(), "unreadable_secret");
            let told = problem.to_string();
            assert!(told.contains(why) && told.contains(path.to_str().unwrap()), "{told}");
            assert!(!told.contains("private"), "{told}");
            assert_eq!(read(&secret).await.unwrap_err(), problem, "as at the start");
        }
        std::fs::remove_file(&path).unwrap();
    }

    #[test]
    fn a_configuration_file_refers_to_a_secret_and_has_none() {
        for (text, shown) in [
            ("env:ORDERS", "Secret(env:ORDERS)"),
            ("file:/a:b", "Secret(file:/a:b)"),
            ("file:a", "Secret(file:a)"),
        ] {
            assert_eq!(format!("{:?}", text.parse::<Secret>().unwrap()), shown);
        }
        for text in
            ["", "private", "ENV:private", " env:private", "text:private", "https://private", "env private"]
        {
            let error = text.parse::<Secret>().unwrap_err();
            assert_eq!(error, SecretReferenceError::Unknown, "{text}");
            assert!(!format!("{error} {error:?}").contains("private"));
        }
        for text in ["env:", "file:"] {
            assert_eq!(text.parse::<Secret>().unwrap_err(), SecretReferenceError::Empty);
        }
        let secret = Secret::new("private");
        assert!(!format!("{secret:?} {:?}", SecretText::new("private")).contains("private"));
    }
}
