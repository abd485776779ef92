//! More issuers than key sets in memory: who makes room, and who must not notice.

use std::sync::Mutex;

use bytes::Bytes;
use http::{Request, Response};
use portcullis::{BoxFuture, FetchError, FetchLimits, HttpClient, Issuers};

use super::*;

/// Issuers by number, behind one network.
struct Town {
    client: ScriptedClient,
    clock: ManualClock,
    issuers: Vec<Issuer>,
}

impl Town {
    fn of(count: usize) -> Self {
        let (client, clock) = (ScriptedClient::default(), ManualClock::at(NOW));
        let issuer = |number| Issuer::offline(&format!("https://t{number}.example.com"));
        let issuers = (0..count).map(issuer).map(|issuer| issuer.with_clock(clock.clone())).collect();
        let town = Self { client, clock, issuers };
        for issuer in &town.issuers {
            town.client.clone().on(&jwks_uri(issuer), [jwks(issuer)]);
        }
        town
    }

    /// The keys of this one come when there is a permit.
    fn hold(&self, number: usize, gate: &Arc<Semaphore>) {
        let issuer = &self.issuers[number];
        let reply = Reply::After(Arc::clone(gate), Box::new(jwks(issuer)));
        self.client.clone().on(&jwks_uri(issuer), [reply]);
    }

    fn server(&self, live: usize) -> ResourceServer {
        let trusted = |issuer: &Issuer| TrustedIssuer::new(issuer.url()).jwks_uri(jwks_uri(issuer));
        let mut all = self.issuers.iter().map(trusted);
        let builder = ResourceServer::builder(all.next().unwrap())
            .audience(AUDIENCE)
            .max_live_key_sets(live)
            .with_clock(self.clock.clone())
            .with_http_client(self.client.clone());
        all.fold(builder, ResourceServerBuilder::issuer).build().unwrap()
    }

    fn token(&self, number: usize) -> String {
        self.issuers[number].token(AUDIENCE).expires_in(Duration::from_secs(86_000)).sign()
    }
}

#[tokio::test]
async fn a_token_that_waited_is_judged_whoever_else_comes_at_that_instant() {
    // covers: CHL-017
    let (town, gate) = (Town::of(3), Arc::new(Semaphore::new(0)));
    town.hold(1, &gate);
    town.hold(2, &gate);
    let server = town.server(2);
    api(&server).token(town.token(0)).await.assert_admitted();
    let waiting = ask(&server, town.token(1));
    asked(&town.client, 2).await;
    let forged = ask(&server, town.issuers[2].token(AUDIENCE).flaw(Flaw::BadSignature).sign());
    asked(&town.client, 3).await;
    gate.add_permits(2);
    waiting.await.unwrap().assert_admitted();
    forged.await.unwrap().assert_invalid("bad_signature");
}

#[tokio::test]
async fn a_probe_of_more_issuers_than_fit_is_ready_and_takes_nothing_from_those_in_use() {
    let town = Town::of(6);
    let server = town.server(4);
    for _ in 0..20 {
        server.issuers().ready().await.unwrap();
        for number in 0..3 {
            api(&server).token(town.token(number)).await.assert_admitted();
        }
        town.clock.advance(Duration::from_secs(10));
    }
    assert_eq!(town.client.count(), 6, "one fetch each");
}

#[tokio::test]
async fn a_refresh_that_outlives_its_keys_takes_the_place_of_none() {
    let (town, gate) = (Town::of(2), Arc::new(Semaphore::new(1)));
    town.hold(0, &gate);
    let server = town.server(1);
    api(&server).token(town.token(0)).await.assert_admitted();
    town.clock.advance(Duration::from_secs(500));
    api(&server).token(town.token(0)).await.assert_admitted();
    asked(&town.client, 2).await;
    // Its keys make room while they are refreshed.
    api(&server).token(town.token(1)).await.assert_admitted();
    gate.add_permits(1);
    eventually("the end of the refresh", async || !server.issuers().status()[0].keys.fetching).await;
    api(&server).token(town.token(1)).await.assert_admitted();
    // Who needs them waits for their cooldown, as ever.
    api(&server).token(town.token(0)).await.assert_unavailable(30);
}

/// A client that looks at the issuers when it is dropped.
struct Guarded(Arc<Mutex<Option<Issuers>>>);

impl std::fmt::Debug for Guarded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Guarded")
    }
}

impl HttpClient for Guarded {
    fn send(
        &self,
        _: Request<Bytes>,
        _: FetchLimits,
    ) -> BoxFuture<'static, Result<Response<Bytes>, FetchError>> {
        Box::pin(std::future::pending())
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        if let Some(issuers) = &*self.0.lock().unwrap() {
            issuers.remove("https://nobody.example.com");
        }
    }
}

#[test]
fn what_leaves_with_an_issuer_may_look_at_the_others() {
    let (done, end) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for leave in
            [|issuers: &Issuers| assert!(issuers.remove(A)), |issuers: &Issuers| issuers.insert(A).unwrap()]
        {
            let cell = Arc::new(Mutex::new(None));
            let guarded = TrustedIssuer::new(A).with_http_client(Guarded(Arc::clone(&cell)));
            let server = World::new().server(guarded).build().unwrap();
            *cell.lock().unwrap() = Some(server.issuers().clone());
            leave(server.issuers());
            // The server and its handle in the cell hold each other no longer.
            *cell.lock().unwrap() = None;
        }
        done.send(()).unwrap();
    });
    end.recv_timeout(Duration::from_secs(20)).expect("a lock is held while something is dropped");
}
