use std::time::Duration;

/// Waits for what other tasks and threads do. It comes, or the test fails.
#[track_caller]
pub(crate) fn eventually(what: &str, mut happens: impl AsyncFnMut() -> bool) -> impl Future<Output = ()> {
    let caller = std::panic::Location::caller();
    async move {
        let waiting = async {
            while !happens().await {
                tokio::task::yield_now().await;
            }
        };
        let waited = tokio::time::timeout(Duration::from_secs(20), waiting).await;
        assert!(waited.is_ok(), "never: {what}, at {caller}");
    }
}
