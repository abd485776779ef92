use super::fresh::Fresh;
use crate::error::ConfigProblem;

/// A value of the configuration: what it was at the start, or what a file says each time.
pub(crate) enum Setting<T> {
    Fixed(T),
    File(Fresh<T>),
}

impl<T: Clone + Send + Sync + 'static> Setting<T> {
    /// What it is now. Who waits sets the limit.
    pub(crate) fn read(&self) -> impl Future<Output = Result<T, ConfigProblem>> + Send + use<T> {
        let now = match self {
            Self::Fixed(value) => Ok(value.clone()),
            Self::File(file) => Err(file.read()),
        };
        async move {
            match now {
                Ok(value) => Ok(value),
                Err(reading) => reading.await,
            }
        }
    }
}
