/// The name that was probably meant, if one is near enough.
pub(super) fn nearest<'n>(written: &str, known: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    // Nobody means a short name by a long one.
    if written.len() > 64 {
        return None;
    }
    let enough = written.chars().count().div_ceil(3);
    let near = known.into_iter().map(|name| (distance(written, name), name));
    near.filter(|(distance, _)| *distance <= enough).min().map(|(_, name)| name)
}

/// How many letters are to be added, left out or changed to make one of the other.
fn distance(one: &str, other: &str) -> usize {
    let mut row: Vec<usize> = (0..=other.chars().count()).collect();
    for (index, letter) in one.chars().enumerate() {
        let mut left = index.saturating_add(1);
        let mut diagonal = index;
        if let Some(first) = row.first_mut() {
            *first = left;
        }
        for (above, own) in row.iter_mut().skip(1).zip(other.chars()) {
            let changed = diagonal.saturating_add(usize::from(letter != own));
            diagonal = *above;
            left = changed.min(left.saturating_add(1)).min(above.saturating_add(1));
            *above = left;
        }
    }
    row.last().copied().unwrap_or_default()
}

/// Says that a name is unknown, and which was meant or which there are.
pub(super) fn unknown(written: &str, known: &[&str]) -> String {
    match nearest(written, known.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => {
            let names: Vec<_> = known.iter().map(|name| format!("`{name}`")).collect();
            format!("there are {}", names.join(", "))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_recognized_and_another_word_is_not() {
        let known = ["issuer", "audience", "roles_at", "jwks_uri"];
        for (written, meant) in [
            ("isuer", Some("issuer")),
            ("issuers", Some("issuer")),
            ("roles_in", Some("roles_at")),
            ("jwks_url", Some("jwks_uri")),
            ("client_secret", None),
            ("", None),
        ] {
            assert_eq!(nearest(written, known), meant, "{written}");
        }
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!((distance("", "abc"), distance("abc", ""), distance("", "")), (3, 3, 0));
    }
}
