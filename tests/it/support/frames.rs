use bytes::{Buf as _, Bytes, BytesMut};
use http::Request;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::wire::{PATIENCE, Server, WireAnswer};

/// Types and flags of frames (RFC 9113 §6).
pub(crate) const DATA: u8 = 0x0;
pub(crate) const HEADERS: u8 = 0x1;
pub(crate) const RST_STREAM: u8 = 0x3;
const SETTINGS: u8 = 0x4;
const GOAWAY: u8 = 0x7;
pub(crate) const CONTINUATION: u8 = 0x9;
pub(crate) const END_STREAM: u8 = 0x1;
pub(crate) const END_HEADERS: u8 = 0x4;
const ACK: u8 = 0x1;

/// A well-behaved HTTP/2 client with prior knowledge (RFC 9113 §3.3).
pub(crate) struct Http2(h2::client::SendRequest<Bytes>);

impl Http2 {
    pub(crate) async fn connect(server: &Server) -> Self {
        let stream = TcpStream::connect(server.address).await.unwrap();
        let (client, connection) = h2::client::handshake(stream).await.unwrap();
        tokio::spawn(connection);
        Self(client)
    }

    pub(crate) async fn ask(&self, request: Request<()>) -> WireAnswer {
        self.try_ask(request).await.unwrap()
    }

    /// An error if the server ends the stream or the connection instead.
    pub(crate) async fn try_ask(&self, request: Request<()>) -> Result<WireAnswer, h2::Error> {
        let mut client = self.0.clone().ready().await?;
        let (answer, _) = client.send_request(request, true)?;
        let answer = tokio::time::timeout(PATIENCE, answer).await.expect("an answer in time")?;
        let (parts, mut stream) = answer.into_parts();
        let mut body = Vec::new();
        while let Some(data) = stream.data().await {
            let data = data.unwrap();
            stream.flow_control().release_capacity(data.len()).unwrap();
            body.extend_from_slice(&data);
        }
        let field = |(name, value): (&http::HeaderName, &http::HeaderValue)| {
            (name.to_string(), value.to_str().unwrap().to_owned())
        };
        let fields = parts.headers.iter().map(field).collect();
        Ok(WireAnswer { status: parts.status.as_u16(), fields, body })
    }
}

/// An HTTP/2 client that writes frames as it is told.
pub(crate) struct Frames {
    stream: TcpStream,
    buffer: BytesMut,
}

/// How a stream, or the whole connection, ended.
#[derive(Debug, Eq, PartialEq)]
pub(crate) enum Outcome {
    /// An answer with this status.
    Status(u16),
    /// RST_STREAM with this code.
    Reset(u32),
    /// GOAWAY with this code.
    GoAway(u32),
    Closed,
}

impl Frames {
    pub(crate) async fn connect(server: &Server) -> Self {
        let stream = TcpStream::connect(server.address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let mut this = Self { stream, buffer: BytesMut::new() };
        this.write(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await;
        // SETTINGS_HEADER_TABLE_SIZE is 0: every answer says its status without a table of earlier ones.
        this.frame(SETTINGS, 0, 0, &[0, 1, 0, 0, 0, 0]).await;
        this
    }

    async fn write(&mut self, octets: &[u8]) {
        // The server may have gone away: what it said before is still to be read.
        let _ = self.stream.write_all(octets).await;
    }

    pub(crate) async fn frame(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
        let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
        let head = [&length[1..], &[kind, flags], &stream.to_be_bytes()].concat();
        self.write(&[&head, payload].concat()).await;
    }

    /// A whole request without a body.
    pub(crate) async fn request(&mut self, stream: u32, fields: &[(&[u8], &[u8])]) {
        self.frame(HEADERS, END_STREAM | END_HEADERS, stream, &block(fields)).await;
    }

    /// Reads until this stream, or the connection, has an outcome.
    pub(crate) async fn outcome(&mut self, stream: u32) -> Outcome {
        tokio::time::timeout(PATIENCE, self.read(stream)).await.expect("an outcome in time")
    }

    async fn read(&mut self, stream: u32) -> Outcome {
        loop {
            let length = match &*self.buffer {
                [a, b, c, _, _, _, _, _, _, ..] => {
                    usize::try_from(u32::from_be_bytes([0, *a, *b, *c])).unwrap()
                }
                _ => usize::MAX,
            };
            if length == usize::MAX || self.buffer.len() < 9 + length {
                let read = self.stream.read_buf(&mut self.buffer).await;
                if read.map_or(true, |count| count == 0) {
                    return Outcome::Closed;
                }
                continue;
            }
            let mut frame = self.buffer.split_to(9 + length);
            let (kind, flags) = (frame[3], frame[4]);
            let of = u32::from_be_bytes(frame[5..9].try_into().unwrap());
            frame.advance(9);
            match kind {
                SETTINGS if flags & ACK == 0 => self.frame(SETTINGS, ACK, 0, b"").await,
                GOAWAY => return Outcome::GoAway(frame[4..].to_vec().as_slice().get_u32()),
                RST_STREAM if of == stream => return Outcome::Reset(frame.get_u32()),
                HEADERS if of == stream => return Outcome::Status(status(&frame)),
                _ => {}
            }
        }
    }
}

/// A header block (RFC 7541 §6.2.2): every field a literal, without indexing and without Huffman coding.
pub(crate) fn block(fields: &[(&[u8], &[u8])]) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in fields {
        block.push(0);
        for text in [name, value] {
            integer(text.len(), &mut block);
            block.extend_from_slice(text);
        }
    }
    block
}

/// RFC 7541 §5.1, with a prefix of seven bits.
fn integer(mut number: usize, block: &mut Vec<u8>) {
    if number < 0x7F {
        block.push(u8::try_from(number).unwrap());
        return;
    }
    block.push(0x7F);
    number -= 0x7F;
    while number >= 0x80 {
        block.push(u8::try_from(number % 0x80).unwrap() | 0x80);
        number /= 0x80;
    }
    block.push(u8::try_from(number).unwrap());
}

/// `:status`, which comes first: from the static table, or a literal of three digits.
fn status(block: &[u8]) -> u16 {
    // RFC 7541 §5.2, §6.3: a server may begin with a change of its table's size.
    let start = block.iter().position(|octet| octet >> 5 != 1).unwrap();
    let (first, literal) = (block[start], &block[start + 1..]);
    if first & 0x80 != 0 {
        // RFC 7541 appendix A.
        return [200, 204, 206, 304, 400, 404, 500][usize::from(first & 0x7F) - 8];
    }
    let digits: String = if literal[0] & 0x80 == 0 {
        literal[1..4].iter().map(|digit| char::from(*digit)).collect()
    } else {
        huffman_digits(&literal[1..=usize::from(literal[0] & 0x7F)])
    };
    digits.parse().unwrap()
}

/// RFC 7541 appendix B, as far as it is about digits: five bits for 0 to 2, six for 3 to 9.
fn huffman_digits(octets: &[u8]) -> String {
    let bits: String = octets.iter().map(|octet| format!("{octet:08b}")).collect();
    let (mut rest, mut digits) = (bits.as_str(), String::new());
    while digits.len() < 3 {
        let length = if rest.starts_with("00") { 5 } else { 6 };
        let code = u8::from_str_radix(&rest[..length], 2).unwrap();
        let digit = if length == 5 { code } else { code - 0b01_1001 + 3 };
        digits.push(char::from(b'0' + digit));
        rest = &rest[length..];
    }
    digits
}
