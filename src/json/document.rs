use std::fmt;

/// Up to this many names of one object are compared each with each.
const FEW_NAMES: usize = 16;

/// A parsed document: its text, and what stands where in it.
pub(crate) struct Document {
    pub(super) text: String,
    /// In document order.
    pub(super) nodes: Vec<Node>,
    /// What the strings with escapes stand for, one after the other; mostly empty.
    pub(super) unescaped: String,
}

#[derive(Clone, Copy)]
pub(super) enum Node {
    Null,
    Bool(bool),
    /// Finite.
    Number(f64),
    /// A range of `Document::text`.
    Plain {
        start: u32,
        end: u32,
    },
    /// A range of `Document::unescaped`.
    Unescaped {
        start: u32,
        end: u32,
    },
    /// The index behind the last node of the array's elements.
    Array {
        end: usize,
    },
    /// The index behind the last node of the object's members (name, value, name, value...).
    Object {
        end: usize,
    },
}

impl Node {
    /// What a string stands for, in the two texts of its document.
    #[inline]
    pub(super) fn string<'d>(self, text: &'d str, unescaped: &'d str) -> Option<&'d str> {
        match self {
            Self::Plain { start, end } => text.get(start as usize..end as usize),
            Self::Unescaped { start, end } => unescaped.get(start as usize..end as usize),
            _ => None,
        }
    }
}

impl Document {
    pub(crate) fn root(&self) -> Value<'_> {
        Value { document: self, at: 0 }
    }

    /// The value at a position that [`Value::position`] gave for this document.
    pub(crate) fn at(&self, position: usize) -> Value<'_> {
        Value { document: self, at: position }
    }

    /// The text that was parsed.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// How much memory it takes, in bytes.
    pub(crate) fn size(&self) -> usize {
        let nodes = self.nodes.capacity().saturating_mul(size_of::<Node>());
        self.text.capacity().saturating_add(self.unescaped.capacity()).saturating_add(nodes)
    }

    fn node(&self, at: usize) -> Node {
        self.nodes.get(at).copied().unwrap_or(Node::Null)
    }

    /// The index of the node behind the value at `at`.
    fn after(&self, at: usize) -> usize {
        match self.node(at) {
            Node::Array { end } | Node::Object { end } => end,
            _ => at.saturating_add(1),
        }
    }
}

/// One value of a [`Document`].
#[derive(Clone, Copy)]
pub(crate) struct Value<'d> {
    document: &'d Document,
    at: usize,
}

/// One object of a [`Document`].
#[derive(Clone, Copy)]
pub(crate) struct Object<'d> {
    document: &'d Document,
    at: usize,
    end: usize,
}

impl<'d> Value<'d> {
    pub(crate) fn position(self) -> usize {
        self.at
    }

    pub(crate) fn is_null(self) -> bool {
        matches!(self.document.node(self.at), Node::Null)
    }

    #[inline]
    pub(crate) fn as_str(self) -> Option<&'d str> {
        self.document.node(self.at).string(&self.document.text, &self.document.unescaped)
    }

    /// Whether it is the literal `true`, and nothing that somebody might take for it.
    pub(crate) fn is_true(self) -> bool {
        matches!(self.document.node(self.at), Node::Bool(true))
    }

    /// Whether it is the literal `false`.
    pub(crate) fn is_false(self) -> bool {
        matches!(self.document.node(self.at), Node::Bool(false))
    }

    /// A finite number.
    pub(crate) fn as_number(self) -> Option<f64> {
        match self.document.node(self.at) {
            Node::Number(number) => Some(number),
            _ => None,
        }
    }

    pub(crate) fn as_object(self) -> Option<Object<'d>> {
        match self.document.node(self.at) {
            Node::Object { end } => Some(Object { document: self.document, at: self.at, end }),
            _ => None,
        }
    }

    pub(crate) fn as_array(self) -> Option<impl Iterator<Item = Self>> {
        let Node::Array { end } = self.document.node(self.at) else { return None };
        let document = self.document;
        let mut next = self.at.saturating_add(1);
        Some(std::iter::from_fn(move || {
            let at = next;
            next = document.after(at);
            (at < end).then_some(Self { document, at })
        }))
    }
}

impl<'d> Object<'d> {
    pub(crate) fn members(self) -> impl Iterator<Item = (&'d str, Value<'d>)> {
        let document = self.document;
        let mut next = self.at.saturating_add(1);
        std::iter::from_fn(move || {
            if next >= self.end {
                return None;
            }
            let name = Value { document, at: next }.as_str().unwrap_or_default();
            let value = Value { document, at: next.saturating_add(1) };
            next = document.after(value.at);
            Some((name, value))
        })
    }

    pub(crate) fn get(self, name: &str) -> Option<Value<'d>> {
        self.members().find_map(|(candidate, value)| (candidate == name).then_some(value))
    }

    pub(super) fn has_duplicate_names(self) -> bool {
        // Each with each, on the stack: names are mostly told apart by their lengths.
        let mut few = [""; FEW_NAMES];
        for (count, (name, _)) in self.members().enumerate() {
            if few.get(..count).is_some_and(|earlier| earlier.contains(&name)) {
                return true;
            }
            match few.get_mut(count) {
                Some(free) => *free = name,
                None => return self.has_duplicates_among_many(),
            }
        }
        false
    }

    /// Sorted, so that thousands of names stay cheap.
    fn has_duplicates_among_many(self) -> bool {
        let mut names: Vec<&str> = self.members().map(|(name, _)| name).collect();
        names.sort_unstable();
        names.windows(2).any(|pair| matches!(pair, [left, right] if left == right))
    }
}

impl fmt::Debug for Document {
    // Claims are somebody's data: they are not printed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Document").finish_non_exhaustive()
    }
}
