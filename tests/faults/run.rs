use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use axum::Router;
use axum::routing::get;
use axum::serve::ListenerExt as _;
use portcullis::{KeyTiming, ResourceServer, authenticated};
use tokio::net::TcpListener;
use tokio::time::sleep;

use crate::issuer::{AUDIENCE, FaultyIssuer, Mode};
use crate::load::{Load, Met};
use crate::report::{Report, memory};

const ROTATIONS: u32 = 3;
/// Half an hour and an hour, in cooldowns of thirty seconds.
const HALF_AN_HOUR: u32 = 60;
const STALE_BOUND: u32 = 70;
/// What is measured at the other end of a socket comes this much later, on a busy machine.
const SLACK: Duration = Duration::from_millis(150);
/// What the allocator may hold on to, in KiB. The issuer and the clients are in this process, too.
const MEMORY_MORE: usize = 8 << 10;

/// The issuer, the API, the load, and what came of it.
pub(crate) struct Run {
    cooldown: Duration,
    issuer: FaultyIssuer,
    server: ResourceServer,
    load: Load,
    report: Report,
    memory: usize,
}

impl Run {
    pub(crate) async fn start(cooldown: Duration) -> Self {
        let issuer = FaultyIssuer::start().await;
        let server = ResourceServer::builder(issuer.keys.url())
            .audience(AUDIENCE)
            .key_timing(timing(cooldown))
            .dangerous_allow_loopback_http()
            .build()
            .unwrap();
        let load = Load::start(serve(&server).await, &issuer.keys);
        let run = Self { cooldown, issuer, server, load, report: Report::default(), memory: 0 };
        run.report.note("cooldown of this run, in ms", run.cooldown.as_millis());
        // Whatever is allocated once is, before memory is looked at.
        run.load.set_flood(true);
        run.wait(4).await;
        run.load.set_flood(false);
        let met = run.load.take();
        assert!(
            met.admitted > 0 && met.refused.is_empty(),
            "a first token waits for the keys: {:?}",
            met.refused
        );
        Self { memory: memory(), ..run }
    }

    /// P7 (a): keys are published a refresh interval before they are used, one after the other. Without a flood only the
    /// refreshes in the background find them.
    pub(crate) async fn rotation_with_notice(&mut self) {
        self.rotate_with_notice().await;
        let met = self.load.take();
        self.note_load(&met);
        self.check_none_refused("P7a", "refused, keys published before use", &met);
    }

    /// P6, and P7 (a) again.
    pub(crate) async fn rotation_with_notice_under_flood(&mut self) {
        let began = Instant::now();
        self.load.set_flood(true);
        self.rotate_with_notice().await;
        self.load.set_flood(false);
        let met = self.load.take();
        let (asked, seconds) = (self.issuer.asked_since(began), began.elapsed().as_secs_f64());
        let cooldowns = seconds / self.cooldown.as_secs_f64();
        self.note_load(&met);
        let rate = met.junk as f64 / seconds;
        // A small or busy machine has not the power for all of them.
        self.report.check("", "random `kid`s a second, of 10 000", format!("{rate:.0}"), rate > 2_000.0);
        let per_cooldown = asked as f64 / cooldowns;
        self.report.check(
            "P6",
            "fetches per cooldown under flood",
            format!("{per_cooldown:.2}"),
            per_cooldown <= 1.05,
        );
        let gap = self.issuer.shortest_gap_since(began).unwrap_or_default();
        let gap = gap.as_secs_f64() / self.cooldown.as_secs_f64();
        self.report.check(
            "P6",
            "shortest time between two fetches, in cooldowns",
            format!("{gap:.2}"),
            gap > 1.0 - self.slack(),
        );
        self.report.check(
            "P6",
            "random `kid`s with another answer than 401",
            met.junk_unavailable + met.junk_other,
            met.junk_unavailable + met.junk_other == 0,
        );
        self.check_none_refused("P7a", "refused, keys published before use, under flood", &met);
    }

    async fn rotate_with_notice(&self) {
        for _ in 0..ROTATIONS {
            self.issuer.keys.publish_next();
            self.wait(9).await;
            self.issuer.keys.activate_next();
            self.wait(1).await;
            self.issuer.keys.retire();
        }
    }

    /// P7 (b).
    pub(crate) async fn hard_rotation_without_flood(&mut self) {
        for _ in 0..ROTATIONS {
            self.wait(2).await;
            self.issuer.keys.rotate();
            self.wait(1).await;
        }
        let met = self.load.take();
        self.note_load(&met);
        self.check_none_refused(
            "P7b",
            "refused, hard rotation later than a cooldown after the last fetch",
            &met,
        );
    }

    /// P7 (c).
    pub(crate) async fn hard_rotation_under_flood(&mut self) {
        let mut longest = Duration::ZERO;
        self.load.set_flood(true);
        for _ in 0..ROTATIONS {
            self.wait(2).await;
            self.load.take();
            let rotated = Instant::now();
            self.issuer.keys.rotate();
            self.wait(3).await;
            let last = self.load.take().refused.last().map(|(at, _)| *at - rotated);
            longest = longest.max(last.unwrap_or_default());
        }
        self.load.set_flood(false);
        let cooldowns = longest.as_secs_f64() / self.cooldown.as_secs_f64();
        self.report.check(
            "P7c",
            "last refusal after a hard rotation under flood, in cooldowns",
            format!("{cooldowns:.2}"),
            cooldowns <= 1.0 + self.slack(),
        );
    }

    pub(crate) async fn one_good_key_among_malformed_ones(&mut self) {
        self.issuer.set(Mode::AmongMalformed);
        self.wait(2).await;
        self.issuer.keys.rotate();
        self.wait(2).await;
        let met = self.load.take();
        self.issuer.set(Mode::Right);
        self.check_none_refused("", "refused, the new key among 30 malformed ones", &met);
    }

