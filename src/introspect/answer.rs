use crate::claims::{Claims, ClaimsError};
use crate::json::{Document, JsonError, Value};
use crate::token::{ClaimMapping, ValidatedToken};

/// What an endpoint says of a token.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    /// It is active. Whether it is good here, and now, is for the rules of its issuer to say.
    Active(ValidatedToken),
    Refused(Refusal),
}

/// Why a token is none, whatever the rules are.
#[derive(Clone, Debug)]
pub(crate) enum Refusal {
    /// `active` is not the literal `true`. Nothing else of the answer was looked at.
    Inactive,
    /// The endpoint does not introspect tokens of this kind.
    NotTaken,
    /// It is active, and a member has the wrong type.
    IllTyped(ClaimsError),
}

impl Answer {
    /// Reads the object that answers. `Err` if the text is no JSON object: then nothing was said about the token.
    pub(super) fn read(text: String, mapping: &ClaimMapping) -> Result<Self, NoAnswer> {
        let document = Document::parse(text).map_err(NoAnswer::Json)?;
        let members = document.root().as_object().ok_or(NoAnswer::NotAnObject)?;
        // RFC 7662 §2.2: a boolean. Whatever else somebody might read as "yes" is none.
        if !members.get("active").is_some_and(Value::is_true) {
            return Ok(Self::Refused(Refusal::Inactive));
        }
        Ok(match Claims::of_document(document) {
            Ok(claims) => Self::Active(ValidatedToken::new(claims, mapping)),
            Err(error) => Self::Refused(Refusal::IllTyped(error)),
        })
    }
}

/// Why a text does not answer.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum NoAnswer {
    #[error(transparent)]
    Json(JsonError),
    #[error("not an object")]
    NotAnObject,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::token::{RolesAs, TokenLayout};

    fn read(text: &str) -> Result<Answer, NoAnswer> {
        let mapping = ClaimMapping {
            layout: &TokenLayout::GENERIC,
            scopes_at: None,
            roles_at: None,
            roles_as: RolesAs::Array,
            answered_by: None,
        };
        Answer::read(text.to_owned(), &mapping)
    }

    #[test]
    fn only_the_literal_true_is_active() {
        // covers: INT-006, INT-007
        assert!(matches!(read(r#"{"active":true}"#), Ok(Answer::Active(_))));
        for text in [
            r#"{"active":false}"#,
            r#"{"active":"true"}"#,
            r#"{"active":1}"#,
            r#"{"active":[true]}"#,
            r#"{"active":{"active":true}}"#,
            r#"{"active":null}"#,
            r#"{"ACTIVE":true}"#,
            r#"{"active ":true}"#,
            "{}",
            r#"{"token_introspection":{"active":true}}"#,
            r#"{"active":false,"scope":"admin","sub":"root","exp":"never"}"#,
        ] {
            assert!(matches!(read(text), Ok(Answer::Refused(Refusal::Inactive))), "{text}");
        }
    }

    #[test]
    fn what_is_no_object_answers_nothing() {
        // covers: INT-008
        for text in [
            "",
            "true",
            "[]",
            r#"[{"active":true}]"#,
            r#"{"active":true"#,
            r#"{"active":true}x"#,
            r#"{"active":false,"active":true}"#,
            r#"{"active":true,"cnf":{"jkt":"a","jkt":"b"}}"#,
            "<html></html>",
        ] {
            assert!(read(text).is_err(), "{text}");
        }
        let deep = format!(r#"{{"active":true,"a":{}1{}}}"#, "[".repeat(20), "]".repeat(20));
        assert!(read(&deep).is_err());
    }

    #[test]
    fn an_active_answer_with_a_member_of_the_wrong_type_is_refused() {
        // covers: INT-020
        for (member, taken) in [
            (r#""exp":9999999999"#, true),
            (r#""exp":9999999999.5"#, true),
            (r#""exp":"9999999999""#, false),
            (r#""nbf":true"#, false),
            (r#""iat":-1"#, false),
            (r#""scope":["a"]"#, false),
            (r#""aud":1"#, false),
            (r#""iss":["https://id.example.com"]"#, false),
            (r#""sub":1"#, false),
            (r#""unknown":[{"a":1}]"#, true),
        ] {
            let answer = read(&format!(r#"{{"active":true,{member}}}"#)).unwrap();
            assert_eq!(matches!(answer, Answer::Active(_)), taken, "{member}");
            assert_eq!(matches!(answer, Answer::Refused(Refusal::IllTyped(_))), !taken, "{member}");
        }
    }
}
