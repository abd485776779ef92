//! The quickstart, run as the README says: what it prints is taken at its word.

use http::header;

use crate::support::Example;

#[tokio::test]
async fn the_quickstart_answers_its_own_curl_commands_as_it_says() {
    let quickstart = Example::start("quickstart");
    let mut tried = Vec::new();
    for printed in quickstart.commands() {
        let answer = printed.curl().await;
        assert_eq!(answer.status().as_str(), printed.promise, "{}", printed.command);
        let challenge = answer.headers().get(header::WWW_AUTHENTICATE);
        let challenge = challenge.map(|value| value.to_str().unwrap().to_owned());
        tried.push((answer.status().as_u16(), challenge, answer.into_body()));
    }
    let [admitted, without, expired, denied] = <[_; 4]>::try_from(tried).unwrap();
    assert_eq!(admitted, (200, None, "orders of alice\n".to_owned()));
    assert_eq!(without, (401, Some("Bearer realm=\"api\"".to_owned()), String::new()));
    assert!(expired.1.unwrap().contains("error=\"invalid_token\""));
    assert!(denied.1.unwrap().ends_with("scope=\"orders:read\""));
}