    /// P8: the faults take turns.
    pub(crate) async fn outage_within_the_stale_bound(&mut self) {
        // The keys are as fresh as can be, and so is the bound.
        self.wait(12).await;
        self.load.take();
        self.load.set_flood(true);
        let turns = Mode::FAULTS.len() as u32 * 2;
        for fault in Mode::FAULTS.into_iter().cycle().take(turns as usize) {
            let began = Instant::now();
            self.issuer.set(fault);
            sleep(self.cooldown * HALF_AN_HOUR / turns).await;
            let met = self.load.take();
            let what = format!("valid tokens refused, issuer {fault:?}");
            self.check_none_refused("P8", &what, &met);
            self.report.note(
                "  admitted, slowest in ms, fetches",
                format!("{} {} {}", met.admitted, met.slowest.as_millis(), self.issuer.asked_since(began)),
            );
        }
        self.load.set_flood(false);
    }

    pub(crate) async fn outage_beyond_the_stale_bound(&mut self) {
        self.issuer.set(Mode::Down);
        // The lifetime is ten cooldowns, and the outage has lasted for sixty.
        self.wait(STALE_BOUND + 12 - HALF_AN_HOUR).await;
        self.load.take();
        self.wait(2).await;
        let met = self.load.take();
        let unavailable = met.refused.iter().filter(|(_, status)| *status == 503).count();
        let only_503 = met.admitted == 0 && unavailable == met.refused.len() && unavailable > 0;
        self.report.check("", "answered 503 beyond the stale bound, and nothing else", unavailable, only_503);
        let back = Instant::now();
        self.issuer.set(Mode::Right);
        self.wait(4).await;
        let met = self.load.take();
        let last = met.refused.last().map(|(at, _)| *at - back).unwrap_or_default();
        let cooldowns = last.as_secs_f64() / self.cooldown.as_secs_f64();
        let recovered = met.admitted > 0 && cooldowns <= 2.0 + self.slack();
        // Its longest pause is two cooldowns.
        self.report.check(
            "",
            "last refusal after the issuer came back, in cooldowns",
            format!("{cooldowns:.2}"),
            recovered,
        );
    }

    pub(crate) async fn every_key_withdrawn(&mut self) {
        self.issuer.set(Mode::NoKeys);
        self.wait(12).await;
        self.load.take();
        self.wait(2).await;
        let met = self.load.take();
        let refused = met.refused.iter().filter(|(_, status)| *status == 401).count();
        let only_401 = met.admitted == 0 && refused == met.refused.len() && refused > 0;
        self.report.check(
            "",
            "answered 401 after an empty set withdrew the keys, and nothing else",
            refused,
            only_401,
        );
        let back = Instant::now();
        self.issuer.set(Mode::Right);
        self.wait(3).await;
        let met = self.load.take();
        let last = met.refused.last().map(|(at, _)| *at - back).unwrap_or_default();
        let cooldowns = last.as_secs_f64() / self.cooldown.as_secs_f64();
        self.report.check(
            "",
            "last refusal after the keys came back, in cooldowns",
            format!("{cooldowns:.2}"),
            met.admitted > 0 && cooldowns <= 1.0 + self.slack(),
        );
    }

    pub(crate) fn end(mut self) -> ExitCode {
        self.report.note("memory at start, in KiB", self.memory);
        let end = memory();
        let within = end < self.memory + MEMORY_MORE;
        self.report.check("", "memory at end, in KiB: less than 8 MiB more", end, within);
        for status in self.server.issuers().status() {
            self.report.note("state at end", format!("{:?}", status.keys.state));
            self.report.note("counters at end", format!("{:?}", status.keys.counters));
        }
        self.report.code()
    }

    async fn wait(&self, cooldowns: u32) {
        sleep(self.cooldown * cooldowns).await;
    }

    /// In cooldowns.
    fn slack(&self) -> f64 {
        SLACK.as_secs_f64() / self.cooldown.as_secs_f64()
    }

    fn note_load(&self, met: &Met) {
        self.report.note("valid tokens admitted", met.admitted);
        self.report.note("slowest answer to one, in ms", met.slowest.as_millis());
    }

    fn check_none_refused(&mut self, id: &str, what: &str, met: &Met) {
        let none = met.refused.is_empty() && met.admitted > 0;
        self.report.check(id, what, met.refused.len(), none);
        if let Some((_, status)) = met.refused.first() {
            self.report.note("  first status", status);
        }
    }
}

/// The defaults, scaled from a cooldown of 30 s to that of this run. A lifetime of ten cooldowns, so that keys published
/// ten cooldowns ahead are seen in time.
fn timing(cooldown: Duration) -> KeyTiming {
    let shortest = Duration::from_millis(250);
    let mut timing = KeyTiming::default();
    timing.cooldown = cooldown;
    timing.lifetime = cooldown * 10;
    timing.shortest_lifetime = cooldown * 2;
    timing.longest_lifetime = cooldown * 120;
    timing.first_backoff = (cooldown / 30).max(shortest);
    timing.longest_backoff = cooldown * 2;
    timing.stale_bound = cooldown * STALE_BOUND;
    timing.fetch_timeout = (cooldown / 6).max(shortest);
    timing
}

async fn serve(server: &ResourceServer) -> SocketAddr {
    let app = Router::new().route("/", get(|| async { "hello" })).layer(server.require(authenticated()));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    // Answers to requests that came together would wait for each other.
    let listener = listener.tap_io(|stream| stream.set_nodelay(true).unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await });
    address
}
