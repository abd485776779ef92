use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// No answer takes this long, whatever the issuer does.
const PATIENCE: Duration = Duration::from_secs(20);

/// One connection to the API, kept open.
pub(crate) struct Connection {
    stream: TcpStream,
    read: Vec<u8>,
}

impl Connection {
    pub(crate) async fn open(api: SocketAddr) -> Self {
        let stream = TcpStream::connect(api).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream, read: Vec::new() }
    }

    /// Sends a request with each of the tokens at once, and returns the statuses of their answers.
    pub(crate) async fn send(&mut self, tokens: &[String]) -> Vec<u16> {
        let requests: String = tokens
            .iter()
            .map(|token| format!("GET / HTTP/1.1\r\nHost: api\r\nAuthorization: Bearer {token}\r\n\r\n"))
            .collect();
        self.stream.write_all(requests.as_bytes()).await.unwrap();
        let mut statuses = Vec::new();
        while statuses.len() < tokens.len() {
            if let Some(status) = self.take_answer() {
                statuses.push(status);
                continue;
            }
            let read = tokio::time::timeout(PATIENCE, self.stream.read_buf(&mut self.read)).await;
            assert!(read.expect("the API answers").unwrap() > 0, "the API keeps the connection");
        }
        statuses
    }

    /// The first whole answer among what was read.
    fn take_answer(&mut self) -> Option<u16> {
        let head_ends = self.read.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
        let head = std::str::from_utf8(&self.read[..head_ends]).unwrap().to_ascii_lowercase();
        let length = head.split_once("content-length: ").unwrap().1.split("\r\n").next().unwrap();
        let whole = head_ends + length.parse::<usize>().unwrap();
        if self.read.len() < whole {
            return None;
        }
        let status = head[9..12].parse().unwrap();
        self.read.drain(..whole);
        Some(status)
    }
}
