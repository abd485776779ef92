//! Every small requirement, held against the truth.

use std::convert::Infallible;

use http::{Request, Response};
use portcullis::{Access, Decision, ResourceRequirement, claim, not, resource_predicate, scope};
use tower::{ServiceExt as _, service_fn};

use super::{Oracle, Order, Says, Shop, order};
use crate::support::{AUDIENCE, get};

#[derive(Clone, Debug)]
enum Tree {
    /// What can be seen at once; `None` cannot be told.
    Seen(Option<bool>),
    /// What is to be asked; `None` is not answered.
    Asked(Option<bool>),
    Not(Box<Self>),
    And(Box<[Self; 2]>),
    Or(Box<[Self; 2]>),
}

impl Tree {
    fn requirement(&self, oracle: &Oracle) -> ResourceRequirement<Order> {
        match self {
            Self::Seen(Some(met)) => {
                let met = *met;
                resource_predicate("seen", move |_: &Order, _| met)
            }
            // A number is no text.
            Self::Seen(None) => claim("number").equals_resource(|order: &Order| &order.tenant),
            Self::Asked(Some(true)) => oracle.says(Says::Yes),
            Self::Asked(Some(false)) => oracle.says(Says::No),
            Self::Asked(None) => oracle.says(Says::Fails),
            Self::Not(tree) => not(tree.requirement(oracle)),
            Self::And(trees) => trees[0].requirement(oracle).and(trees[1].requirement(oracle)),
            Self::Or(trees) => trees[0].requirement(oracle).or(trees[1].requirement(oracle)),
        }
    }

    /// In three values, where `asked` says what comes of a question.
    fn holds(&self, asked: &mut dyn FnMut(Option<bool>) -> Option<bool>) -> Option<bool> {
        let lesser = |left: Option<bool>, right: Option<bool>| match (left, right) {
            (Some(false), _) | (_, Some(false)) => Some(false),
            (Some(true), Some(true)) => Some(true),
            _ => None,
        };
        let opposite = |answer: Option<bool>| answer.map(|met| !met);
        match self {
            Self::Seen(answer) => *answer,
            Self::Asked(answer) => asked(*answer),
            Self::Not(tree) => opposite(tree.holds(asked)),
            Self::And(trees) => lesser(trees[0].holds(asked), trees[1].holds(asked)),
            Self::Or(trees) => {
                let (left, right) = (trees[0].holds(asked), trees[1].holds(asked));
                opposite(lesser(opposite(left), opposite(right)))
            }
        }
    }

    /// Whether there are answers to the unanswered with which this would hold.
    fn might_hold(&self) -> bool {
        (0..16_u32).any(|answers| {
            let mut next = 0;
            let mut guess = |answer: Option<bool>| {
                answer.or_else(|| {
                    next += 1;
                    Some(answers >> (next - 1) & 1 == 1)
                })
            };
            self.holds(&mut guess) == Some(true)
        })
    }

    fn has_unanswered(&self) -> bool {
        match self {
            Self::Seen(_) => false,
            Self::Asked(answer) => answer.is_none(),
            Self::Not(tree) => tree.has_unanswered(),
            Self::And(trees) | Self::Or(trees) => trees.iter().any(Self::has_unanswered),
        }
    }
}

fn pairs(parts: &[Tree]) -> Vec<Tree> {
    let pair = |left: &Tree, right: &Tree| Box::new([left.clone(), right.clone()]);
    let with = |left| {
        parts.iter().flat_map(move |right| [Tree::And(pair(left, right)), Tree::Or(pair(left, right))])
    };
    parts.iter().flat_map(with).collect()
}

fn opposites(parts: &[Tree]) -> impl Iterator<Item = Tree> {
    parts.iter().map(|part| Tree::Not(Box::new(part.clone())))
}

/// All of up to two levels of `and` and `or`, with `not` at leaves, at pairs and around the whole.
fn trees() -> Vec<Tree> {
    let answers = [Some(true), Some(false), None];
    let mut leaves: Vec<_> =
        answers.into_iter().flat_map(|answer| [Tree::Seen(answer), Tree::Asked(answer)]).collect();
    let mut small = pairs(&leaves);
    small.extend(opposites(&small).collect::<Vec<_>>());
    leaves.extend(opposites(&leaves).collect::<Vec<_>>());
    small.extend(leaves);
    let large = pairs(&small);
    small.extend(opposites(&large));
    small.extend(large);
    small
}

#[tokio::test]
async fn every_small_requirement_says_the_truth_and_asks_no_more_than_it_must() {
    // covers: POL-002, POL-009
    let (issuer, shop, _) = Shop::checking(scope("x"));
    let inner = service_fn(async |request: Request<()>| {
        let access = Access::of(&request).unwrap();
        let (mut seen, oracle) = ([0, 0, 0], Oracle::default());
        for tree in trees() {
            let before = oracle.asked();
            let result = access.decide(&tree.requirement(&oracle), &order()).await;
            let holds = tree.holds(&mut |answer| answer);
            match result {
                Ok(Decision::Allow) => {
                    seen[0] += 1;
                    assert_eq!(holds, Some(true), "{tree:?}");
                }
                Ok(Decision::Deny(_)) => {
                    seen[1] += 1;
                    assert!(!tree.might_hold(), "{tree:?}");
                }
                Err(refused) => {
                    seen[2] += 1;
                    assert_eq!(refused.rejection().code(), "unavailable");
                    assert!(holds != Some(true) && tree.has_unanswered(), "{tree:?}");
                }
            }
            // What can be seen at once was enough.
            let decided = tree.holds(&mut |_| None).is_some();
            assert!(!decided || oracle.asked() == before, "{tree:?}");
        }
        Ok::<_, Infallible>(Response::new(seen))
    });
    let token = issuer.token(AUDIENCE).claim("number", 7).sign();
    let seen = shop.layer.layer(inner).oneshot(get(&token)).await.unwrap().into_body();
    assert!(seen.iter().all(|count| *count > 1000), "{seen:?}");
}
