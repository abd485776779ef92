//! Servers that are killed under load and started again: for as long as they are gone, nobody is told anything wrong.

use std::ops::Range;
use std::thread::sleep;
use std::time::{Duration, Instant};

use portcullis::{ClientAuthentication, Introspection, Secret};

use crate::api::AUDIENCE;
use crate::dot::Dot;
use crate::load::{Load, Seen, Sort, counts};
use crate::local::LocalApi;
use crate::provider::Provider;
use crate::token::{SECRET, Token};
use crate::{READ, step};

const KILLS: usize = 2;
/// How long the server serves before it is killed, and after it came back.
const SERVING: Duration = Duration::from_millis(1500);
/// How long it is gone, and the time it takes to start.
const GONE: Duration = Duration::from_millis(1500);
/// For how long one of the two APIs keeps answers.
const KEPT: Duration = Duration::from_millis(300);
/// After this, nobody suffers from what was before: the machine is busy.
const RECOVERY: Duration = Duration::from_secs(1);
/// For the question to a server, 5 s, and the rest.
const SLOWEST: Duration = Duration::from_secs(8);

/// A server that can be killed.
trait Mortal {
    fn kill(&mut self);
    fn start_again(&mut self);
}

impl Mortal for Provider {
    fn kill(&mut self) {
        Self::kill(self);
    }

    fn start_again(&mut self) {
        Self::start_again(self);
    }
}

impl Mortal for Dot {
    fn kill(&mut self) {
        Self::kill(self);
    }

    fn start_again(&mut self) {
        Self::start_again(self);
    }
}

/// What happened when.
#[derive(Default)]
struct Times {
    /// The server is gone, and so is what was kept of its answers.
    gone: Vec<Range<Instant>>,
    /// It is there, and has been for a moment.
    there: Vec<Range<Instant>>,
    /// It came back.
    back: Vec<Instant>,
}

#[test]
fn an_opaque_token_of_a_provider_that_is_killed_under_load_is_never_called_bad() {
    // covers: INT-009, INT-010, INT-015, CHL-017
    let mut provider = Provider::start();
    let opaque = || provider.token(&format!("{AUDIENCE}/opaque"), READ);
    let jwt = provider.token(&format!("{AUDIENCE}/ES256"), READ);
    let (rest, signature) = jwt.as_str().rsplit_once('.').unwrap();
    let forged = Token::made_up(&format!("{rest}.{}", signature.chars().rev().collect::<String>()));
    let revoked = opaque();
    provider.revoke(&revoked);
    let mut tokens: Vec<_> = (0..8).map(|_| (Sort::Good, opaque())).collect();
    tokens.push((Sort::GoodJwt, jwt));
    tokens.push((Sort::Forged, forged));
    tokens.push((Sort::Revoked, revoked));
    survive(&mut provider, tokens, |provider, introspection| {
        LocalApi::asking(provider.issuer(), introspection)
    });
}

#[test]
fn a_token_of_a_django_server_that_is_killed_under_load_is_never_called_bad() {
    // covers: INT-009, INT-010, INT-015, CHL-017
    let mut server = Dot::start();
    let token = || server.token(READ, &format!("&resource={AUDIENCE}"));
    let revoked = token();
    server.revoke(&revoked);
    let mut tokens: Vec<_> = (0..8).map(|_| (Sort::Good, token())).collect();
    tokens.push((Sort::Revoked, revoked));
    survive(&mut server, tokens, |server, introspection| {
        LocalApi::asking(server.issuer(), introspection.endpoint(server.introspection_endpoint()))
    });
}

fn survive<S: Mortal>(
    server: &mut S,
    mut tokens: Vec<(Sort, Token)>,
    api: impl Fn(&S, Introspection) -> LocalApi,
) {
    tokens.push((Sort::MadeUp, Token::made_up("never-given-out")));
    // The one asks about every request, the other keeps answers for a moment.
    let apis = [Duration::ZERO, KEPT].map(|kept| {
        let authentication = ClientAuthentication::basic("rs", Secret::new(SECRET));
        api(server, Introspection::new(authentication).cache_lifetime(kept))
    });
    for (sort, token) in &tokens {
        for api in apis.iter().filter(|_| matches!(sort, Sort::Good | Sort::GoodJwt)) {
            api.orders(token).assert_admitted();
        }
    }
    let load = Load::start(apis.iter().map(LocalApi::orders_url).collect(), tokens);
    let times = kill_and_start_again(server);
    let seen = load.end();
    for api in &apis {
        println!("  {:?}", api.status().counters);
    }
    check(&seen, &times);
}

fn kill_and_start_again(server: &mut impl Mortal) -> Times {
    let mut times = Times::default();
    let mut there_since = Instant::now();
    for _ in 0..KILLS {
        sleep(SERVING);
        times.there.push(there_since..Instant::now());
        server.kill();
        let gone_since = Instant::now() + KEPT;
        sleep(GONE);
        times.gone.push(gone_since..Instant::now());
        server.start_again();
        times.back.push(Instant::now());
        there_since = Instant::now() + RECOVERY;
    }
    sleep(RECOVERY + SERVING);
    times.there.push(there_since..Instant::now());
    times
}

fn check(seen: &[Seen], times: &Times) {
    let within = |ranges: &[Range<Instant>]| {
        let within = |seen: &&Seen| ranges.iter().any(|range| seen.is_within(range));
        counts(seen.iter().filter(within))
    };
    let (there, gone) = (within(&times.there), within(&times.gone));
    step(&format!("in all: {:?}", counts(seen)));
    step(&format!("while the server was there: {there:?}"));
    step(&format!("while it was gone: {gone:?}"));

    let wrong = counts(seen.iter().filter(|seen| !seen.is_right()));
    assert!(wrong.is_empty(), "{wrong:?}");

    let unavailable = there.iter().filter(|((_, status), _)| *status == 503).collect::<Vec<_>>();
    assert!(unavailable.is_empty(), "{unavailable:?}");
    assert!(there[&(Sort::Good, 200)] > 100 && there[&(Sort::MadeUp, 401)] > 10, "there was load");

    // Nothing is admitted, nor refused, because of what was known before.
    for sort in [Sort::Good, Sort::Revoked, Sort::MadeUp] {
        let statuses: Vec<_> = gone.keys().filter(|(of, _)| *of == sort).map(|(_, status)| *status).collect();
        assert_eq!(statuses, [503], "{sort:?}");
    }

    for back in &times.back {
        let admitted = seen.iter().filter(|seen| seen.sort == Sort::Good && seen.status == 200);
        let first = admitted.filter(|seen| seen.began >= *back).map(|seen| seen.ended).min().unwrap();
        step(&format!("admitted again {:?} after it said that it is there", first - *back));
        assert!(first - *back < RECOVERY);
    }
    let slowest = seen.iter().map(|seen| seen.ended - seen.began).max().unwrap();
    step(&format!("the slowest answer took {slowest:?}"));
    assert!(slowest < SLOWEST);
}
