use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// An HTTP server on loopback that answers each path in octets of the test's choice, and counts what it was asked.
pub(crate) struct Origin {
    pub(crate) address: SocketAddr,
    state: Arc<Mutex<State>>,
    task: JoinHandle<()>,
}

#[derive(Default)]
struct State {
    requests: Vec<String>,
    answers: HashMap<String, Serve>,
}

/// What the server does after it has read a request.
#[derive(Clone, Debug)]
pub(crate) enum Serve {
    /// Writes this and closes.
    Octets(Vec<u8>),
    /// Writes this and then nothing, with the connection open.
    Stall(Vec<u8>),
    /// Writes the first at once, and the second one octet at a time with this pause in between.
    Drip(Vec<u8>, Vec<u8>, Duration),
    /// Writes the first once and the second again and again.
    Endless(Vec<u8>, Vec<u8>),
}

impl Serve {
    /// A whole answer; `lines` end in CRLF.
    pub(crate) fn answer(status: &str, lines: &str, body: impl AsRef<[u8]>) -> Self {
        Self::Octets(Self::octets(status, lines, body))
    }

    /// A 200 with a body of type `application/json`.
    pub(crate) fn json(body: impl AsRef<[u8]>) -> Self {
        Self::answer("200 OK", "", body)
    }

    pub(crate) fn octets(status: &str, lines: &str, body: impl AsRef<[u8]>) -> Vec<u8> {
        let body = body.as_ref();
        let length = body.len();
        let head = format!(
            "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nConnection: close\r\n{lines}Content-Length: {length}\r\n\r\n"
        );
        [head.as_bytes(), body].concat()
    }
}

impl Origin {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::<Mutex<State>>::default();
        let shared = Arc::clone(&state);
        let task = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                tokio::spawn(serve(stream, Arc::clone(&shared)));
            }
        });
        Self { address, state, task }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// From now on, requests for `path` are answered like this.
    pub(crate) fn on(&self, path: &str, answer: Serve) {
        self.state.lock().unwrap().answers.insert(path.to_owned(), answer);
    }

    /// How often `path` was asked for.
    pub(crate) fn count(&self, path: &str) -> usize {
        self.state.lock().unwrap().requests.iter().filter(|asked| *asked == path).count()
    }

    /// How often anything was asked for.
    pub(crate) fn total(&self) -> usize {
        self.state.lock().unwrap().requests.len()
    }
}

impl Drop for Origin {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(mut stream: TcpStream, state: Arc<Mutex<State>>) {
    let mut head = Vec::new();
    // What comes behind the head is the body of a POST, and not looked at.
    while !head.windows(4).any(|octets| octets == b"\r\n\r\n") {
        match stream.read_buf(&mut head).await {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
    }
    let path = String::from_utf8(head).unwrap().split(' ').nth(1).unwrap().to_owned();
    let answer = {
        let mut state = state.lock().unwrap();
        state.requests.push(path.clone());
        state.answers.get(&path).cloned().unwrap_or_else(|| Serve::answer("404 Not Found", "", ""))
    };
    // A client that had enough hangs up; that is its right.
    let _ = write(&mut stream, answer).await;
}

async fn write(stream: &mut TcpStream, answer: Serve) -> std::io::Result<()> {
    match answer {
        Serve::Octets(octets) => {
            stream.write_all(&octets).await?;
            stream.shutdown().await?;
        }
        Serve::Stall(octets) => {
            stream.write_all(&octets).await?;
            // Until the client hangs up.
            stream.read_u8().await?;
        }
        Serve::Drip(first, rest, pause) => {
            stream.write_all(&first).await?;
            for octet in rest {
                tokio::time::sleep(pause).await;
                stream.write_all(&[octet]).await?;
            }
        }
        Serve::Endless(first, again) => {
            stream.write_all(&first).await?;
            loop {
                stream.write_all(&again).await?;
            }
        }
    }
    Ok(())
}
