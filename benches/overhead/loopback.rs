//! An introspection endpoint that costs next to nothing: it reads a request and writes the same answer, whatever was asked.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;

/// Answers with this JSON on a port of loopback, for as long as the process lives.
pub(crate) fn endpoint(json: &str) -> SocketAddr {
    let answer = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{json}",
        json.len()
    );
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let answer = answer.clone();
            thread::spawn(move || serve(stream.unwrap(), answer.as_bytes()));
        }
    });
    address
}

/// Serves one connection until the client closes it.
fn serve(mut stream: TcpStream, answer: &[u8]) {
    stream.set_nodelay(true).unwrap();
    let (mut request, mut part) = (Vec::new(), [0; 4096]);
    while let Ok(read @ 1..) = stream.read(&mut part) {
        request.extend_from_slice(&part[..read]);
        if is_whole(&request) {
            request.clear();
            stream.write_all(answer).unwrap();
        }
    }
}

/// Whether the header section is there, and as much behind it as it says.
fn is_whole(request: &[u8]) -> bool {
    let text = std::str::from_utf8(request).unwrap().to_ascii_lowercase();
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
    body.len() >= length.parse().unwrap()
}
