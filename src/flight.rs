//! Work that many wait for and that survives each of them.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::FutureExt as _;
use futures_util::future::{AbortHandle, BoxFuture, Shared, WeakShared, abortable};
use tokio::runtime::Handle;
use tokio::sync::oneshot;

/// How many requests may wait for one fetch, or one look at a file. Each holds its request; beyond that the answer is 503
/// at once.
pub(crate) const MOST_WAITING: usize = 1024;

/// Work under way, as those who wait for it see it.
pub(crate) type Flight = Shared<BoxFuture<'static, ()>>;

/// A fetch under way.
///
/// Where there is a runtime, it drives the fetch as a task of its own, and those who wait are woken once, at its
/// end: the fetch survives every one of them. Where there is none, those who wait drive it together.
pub(crate) struct InFlight {
    waiters: Waiters,
    abort: AbortHandle,
    task: Option<tokio::task::AbortHandle>,
    dropped: Arc<AtomicBool>,
}

enum Waiters {
    /// Ours to keep: a background refresh can be joined later.
    OfTask(Flight),
    /// Theirs: when the last of them is gone, so is the fetch.
    Driving(WeakShared<BoxFuture<'static, ()>>),
}

/// The end of one fetch, whichever way it comes. Lives inside it.
pub(crate) struct Landing {
    ended: bool,
    dropped: Arc<AtomicBool>,
}

impl InFlight {
    /// Begins a fetch; returns it and a first place among those who wait.
    pub(crate) fn begin<F>(load: impl FnOnce(Landing) -> F) -> (Self, Flight)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let dropped = Arc::new(AtomicBool::new(false));
        let load = load(Landing { ended: false, dropped: Arc::clone(&dropped) });
        if let Ok(runtime) = Handle::try_current() {
            let (landed, landing) = oneshot::channel::<()>();
            let task = runtime.spawn(async move {
                load.await;
                // Dropped here, or with the task: those who wait are woken in any case.
                drop(landed);
            });
            let (landing, abort) = abortable(landing);
            let flight = landing.map(drop).boxed().shared();
            let task = Some(task.abort_handle());
            (Self { waiters: Waiters::OfTask(flight.clone()), abort, task, dropped }, flight)
        } else {
            let (load, abort) = abortable(load);
            // A client that panics is a failed fetch, not a panic of every request that waits for it.
            let flight = AssertUnwindSafe(load).catch_unwind().map(drop).boxed().shared();
            let waiters =
                flight.downgrade().map_or_else(|| Waiters::OfTask(flight.clone()), Waiters::Driving);
            (Self { waiters, abort, task: None, dropped }, flight)
        }
    }

    /// A place among those who wait.
    pub(crate) fn join(&self) -> Option<Flight> {
        match &self.waiters {
            Waiters::OfTask(flight) => Some(flight.clone()),
            Waiters::Driving(flight) => flight.upgrade(),
        }
    }

    pub(crate) fn is(&self, landing: &Landing) -> bool {
        Arc::ptr_eq(&self.dropped, &landing.dropped)
    }

    /// Whether the fetch is gone without having ended: with its runtime, by a panic, or with the last request
    /// that drove it.
    pub(crate) fn was_dropped(&self) -> bool {
        self.dropped.load(Ordering::Acquire)
    }

    /// Ends a fetch that would not end by itself, and wakes those who wait for it.
    pub(crate) fn give_up(&self) {
        if let Some(task) = &self.task {
            task.abort();
        }
        self.abort.abort();
    }
}

impl Landing {
    pub(crate) fn end(mut self) {
        self.ended = true;
    }
}

impl Drop for Landing {
    fn drop(&mut self) {
        if !self.ended {
            self.dropped.store(true, Ordering::Release);
        }
    }
}
