use std::future::Future;
use std::pin::Pin;

/// A boxed error, as the sources of our own errors carry it.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A boxed future, as object-safe traits return it.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;
