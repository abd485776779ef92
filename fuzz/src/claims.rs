//! A claims set: [`Claims::from_json`] and everything that can be asked of it.

use std::time::Duration;

use portcullis::{Claims, NumericDate, ValidatedToken};

use super::json::Json;

/// The whole input is the text.
pub fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let naive = Json::strict(text).filter(are_claims);
    let claims = match (Claims::from_json(text), &naive) {
        (Ok(claims), Some(_)) => claims,
        (Err(error), None) => return assert!(!error.to_string().is_empty()),
        (Ok(_), None) => panic!("taken, and should not be"),
        (Err(error), Some(_)) => panic!("refused, and should not be: {error}"),
    };
    let naive = naive.unwrap();
    let string = |name| naive.claim(name).and_then(Json::text);
    assert_eq!(claims.issuer(), string("iss"));
    assert_eq!(claims.subject(), string("sub"));
    assert_eq!(claims.client_id(), string("client_id"));
    assert_eq!(claims.token_id(), string("jti"));
    let audience = naive.claim("aud").and_then(Json::texts).unwrap_or_default();
    assert_eq!(claims.audience().collect::<Vec<_>>(), audience);
    let dates = [("exp", claims.expires_at()), ("nbf", claims.not_before()), ("iat", claims.issued_at())];
    for (name, date) in dates {
        assert!(date.is_none_or(|date| date.to_system_time().is_some()));
        let date = date.map(NumericDate::since_epoch);
        let seconds = naive.claim(name).and_then(Json::number).map(Duration::from_secs_f64);
        assert_eq!(date.is_some(), seconds.is_some());
        // `serde_json` does not always find the nearest number to a long fraction.
        let apart = date.unwrap_or_default().abs_diff(seconds.unwrap_or_default());
        assert!(apart < Duration::from_millis(1), "{date:?} / {seconds:?}");
    }
    let scopes: Vec<_> = string("scope").unwrap_or("").split(' ').filter(|scope| !scope.is_empty()).collect();
    assert_eq!(claims.scopes().iter().collect::<Vec<_>>(), scopes);
    for scope in scopes.iter().copied().chain(["", " ", "admin"]) {
        assert_eq!(claims.scopes().contains(scope), scopes.contains(&scope));
    }
    let own: serde_json::Value = serde_json::from_str(text).unwrap();
    assert_eq!(claims.deserialize::<serde_json::Value>().unwrap(), own);
    assert_eq!(format!("{claims:?}"), "Claims { .. }");

    let token = ValidatedToken::assertion(claims);
    assert_eq!(token.identity().is_some(), string("iss").is_some() && string("sub").is_some());
    let names = |role: &Json| role.text().or_else(|| role.get("value")?.text()).map(str::to_owned);
    let roles: Vec<_> =
        naive.claim("roles").and_then(Json::elements).unwrap_or_default().iter().filter_map(names).collect();
    for role in roles.iter().map(String::as_str).chain(["", "admin", "value"]) {
        assert_eq!(token.has_role(role), roles.iter().any(|own| own == role), "{role:?}");
    }
}

/// An object whose registered claims have the types that their RFCs give them.
pub(super) fn are_claims(json: &Json) -> bool {
    let all = |names: &[&str], fits: &dyn Fn(&Json) -> bool| {
        names.iter().all(|name| json.claim(name).is_none_or(fits))
    };
    // 253402300800 is 10000-01-01T00:00:00Z.
    let is_date = |date: &Json| date.number().is_some_and(|date| (0.0..253_402_300_800.0).contains(&date));
    json.is_object()
        && all(&["iss", "sub", "jti", "client_id", "scope"], &|text| text.text().is_some())
        && all(&["aud"], &|audience| audience.texts().is_some())
        && all(&["exp", "nbf", "iat"], &is_date)
}
