use super::canonical::{ambiguity, plainest};

/// A path with names for some of its segments: `/orders/{id}`, or `/files/{*rest}` for all that is below.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Template {
    text: Box<str>,
    pub(super) shape: Shape,
    /// Of the parameters, in the order of the path.
    pub(super) names: Box<[Box<str>]>,
}

/// The paths that a template is for, whatever it calls their parts.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct Shape {
    /// `None`: any that is not empty.
    segments: Vec<Option<Box<str>>>,
    /// Whether more follows, at least one character.
    rest: bool,
}

impl Template {
    /// The template, or what is wrong with the text.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        if let Some(why) = ambiguity(&text.replace(['{', '}', '*'], "-")) {
            return Err(why.replace("the path", "the template"));
        }
        let plainest = plainest(text);
        if plainest != text {
            return Err(format!("it is to be written `{plainest}`"));
        }
        let (mut segments, mut names, mut rest) = (Vec::new(), Vec::<Box<str>>::new(), false);
        for segment in text.split('/').skip(1) {
            if rest {
                return Err("something follows `{*...}`".to_owned());
            }
            let parameter = segment.strip_prefix('{').and_then(|segment| segment.strip_suffix('}'));
            let Some(parameter) = parameter else {
                if segment.contains(['{', '}', '*']) {
                    return Err(format!("`{segment}` is neither a literal nor one parameter"));
                }
                segments.push(Some(segment.into()));
                continue;
            };
            let name = parameter.strip_prefix('*').unwrap_or(parameter);
            if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
                return Err(format!("`{name}` is no name of letters, digits and underscores"));
            }
            if names.iter().any(|known| **known == *name) {
                return Err(format!("`{name}` stands twice"));
            }
            names.push(name.into());
            if parameter.starts_with('*') {
                rest = true;
            } else {
                segments.push(None);
            }
        }
        Ok(Self { text: text.into(), shape: Shape { segments, rest }, names: names.into() })
    }

    pub(super) fn as_str(&self) -> &str {
        &self.text
    }
}

impl Template {
    /// What stands in `path`, which is of this shape, where the template has this name.
    pub(super) fn part<'p>(&self, path: &'p str, name: &str) -> Option<&'p str> {
        let wanted = self.names.iter().position(|own| **own == *name)?;
        let mut rest = path.strip_prefix('/')?;
        let mut seen: usize = 0;
        for segment in self.shape.segments() {
            let (part, behind) = rest.split_once('/').unwrap_or((rest, ""));
            if segment.is_none() {
                if seen == wanted {
                    return Some(part);
                }
                seen = seen.saturating_add(1);
            }
            rest = behind;
        }
        // The name of all the rest is the last one.
        Some(rest)
    }
}

impl Shape {
    /// The paths of an operation in a document, or what is wrong with its text. Names may be any, and a segment may have text
    /// around its names (`{id}.json`), which is taken for any segment: rather too many paths than too few.
    pub(super) fn documented(path: &str) -> Result<Self, &'static str> {
        let without_names: Vec<_> =
            path.split('/').map(|segment| if segment.contains('{') { "-" } else { segment }).collect();
        if let Some(why) = ambiguity(&without_names.join("/")) {
            return Err(why);
        }
        let (mut segments, mut rest) = (Vec::new(), false);
        for segment in path.split('/').skip(1) {
            if rest {
                return Err("something follows `{*...}`");
            } else if segment.starts_with("{*") {
                rest = true;
            } else {
                segments.push((!segment.contains('{')).then(|| segment.into()));
            }
        }
        Ok(Self { segments, rest })
    }

    /// Whether all paths of the other are of this shape, too.
    pub(super) fn covers(&self, other: &Self) -> bool {
        self.meet(other).is_some_and(|both| both == *other)
    }

    pub(super) fn segments(&self) -> impl Iterator<Item = Option<&str>> {
        self.segments.iter().map(Option::as_deref)
    }

    pub(super) fn has_rest(&self) -> bool {
        self.rest
    }

    /// Whether this path is of the shape.
    pub(super) fn matches(&self, path: &str) -> bool {
        let mut rest = path.strip_prefix('/');
        for segment in self.segments() {
            let Some(behind) = rest else { return false };
            let (part, behind) =
                behind.split_once('/').map_or((behind, None), |(part, rest)| (part, Some(rest)));
            if segment.map_or(part.is_empty(), |literal| literal != part) {
                return false;
            }
            rest = behind;
        }
        if self.rest { rest.is_some_and(|rest| !rest.is_empty()) } else { rest.is_none() }
    }

    /// The paths that both are for.
    pub(super) fn meet(&self, other: &Self) -> Option<Self> {
        let common = self.segments.len().min(other.segments.len());
        let mut segments = Vec::with_capacity(self.segments.len().max(other.segments.len()));
        for pair in self.segments.iter().zip(&other.segments) {
            segments.push(match pair {
                (Some(own), Some(other)) => Some((own == other).then(|| own.clone())?),
                // A parameter is not empty, and what follows a trailing slash is.
                (Some(literal), None) | (None, Some(literal)) => {
                    Some((!literal.is_empty()).then(|| literal.clone())?)
                }
                (None, None) => None,
            });
        }
        let behind = |shape: &Self| shape.segments.get(common..).unwrap_or_default().to_vec();
        let (own, others) = (behind(self), behind(other));
        let is_something = |behind: &[Option<Box<str>>]| !is_nothing(behind);
        let rest = match (self.rest, other.rest) {
            (true, true) => true,
            (true, false) if own.is_empty() && is_something(&others) => false,
            (false, true) if others.is_empty() && is_something(&own) => false,
            (false, false) if own.is_empty() && others.is_empty() => false,
            _ => return None,
        };
        segments.extend(own);
        segments.extend(others);
        Some(Self { segments, rest })
    }

    /// A path of this shape, or what stands for one in a message.
    pub(super) fn example(&self) -> String {
        let mut text = String::new();
        for segment in &self.segments {
            text.push('/');
            text.push_str(segment.as_deref().unwrap_or("{x}"));
        }
        if self.rest {
            text.push_str("/{*rest}");
        }
        text
    }
}

/// Nothing at all, or nothing behind a slash.
fn is_nothing(behind: &[Option<Box<str>>]) -> bool {
    behind.iter().all(|segment| segment.as_deref() == Some(""))
}
