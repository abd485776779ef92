use super::template::Shape;

/// Shapes as a tree of segments, each with the place of something.
#[derive(Debug, Default)]
pub(super) struct Tree {
    nodes: Vec<Node>,
}

/// What may follow after some segments: indices of nodes, and places.
#[derive(Debug, Default)]
struct Node {
    /// Sorted by length first, which tells most names apart.
    literals: Vec<(Box<str>, usize)>,
    parameter: Option<usize>,
    rest: Option<usize>,
    end: Option<usize>,
}

impl Tree {
    pub(super) fn insert(&mut self, shape: &Shape, place: usize) {
        let mut at = self.grow_root();
        for segment in shape.segments() {
            at = self.grow(at, segment);
        }
        if let Some(node) = self.nodes.get_mut(at) {
            *(if shape.has_rest() { &mut node.rest } else { &mut node.end }) = Some(place);
        }
    }

    /// The place of the most specific shape for `path`, which begins with a slash: of two shapes, the one that is more specific is
    /// so at the first segment where they differ, since the other way round neither would be.
    pub(super) fn find(&self, path: &str) -> Option<usize> {
        self.find_below(self.nodes.first()?, path.strip_prefix('/'))
    }

    /// `path` is what follows behind a slash; `None` where nothing does, not even a slash. As deep as the deepest shape, at most.
    fn find_below(&self, node: &Node, path: Option<&str>) -> Option<usize> {
        let Some(path) = path else { return node.end };
        let (segment, behind) =
            path.split_once('/').map_or((path, None), |(segment, rest)| (segment, Some(rest)));
        let literal = node.literal(segment);
        let parameter = node.parameter.filter(|_| !segment.is_empty());
        let below = |next: usize| self.find_below(self.nodes.get(next)?, behind);
        literal
            .and_then(below)
            .or_else(|| parameter.and_then(below))
            .or_else(|| node.rest.filter(|_| !path.is_empty()))
    }

    /// Pairs of places whose shapes have paths in common, each pair once; those left out of which one is plainly for more: `{*rest}`
    /// behind the same segments. Only what begins alike is compared, so it takes about as long as there are pairs.
    pub(super) fn overlaps(&self) -> Vec<(usize, usize)> {
        let (mut found, mut ahead) = (Vec::new(), vec![(0, 0)]);
        while let Some((first, second)) = ahead.pop() {
            let (Some(own), Some(other)) = (self.nodes.get(first), self.nodes.get(second)) else { continue };
            let is_same = first == second;
            if !is_same {
                found.extend(own.end.zip(other.end));
                found.extend(own.rest.zip(other.rest));
                found.extend(
                    own.rest.into_iter().flat_map(|rest| self.below(other).map(move |it| (rest, it))),
                );
                found.extend(
                    other.rest.into_iter().flat_map(|rest| self.below(own).map(move |it| (rest, it))),
                );
            }
            ahead.extend(
                own.literals.iter().filter_map(|(literal, next)| Some((*next, other.literal(literal)?))),
            );
            ahead.extend(own.parameter.zip(other.parameter));
            ahead.extend(own.segments().filter_map(|next| Some((next, other.parameter?))));
            if !is_same {
                ahead.extend(other.segments().filter_map(|next| Some((own.parameter?, next))));
            }
        }
        found
    }

    /// All places of shapes that go on behind `node` with at least one character.
    fn below(&self, node: &Node) -> impl Iterator<Item = usize> {
        let (mut places, mut ahead) = (Vec::new(), Vec::new());
        ahead.extend(node.segments().chain(node.parameter));
        while let Some(node) = ahead.pop().and_then(|next: usize| self.nodes.get(next)) {
            places.extend(node.end.into_iter().chain(node.rest));
            ahead.extend(node.literals.iter().map(|(_, next)| *next).chain(node.parameter));
        }
        places.into_iter()
    }

    fn grow_root(&mut self) -> usize {
        if self.nodes.is_empty() {
            self.nodes.push(Node::default());
        }
        0
    }

    /// The node behind `segment`, made if there is none.
    fn grow(&mut self, at: usize, segment: Option<&str>) -> usize {
        let new = self.nodes.len();
        let Some(node) = self.nodes.get_mut(at) else { return at };
        let next = match segment {
            None => *node.parameter.get_or_insert(new),
            Some(literal) => match node.place_of(literal) {
                Ok(found) => node.literals.get(found).map_or(new, |(_, next)| *next),
                Err(gap) => {
                    node.literals.insert(gap, (literal.into(), new));
                    new
                }
            },
        };
        if next == new {
            self.nodes.push(Node::default());
        }
        next
    }
}

impl Node {
    fn literal(&self, segment: &str) -> Option<usize> {
        self.literals.get(self.place_of(segment).ok()?).map(|(_, next)| *next)
    }

    /// Where the literal is, or else belongs.
    fn place_of(&self, literal: &str) -> Result<usize, usize> {
        self.literals.binary_search_by(|(own, _)| (own.len(), &**own).cmp(&(literal.len(), literal)))
    }

    /// Behind literals that a parameter could stand for: it is not empty.
    fn segments(&self) -> impl Iterator<Item = usize> {
        self.literals.iter().filter(|(literal, _)| !literal.is_empty()).map(|(_, next)| *next)
    }
}
