//! The quickstart, run as the README says: what it prints is taken at its word.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

/// Ends with the test, whatever happens.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The example that `cargo test` has built beside this test.
fn quickstart() -> Command {
    let test = std::env::current_exe().unwrap();
    let example = test.parent().unwrap().parent().unwrap().join("examples/quickstart");
    assert!(example.exists(), "{} is missing: `cargo test` builds the examples", example.display());
    Command::new(example)
}

/// Does what `curl -i URL [-H FIELD]` does; returns the head of the answer and its body.
fn curl(command: &str) -> (String, String) {
    let words: Vec<_> = command.split(' ').collect();
    let (host, path) = words[2].strip_prefix("http://").unwrap().split_once('/').unwrap();
    let field = command.split_once("-H '").map_or("", |(_, rest)| rest.strip_suffix('\'').unwrap());
    let field = if field.is_empty() { String::new() } else { format!("{field}\r\n") };
    let mut stream = TcpStream::connect(host).unwrap();
    write!(stream, "GET /{path} HTTP/1.1\r\nhost: {host}\r\n{field}connection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.to_owned(), body.to_owned())
}

#[test]
fn the_quickstart_answers_its_own_curl_commands_as_it_says() {
    let mut child = Running(quickstart().stdout(Stdio::piped()).spawn().unwrap());
    let lines = BufReader::new(child.0.stdout.take().unwrap()).lines().map(Result::unwrap);
    let printed: Vec<String> = lines.take_while(|line| !line.starts_with("# Tokens")).collect();
    let mut tried = Vec::new();
    let mut promised = "";
    for line in &printed {
        if let Some(comment) = line.strip_prefix("# ") {
            promised = &comment[..3];
        } else if line.starts_with("curl ") {
            let (head, body) = curl(line);
            assert_eq!(&head[9..12], promised, "{line}\n{head}");
            let challenge = head.lines().find_map(|field| field.strip_prefix("www-authenticate: "));
            tried.push((promised, challenge.map(str::to_owned), body));
        }
    }
    let [admitted, without, expired, denied] = <[_; 4]>::try_from(tried).unwrap();
    assert_eq!(admitted, ("200", None, "orders of alice\n".to_owned()));
    assert_eq!(without, ("401", Some("Bearer realm=\"api\"".to_owned()), String::new()));
    assert!(expired.1.unwrap().contains("error=\"invalid_token\""));
    assert!(denied.1.unwrap().ends_with("scope=\"orders:read\""));
}
