//! The example with opaque tokens, run as the README says: what it prints is taken at its word.

use http::header;

use crate::support::Example;

#[tokio::test]
async fn the_example_with_opaque_tokens_answers_its_own_curl_commands_as_it_says() {
    // covers: INT-001
    let example = Example::start("introspection");
    let mut tried = Vec::new();
    for printed in example.commands() {
        let answer = printed.curl().await;
        assert_eq!(answer.status().as_str(), printed.promise, "{}", printed.command);
        let headers = answer.headers();
        let has_error = headers.get(header::WWW_AUTHENTICATE).map(|value| value.to_str().unwrap());
        let has_error = has_error.is_some_and(|value| value.contains("error=\"invalid_token\""));
        tried.push((has_error, headers.contains_key(header::RETRY_AFTER), answer.into_body()));
    }
    let [opaque, jwt, revoked, junk, down, jwt_of_partners, page] = <[_; 7]>::try_from(tried).unwrap();
    assert!(opaque.2.starts_with("alice of http://127.0.0.1:") && opaque == jwt);
    assert_eq!((revoked.0, revoked.1, junk.0, junk.1), (true, false, true, false));
    assert_eq!((down.0, down.1), (false, true));
    assert!(jwt_of_partners.2.starts_with("alice of ") && jwt_of_partners.2 != jwt.2);
    assert!(page.2.contains(": 1 active, 2 refused, 0 failed, 0 from memory\n"), "{}", page.2);
    assert!(page.2.contains(": 0 active, 0 refused, 1 failed, 0 from memory\n"), "{}", page.2);
}
