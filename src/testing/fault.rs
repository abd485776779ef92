use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};

/// What is wrong with an [`Issuer`](super::Issuer) for the time being: with its documents, metadata and keys alike
/// ([`fail`](super::Issuer::fail)), or with its introspection endpoint
/// ([`fail_introspection`](super::Issuer::fail_introspection)).
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Fault {
    /// Answers with this status and no body.
    Status(u16),
    /// Answers 200 with this body as `application/json`, whatever was asked for.
    Body(String),
    /// Answers with all of this, whatever was asked for. [`Fault::answer`] makes one.
    Answer {
        /// The status.
        status: u16,
        /// Every header field; there are no others.
        headers: HeaderMap,
        /// The body.
        body: String,
    },
    /// Answers rightly, but so much later (in tokio's time, which a test can pause).
    Delay(Duration),
    /// Takes requests and never answers.
    Hang,
    /// Begins its answer and breaks off the connection.
    BreakOff,
}

impl Fault {
    /// A whole answer: the page of a proxy, a redirect, a limit with `Retry-After`.
    ///
    /// ```
    /// use portcullis::testing::Fault;
    ///
    /// let page = Fault::answer(200, [("content-type", "text/html")], "<html>Sign in</html>");
    /// let moved = Fault::answer(307, [("location", "https://elsewhere.example.com/")], "");
    /// assert_ne!(page, moved);
    /// ```
    ///
    /// # Panics
    ///
    /// If a header field is none.
    pub fn answer<'a>(
        status: u16,
        headers: impl IntoIterator<Item = (&'a str, &'a str)>,
        body: impl Into<String>,
    ) -> Self {
        let field = |(name, value)| {
            let name: HeaderName = str::parse(name).expect("a name of a header field");
            (name, HeaderValue::from_str(value).expect("a value of a header field"))
        };
        let mut fields = HeaderMap::new();
        for (name, value) in headers.into_iter().map(field) {
            fields.append(name, value);
        }
        Self::Answer { status, headers: fields, body: body.into() }
    }
}

/// The fault of the moment.
#[derive(Default)]
pub(super) struct Faults(Mutex<Option<Fault>>);

impl Faults {
    pub(super) fn set(&self, fault: Option<Fault>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = fault;
    }

    pub(super) fn now(&self) -> Option<Fault> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
