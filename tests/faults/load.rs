use std::hash::{BuildHasher as _, RandomState};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use portcullis::SignatureAlgorithm;
use portcullis::testing::Issuer;
use tokio::task::JoinHandle;

use crate::client::Connection;
use crate::issuer::AUDIENCE;

const CLIENTS: usize = 8;
/// Tokens with random `kid`s that the stranger sends in a second, and how many at a time.
const FLOOD: usize = 10_000;
const CONNECTIONS: usize = 4;
const AT_ONCE: usize = 50;

/// What clients and stranger met so far.
#[derive(Default)]
pub(crate) struct Met {
    pub(crate) admitted: usize,
    /// Valid tokens that were not admitted.
    pub(crate) refused: Vec<(Instant, u16)>,
    pub(crate) slowest: Duration,
    /// Junk: how much of it, and the statuses that are not 401.
    pub(crate) junk: usize,
    pub(crate) junk_unavailable: usize,
    pub(crate) junk_other: usize,
}

/// Clients with valid tokens, and a stranger with junk when told so.
pub(crate) struct Load {
    met: Arc<Mutex<Met>>,
    flood: Arc<AtomicBool>,
    tasks: Vec<JoinHandle<()>>,
}

impl Load {
    pub(crate) fn start(api: SocketAddr, issuer: &Issuer) -> Self {
        let (met, flood) = (Arc::<Mutex<Met>>::default(), Arc::<AtomicBool>::default());
        let mut tasks: Vec<_> =
            (0..CLIENTS).map(|_| tokio::spawn(client(api, issuer.clone(), Arc::clone(&met)))).collect();
        for _ in 0..CONNECTIONS {
            tasks.push(tokio::spawn(stranger(api, issuer.clone(), Arc::clone(&met), Arc::clone(&flood))));
        }
        Self { met, flood, tasks }
    }

    pub(crate) fn set_flood(&self, flood: bool) {
        self.flood.store(flood, Ordering::Relaxed);
    }

    /// What was met since the last look.
    pub(crate) fn take(&self) -> Met {
        std::mem::take(&mut self.met.lock().unwrap())
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

/// A hundred valid requests a second, each with a token of its own.
async fn client(api: SocketAddr, issuer: Issuer, met: Arc<Mutex<Met>>) {
    let mut connection = Connection::open(api).await;
    loop {
        let key = || issuer.key_id(SignatureAlgorithm::Es256);
        let signed_by = key();
        let token = issuer.token(AUDIENCE).sign();
        let sent = Instant::now();
        let status = connection.send(&[token]).await[0];
        let (answered, took) = (Instant::now(), sent.elapsed());
        {
            let mut met = met.lock().unwrap();
            met.slowest = met.slowest.max(took);
            if status == 200 {
                met.admitted += 1;
            } else if signed_by == key() {
                // Where the key was exchanged meanwhile, the token is rightly refused.
                met.refused.push((answered, status));
            }
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

async fn stranger(api: SocketAddr, issuer: Issuer, met: Arc<Mutex<Met>>, flood: Arc<AtomicBool>) {
    let mut connection = Connection::open(api).await;
    let mut every =
        tokio::time::interval(Duration::from_secs(1) * (AT_ONCE * CONNECTIONS) as u32 / FLOOD as u32);
    let random = RandomState::new();
    let mut number = 0_u64;
    loop {
        every.tick().await;
        if !flood.load(Ordering::Relaxed) {
            continue;
        }
        // A right token but for its key: what is wrong cannot be seen without asking for that key.
        let right = issuer.token(AUDIENCE).sign();
        let rest = right.split_once('.').unwrap().1;
        let junk: Vec<_> = (0..AT_ONCE)
            .map(|_| {
                number += 1;
                let kid = random.hash_one(number);
                let header = format!(r#"{{"alg":"ES256","typ":"at+jwt","kid":"{kid:x}"}}"#);
                format!("{}.{rest}", BASE64_URL_SAFE_NO_PAD.encode(header))
            })
            .collect();
        let statuses = connection.send(&junk).await;
        let mut met = met.lock().unwrap();
        met.junk += statuses.len();
        met.junk_unavailable += statuses.iter().filter(|status| **status == 503).count();
        met.junk_other += statuses.iter().filter(|status| ![401, 503].contains(*status)).count();
    }
}
