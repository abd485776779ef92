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
        loop {
            let mut taken = 0;
            while let Some((status, length)) = answer(&self.read[taken..]) {
                statuses.push(status);
                taken += length;
            }
            self.read.drain(..taken);
            if statuses.len() == tokens.len() {
                return statuses;
            }
            let read = tokio::time::timeout(PATIENCE, self.stream.read_buf(&mut self.read)).await;
            assert!(read.expect("the API answers").unwrap() > 0, "the API keeps the connection");
        }
    }
}

/// The status of the answer that these octets begin with, and its length; once it is whole.
fn answer(octets: &[u8]) -> Option<(u16, usize)> {
    const LENGTH: &[u8] = b"content-length: ";
    let head_ends = find(octets, b"\r\n\r\n")? + 4;
    let after = &octets[find(&octets[..head_ends], LENGTH).unwrap() + LENGTH.len()..];
    let digits = std::str::from_utf8(&after[..find(after, b"\r\n").unwrap()]).unwrap();
    let whole = head_ends + digits.parse::<usize>().unwrap();
    let status = std::str::from_utf8(&octets[9..12]).unwrap().parse().unwrap();
    (octets.len() >= whole).then_some((status, whole))
}

fn find(octets: &[u8], wanted: &[u8]) -> Option<usize> {
    octets.windows(wanted.len()).position(|window| window == wanted)
}
