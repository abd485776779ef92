//! Clients that do not stop while a server goes and comes back, and what they are answered.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use http::header;
use tokio::runtime::Runtime;

use crate::token::Token;

const CLIENTS: usize = 12;
/// Of each client, after each answer: the machine has a server to start meanwhile.
const PAUSE: Duration = Duration::from_millis(5);

/// What is known of a token that a client sends.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Sort {
    /// Opaque and good.
    Good,
    /// A good JWT, which needs no question.
    GoodJwt,
    Revoked,
    /// Opaque, and another one each time.
    MadeUp,
    /// A JWT whose signature is wrong.
    Forged,
}

/// One request and its answer.
pub(crate) struct Seen {
    pub(crate) sort: Sort,
    pub(crate) began: Instant,
    pub(crate) ended: Instant,
    pub(crate) status: u16,
    challenged: bool,
    retry_after: Option<u64>,
}

struct Plan {
    urls: Vec<String>,
    tokens: Vec<(Sort, Token)>,
}

/// The clients, until this is dropped.
pub(crate) struct Load {
    _runtime: Runtime,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Load {
    /// Each of the clients sends each of the tokens to each of the addresses, over and over.
    pub(crate) fn start(urls: Vec<String>, tokens: Vec<(Sort, Token)>) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.unwrap();
        let (seen, plan) = (Arc::<Mutex<Vec<Seen>>>::default(), Arc::new(Plan { urls, tokens }));
        for number in 0..CLIENTS {
            runtime.spawn(client(number, Arc::clone(&plan), Arc::clone(&seen)));
        }
        Self { _runtime: runtime, seen }
    }

    /// Ends it. What was under way is not among what is returned.
    pub(crate) fn end(self) -> Vec<Seen> {
        std::mem::take(&mut self.seen.lock().unwrap())
    }
}

async fn client(number: usize, plan: Arc<Plan>, seen: Arc<Mutex<Vec<Seen>>>) {
    let Plan { urls, tokens } = &*plan;
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    // Each begins elsewhere, so that not all wait for the answer about one token.
    for turn in number.. {
        let (sort, token) = &tokens[turn % tokens.len()];
        let url = &urls[turn / tokens.len() % urls.len()];
        let bearer = match sort {
            Sort::MadeUp => format!("{}-{number}-{turn}", token.as_str()),
            _ => token.as_str().to_owned(),
        };
        let began = Instant::now();
        let answer = client.get(url).bearer_auth(bearer).send().await.unwrap();
        let retry_after = answer.headers().get(header::RETRY_AFTER);
        let answered = Seen {
            sort: *sort,
            began,
            ended: Instant::now(),
            status: answer.status().as_u16(),
            challenged: answer.headers().contains_key(header::WWW_AUTHENTICATE),
            retry_after: retry_after.map(|seconds| seconds.to_str().unwrap().parse().unwrap()),
        };
        seen.lock().unwrap().push(answered);
        tokio::time::sleep(PAUSE).await;
    }
}

impl Seen {
    /// Whether nothing wrong was said, whatever state the server is in: who is good is admitted, who is not is refused, and
    /// where that cannot be told, it is said to nobody's discredit, and when to come back.
    pub(crate) fn is_right(&self) -> bool {
        match (self.status, self.sort) {
            (200, Sort::Good | Sort::GoodJwt) => true,
            (401, Sort::Revoked | Sort::MadeUp | Sort::Forged) => self.challenged,
            // What is validated here needs nobody.
            (503, Sort::Good | Sort::Revoked | Sort::MadeUp) => {
                !self.challenged && self.retry_after.is_some_and(|seconds| (1..=60).contains(&seconds))
            }
            _ => false,
        }
    }

    /// Whether it began and ended in this time.
    pub(crate) fn is_within(&self, time: &Range<Instant>) -> bool {
        time.contains(&self.began) && time.contains(&self.ended)
    }
}

/// How often each token was answered how.
pub(crate) fn counts<'a>(seen: impl IntoIterator<Item = &'a Seen>) -> BTreeMap<(Sort, u16), usize> {
    let mut counts = BTreeMap::new();
    for seen in seen {
        *counts.entry((seen.sort, seen.status)).or_default() += 1;
    }
    counts
}
