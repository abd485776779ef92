//! The layer around plain Hyper services: both protocol versions, real connections, a proxy.

use std::convert::Infallible;
use std::net::SocketAddr;

use bytes::Bytes;
use http::{Request, Response, Uri, header};
use http_body_util::{BodyExt as _, Either, Empty, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use portcullis::{Rejection, ResourceServer, authenticated};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tower::{Service, service_fn};

use crate::support::{Example, Toy};

#[tokio::test]
async fn the_hyper_example_answers_its_own_curl_commands_as_it_says() {
    let example = Example::start("hyper");
    let mut answers = Vec::new();
    for printed in example.commands() {
        let answer = printed.curl().await;
        assert_eq!(answer.status().as_str(), printed.promise, "{}", printed.command);
        answers.push(answer);
    }
    let [admitted, http2, without, expired, denied] = <[_; 5]>::try_from(answers).unwrap();
    for (answer, version) in [(admitted, http::Version::HTTP_11), (http2, http::Version::HTTP_2)] {
        assert_eq!((answer.version(), answer.body().as_str()), (version, "orders of alice\n"));
        assert!(!answer.headers().contains_key(header::WWW_AUTHENTICATE));
    }
    assert_eq!(without.headers()[header::WWW_AUTHENTICATE], "Bearer realm=\"api\"");
    let challenge =
        |answer: &Response<String>| answer.headers()[header::WWW_AUTHENTICATE].to_str().unwrap().to_owned();
    assert!(challenge(&expired).contains("error=\"invalid_token\""));
    assert!(challenge(&denied).ends_with("scope=\"orders:read\""));
    for refused in [without, expired, denied] {
        assert_eq!(refused.body(), "");
        assert_eq!(refused.headers()[header::CACHE_CONTROL], "no-store");
    }
}

/// Serves connections to a free port for as long as the runtime lives.
async fn serve<S, B>(service: S) -> SocketAddr
where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
    B: hyper::body::Body<Data = Bytes, Error: Into<portcullis::BoxError>> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let service = TowerToHyperService::new(service.clone());
            let server = auto::Builder::new(TokioExecutor::new());
            tokio::spawn(async move { server.serve_connection(TokioIo::new(stream), service).await.ok() });
        }
    });
    address
}

/// Sends a request to where it says.
async fn send(request: Request<Empty<Bytes>>) -> Response<Incoming> {
    let address = request.uri().authority().unwrap().to_string();
    let stream = TcpStream::connect(address).await.unwrap();
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    sender.send_request(request).await.unwrap()
}

async fn text(response: Response<Incoming>) -> String {
    String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap()
}

#[tokio::test]
async fn a_refused_upload_is_answered_before_its_body_is_sent() {
    let auth = ResourceServer::from_validator(Toy::default());
    let length = service_fn(async |request: Request<Incoming>| {
        let body = request.into_body().collect().await.unwrap().to_bytes();
        Ok(Response::new(Full::new(Bytes::from(format!("{} bytes", body.len())))))
    });
    let address = serve(auth.require(authenticated()).layer(length)).await;
    let first_line = async |stream: &mut TcpStream| {
        let mut line = Vec::new();
        while !line.ends_with(b"\r\n") {
            line.push(stream.read_u8().await.unwrap());
        }
        String::from_utf8(line).unwrap()
    };
    let upload = async |token: &str| {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let head = format!(
            "POST / HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {token}\r\n\
             content-length: 5\r\nexpect: 100-continue\r\nconnection: close\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        let line = first_line(&mut stream).await;
        (stream, line)
    };
    let (mut stream, line) = upload("good").await;
    assert_eq!(line, "HTTP/1.1 100 Continue\r\n");
    stream.write_all(b"hello").await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.contains("HTTP/1.1 200 OK") && answer.ends_with("5 bytes"), "{answer}");

    let (mut stream, line) = upload("bad").await;
    assert_eq!(line, "HTTP/1.1 401 Unauthorized\r\n");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.contains("www-authenticate: Bearer realm=\"api\", error=\"invalid_token\""), "{answer}");
}

#[tokio::test]
async fn a_proxy_hands_on_bodies_that_nobody_can_make() {
    let upstream = serve(service_fn(async |request: Request<Incoming>| {
        Ok(Response::new(Full::new(Bytes::from(format!("{} upstream", request.uri().path())))))
    }))
    .await;
    // The body of a response from afar, or none: `Incoming` has no default, and cannot be made.
    let proxy = service_fn(move |request: Request<Incoming>| async move {
        let uri: Uri = format!("http://{upstream}{}", request.uri().path()).parse().unwrap();
        let response = send(Request::get(uri).body(Empty::new()).unwrap()).await;
        Ok::<_, Infallible>(response.map(Either::Left))
    });
    let auth = ResourceServer::from_validator(Toy::default())
        .respond_with(|_: &Rejection, head| head.map(|()| Either::Right(Empty::<Bytes>::new())));
    let address = serve(auth.require(authenticated()).layer(proxy)).await;
    let get = async |token: &str| {
        let request = Request::get(format!("http://{address}/orders"));
        let request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        send(request.body(Empty::new()).unwrap()).await
    };
    let admitted = get("good").await;
    assert_eq!((admitted.status().as_u16(), text(admitted).await), (200, "/orders upstream".to_owned()));
    let refused = get("bad").await;
    let challenge = refused.headers()[header::WWW_AUTHENTICATE].to_str().unwrap();
    assert!(challenge.contains("error=\"invalid_token\""), "{challenge}");
    assert_eq!((refused.status().as_u16(), text(refused).await), (401, String::new()));
}
