use super::rejection::Rejection;
use crate::policy::Denial;

/// The problem details of a refusal (RFC 9457 §3.1), with the error code and the other parameters of the challenge as extensions.
///
/// The type is `about:blank`, so the title is the phrase of the status (RFC 9457 §4.2.1) and never varies. Nothing
/// here says more than the challenge does: the exact reason is for operators.
pub(super) fn problem_json(rejection: &Rejection) -> String {
    let status = rejection.status();
    // Every part is a constant, a number, or has the grammar of a scope, which has no character that JSON escapes.
    let mut text = format!(
        r#"{{"type":"about:blank","title":"{}","status":{}"#,
        status.canonical_reason().unwrap_or("Error"),
        status.as_u16(),
    );
    let said = rejection.said();
    let mut member = |name: &str, value: &str| {
        for part in [",\"", name, "\":\"", value, "\""] {
            text.push_str(part);
        }
    };
    member("detail", said.detail);
    if let Some(error) = said.error {
        member("error", error);
    }
    let scopes: Vec<_> = rejection.denial().into_iter().flat_map(Denial::needed_scopes).collect();
    if !scopes.is_empty() {
        member("scope", &scopes.join(" "));
    }
    if let Some(step_up) = rejection.denial().and_then(Denial::step_up) {
        let classes: Vec<_> = step_up.accepted_acr_values().collect();
        if !classes.is_empty() {
            member("acr_values", &classes.join(" "));
        }
        if let Some(age) = step_up.longest_age() {
            text.push_str(&format!(",\"max_age\":{}", age.as_secs()));
        }
    }
    text.push('}');
    text
}
