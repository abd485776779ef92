//! As much of an HTTP/1.1 client as this test needs: one request per connection, bodies of a stated length.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use http::{Request, Response, header};

/// Nothing here takes long: both ends are on this machine.
const TIMEOUT: Duration = Duration::from_secs(20);

/// Sends a request to the absolute `http` URL it has.
pub(crate) fn send(request: &Request<String>) -> Response<String> {
    let uri = request.uri();
    let host = uri.authority().unwrap().as_str();
    let mut stream = TcpStream::connect(host).unwrap_or_else(|error| panic!("connecting to {host}: {error}"));
    stream.set_read_timeout(Some(TIMEOUT)).unwrap();

    let (method, target, body) = (request.method(), uri.path_and_query().unwrap(), request.body());
    let mut text = format!("{method} {target} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n");
    text += &format!("content-length: {}\r\n", body.len());
    for (name, value) in request.headers() {
        text += &format!("{name}: {}\r\n", value.to_str().unwrap());
    }
    text += &format!("\r\n{body}");
    stream.write_all(text.as_bytes()).unwrap();

    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    parse(&answer)
}

fn parse(answer: &str) -> Response<String> {
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let mut lines = head.lines();
    let status = lines.next().unwrap().split(' ').nth(1).unwrap();
    let mut response = Response::builder().status(status);
    for line in lines {
        let (name, value) = line.split_once(':').unwrap();
        response = response.header(name, value.trim());
    }
    let response = response.body(body.to_owned()).unwrap();
    assert!(!response.headers().contains_key(header::TRANSFER_ENCODING), "chunks are not understood here");
    response
}
