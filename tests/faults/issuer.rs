use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use portcullis::testing::Issuer;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

pub(crate) const AUDIENCE: &str = "https://api.example.com";
const METADATA: &str = "/.well-known/openid-configuration";
const JWKS: &str = "/jwks";

/// How the issuer answers for the time being.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Mode {
    Right,
    /// The port is closed.
    Down,
    HangsInTheBody,
    Status500,
    Html,
    Truncated,
    TenMegabytes,
    Redirects,
    /// Says that there is no key any more.
    NoKeys,
    /// The right keys, among thirty that are none.
    AmongMalformed,
}

impl Mode {
    /// Every way to be out of order.
    pub(crate) const FAULTS: [Self; 7] = [
        Self::Down,
        Self::HangsInTheBody,
        Self::Status500,
        Self::Html,
        Self::Truncated,
        Self::TenMegabytes,
        Self::Redirects,
    ];
}

/// An issuer behind a real socket, with the faults of real life. Clones are the same issuer.
#[derive(Clone)]
pub(crate) struct FaultyIssuer {
    /// Its keys; they also sign.
    pub(crate) keys: Issuer,
    mode: watch::Sender<Mode>,
    /// When its keys were asked for, and when anything was.
    asked: Arc<Mutex<Vec<(Instant, String)>>>,
}

impl FaultyIssuer {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let keys = Issuer::offline(&format!("http://{address}"));
        let issuer = Self { keys, mode: watch::Sender::new(Mode::Right), asked: Arc::default() };
        tokio::spawn(issuer.clone().listen(listener, address));
        issuer
    }

    pub(crate) fn set(&self, mode: Mode) {
        self.mode.send_replace(mode);
    }

    /// How often its keys were asked for since then, or its metadata in vain.
    pub(crate) fn asked_since(&self, since: Instant) -> usize {
        self.times_since(since).len()
    }

    /// The shortest time between two such requests.
    pub(crate) fn shortest_gap_since(&self, since: Instant) -> Option<Duration> {
        self.times_since(since).windows(2).map(|two| two[1] - two[0]).min()
    }

    fn times_since(&self, since: Instant) -> Vec<Instant> {
        let asked = self.asked.lock().unwrap();
        let of = |path: &str| {
            let asked = asked.iter().filter(|(at, asked)| *at >= since && asked == path);
            asked.map(|(at, _)| *at).collect::<Vec<_>>()
        };
        let fetches = of(JWKS);
        if fetches.is_empty() { of(METADATA) } else { fetches }
    }

    async fn listen(self, listener: TcpListener, address: SocketAddr) {
        let mut mode = self.mode.subscribe();
        let mut listener = Some(listener);
        loop {
            if *mode.borrow_and_update() == Mode::Down {
                // Closes the port: from here on connections are refused.
                drop(listener.take());
                mode.changed().await.unwrap();
                continue;
            }
            if listener.is_none() {
                listener = Some(TcpListener::bind(address).await.unwrap());
            }
            tokio::select! {
                Ok((stream, _)) = listener.as_ref().unwrap().accept() => {
                    tokio::spawn(self.clone().serve(stream));
                }
                changed = mode.changed() => changed.unwrap(),
            }
        }
    }

    async fn serve(self, mut stream: TcpStream) {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            match stream.read_buf(&mut head).await {
                Ok(0) | Err(_) => return,
                Ok(_) => {}
            }
        }
        let head = String::from_utf8(head).unwrap();
        let path = head.split(' ').nth(1).unwrap();
        self.asked.lock().unwrap().push((Instant::now(), path.to_owned()));
        // A client that had enough hangs up.
        let _ = self.answer(&mut stream, path).await;
    }

    async fn answer(&self, stream: &mut TcpStream, path: &str) -> std::io::Result<()> {
        let mode = *self.mode.borrow();
        let document = match path {
            METADATA => self.keys.metadata_json(),
            JWKS => keys(self.keys.jwks_json(), mode),
            _ => return write(stream, "404 Not Found", "", "application/json", "").await,
        };
        let (json, document) = ("application/json", document.to_string());
        match mode {
            Mode::Right | Mode::NoKeys | Mode::AmongMalformed => {
                write(stream, "200 OK", "", json, &document).await
            }
            Mode::Status500 => write(stream, "500 Internal Server Error", "", json, "{}").await,
            Mode::Html => write(stream, "200 OK", "", "text/html", "<html>Sorry</html>").await,
            Mode::Truncated => write(stream, "200 OK", "", json, &document[..document.len() / 2]).await,
            Mode::TenMegabytes => {
                let head = format!(
                    "HTTP/1.1 200 OK\r\nContent-Type: {json}\r\nContent-Length: {}\r\n\r\n",
                    10 << 20
                );
                stream.write_all((head + &document).as_bytes()).await?;
                // Spaces, up to that length. Not from one string: the memory of this process is looked at.
                for _ in 0..160 {
                    stream.write_all(&[b' '; 64 << 10]).await?;
                }
                Ok(())
            }
            Mode::Redirects => {
                write(stream, "302 Found", "Location: http://127.0.0.1:1/jwks\r\n", json, "").await
            }
            Mode::HangsInTheBody => {
                let head = format!(
                    "HTTP/1.1 200 OK\r\nContent-Type: {json}\r\nContent-Length: {}\r\n\r\n",
                    document.len()
                );
                stream.write_all((head + &document[..10]).as_bytes()).await?;
                // Until the client hangs up.
                stream.read_u8().await.map(drop)
            }
            Mode::Down => Ok(()),
        }
    }
}

/// The key set, as the mode has it.
fn keys(mut set: Value, mode: Mode) -> Value {
    match mode {
        Mode::NoKeys => set["keys"] = json!([]),
        Mode::AmongMalformed => {
            let keys = set["keys"].as_array_mut().unwrap();
            for number in 0..30 {
                let key = match number % 5 {
                    0 => json!(number),
                    1 => json!({ "kty": "RSA", "kid": number }),
                    2 => json!({ "kty": "EC", "crv": "P-256", "x": "AA", "y": "AA" }),
                    3 => json!({ "kty": "AKP", "kid": "next", "alg": "ML-DSA-87" }),
                    _ => json!({ "kty": "oct", "k": "c2VjcmV0" }),
                };
                keys.insert(0, key);
            }
        }
        _ => {}
    }
    set
}

async fn write(
    stream: &mut TcpStream,
    status: &str,
    lines: &str,
    media_type: &str,
    body: &str,
) -> std::io::Result<()> {
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {media_type}\r\n{lines}Connection: close\r\nContent-Length: {length}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(body.as_bytes()).await?;
    stream.shutdown().await
}
