//! What holds for every requirement and every token.

use std::collections::BTreeSet;

use portcullis::{Decision, Policy as _, not};
use serde_json::{Value, json};

use super::asking::{allows, decide, found, token};
use super::generated::{DATA, EVERYTHING, Model, NO_NOT, claims};
use crate::support::{NOW, Random};

const CASES: usize = 3_000;

/// Tries pairs of a requirement and the claims of a token.
fn for_pairs(seed: u64, with: super::generated::With, mut check: impl FnMut(&Model, &Value, &mut Random)) {
    let mut random = Random::new(seed);
    for _ in 0..CASES {
        let model = Model::generate(&mut random, with, 3);
        let claims = claims(&mut random);
        check(&model, &claims, &mut random);
    }
}

#[test]
fn a_decision_is_what_a_plain_reading_of_the_requirement_says() {
    // covers: POL-002, POL-011, POL-004
    let mut seen = BTreeSet::new();
    for_pairs(1, EVERYTHING, |model, claims, _| {
        let requirement = model.build();
        let expected = match (model.holds(claims), model.fails(claims)) {
            (true, true) => panic!("{requirement} / {claims} is contradictory"),
            (true, false) => Some(true),
            (false, true) => Some(false),
            (false, false) => None,
        };
        assert_eq!(found(&requirement, Some(&token(claims))), expected, "{requirement} / {claims}");
        assert_eq!(allows(&requirement, claims), expected == Some(true), "{requirement} / {claims}");
        seen.insert(expected);
    });
    assert_eq!(seen.len(), 3, "all three values occurred");
}

#[test]
fn a_request_without_a_token_is_admitted_only_on_a_way_with_anyone_and_nothing_that_needs_one() {
    // covers: POL-001
    let mut admitted = 0;
    for_pairs(2, EVERYTHING, |model, _, _| {
        let requirement = model.build();
        let takes = |way: &Vec<&Model>| {
            way.iter().any(|part| matches!(part, Model::Anyone))
                && way.iter().all(|part| matches!(part, Model::Anyone | Model::Predicate(true)))
        };
        let expected = model.ways().iter().any(takes);
        assert_eq!(found(&requirement, None), Some(expected), "{requirement}");
        assert_eq!(decide(&requirement, None) == Decision::Allow, expected, "{requirement}");
        // Whoever is admitted was asked for.
        assert!(!expected || requirement.takes_anonymous(), "{requirement}");
        assert_ne!(decide(&not(requirement.clone()), None), Decision::Allow, "not ({requirement})");
        admitted += usize::from(expected);
    });
    assert!(admitted > CASES / 50, "{admitted}");
}

#[test]
fn a_scope_more_never_costs_anything_where_nothing_is_forbidden() {
    // covers: POL-002, POL-004
    for_pairs(3, NO_NOT, |model, claims, random| {
        let requirement = model.build();
        let mut more = claims.clone();
        let held = claims["scope"].as_str().unwrap_or_default();
        more["scope"] = json!(format!("{held} {}", random.pick(&["a", "b", "c", "d"])));
        assert!(
            !allows(&requirement, claims) || allows(&requirement, &more),
            "{requirement} / {claims} / {more}"
        );
    });
}

/// A token with all that a denial names beside what it had, once for each of the classes.
fn cured(claims: &Value, denial: &portcullis::Denial) -> Vec<Value> {
    let mut better = claims.clone();
    let mut scopes: Vec<_> = claims["scope"].as_str().into_iter().collect();
    scopes.extend(denial.needed_scopes());
    if !scopes.is_empty() {
        better["scope"] = json!(scopes.join(" "));
    }
    let Some(step_up) = denial.step_up() else { return vec![better] };
    if step_up.longest_age().is_some() {
        better["auth_time"] = json!(NOW);
    }
    let classes: Vec<_> = step_up.accepted_acr_values().collect();
    let with = |class: &&str| {
        let mut better = better.clone();
        better["acr"] = json!(class);
        better
    };
    if classes.is_empty() { vec![better] } else { classes.iter().map(with).collect() }
}

#[test]
fn what_a_denial_names_would_have_been_enough() {
    // covers: POL-006, POL-016, CHL-007
    let (mut by_scope, mut by_step_up) = (0, 0);
    for_pairs(4, EVERYTHING, |model, claims, _| {
        let requirement = model.build();
        let Decision::Deny(denial) = decide(&requirement, Some(&token(claims))) else { return };
        let named = denial.needed_scopes().next().is_some();
        by_scope += usize::from(named);
        by_step_up += usize::from(denial.step_up().is_some());
        if named || denial.step_up().is_some() {
            for better in cured(claims, &denial) {
                assert!(allows(&requirement, &better), "{requirement} / {claims} / {better}");
            }
        }
    });
    assert!(by_scope > CASES / 50 && by_step_up > CASES / 50, "{by_scope}, {by_step_up}");
}

#[test]
fn what_a_denial_names_is_needed() {
    // covers: POL-016
    for_pairs(5, EVERYTHING, |model, claims, _| {
        let requirement = model.build();
        let Decision::Deny(denial) = decide(&requirement, Some(&token(claims))) else { return };
        if denial.needed_scopes().next().is_some() && denial.step_up().is_some() {
            // Not each of the classes does without the scopes.
            let mut without = Vec::new();
            for mut better in cured(claims, &denial) {
                better["scope"] = claims["scope"].clone();
                without.push(allows(&requirement, &better));
            }
            assert!(without.contains(&false), "{requirement} / {claims}");
        }
    });
}

#[test]
fn what_is_missing_is_not_met_and_is_named_wherever_a_token_is_denied() {
    // covers: POL-013
    for_pairs(6, EVERYTHING, |model, claims, _| {
        let (requirement, token) = (model.build(), token(claims));
        let Decision::Deny(denial) = decide(&requirement, Some(&token)) else { return };
        let missing = denial.missing().unwrap();
        let Decision::Deny(again) = decide(missing, Some(&token)) else {
            panic!("{requirement} / {missing} / {claims}")
        };
        assert_eq!(again.missing(), Some(missing), "{requirement} / {claims}");
    });
}

#[test]
fn the_laws_of_de_morgan_hold_for_what_cannot_be_told_too() {
    // covers: POL-002, POL-011
    let mut random = Random::new(7);
    for _ in 0..CASES {
        let [left, right] = [(); 2].map(|()| Model::generate(&mut random, EVERYTHING, 2).build());
        let claims = claims(&mut random);
        let token = token(&claims);
        for (one, other) in [
            (not(left.clone().and(right.clone())), not(left.clone()).or(not(right.clone()))),
            (not(left.clone().or(right.clone())), not(left.clone()).and(not(right.clone()))),
            (not(not(left.clone())), left.clone()),
        ] {
            assert_eq!(found(&one, Some(&token)), found(&other, Some(&token)), "{one} / {other} / {claims}");
        }
    }
}

#[test]
fn the_order_of_parts_does_not_change_a_decision() {
    // covers: POL-002
    let mut random = Random::new(8);
    for _ in 0..CASES {
        let [left, right] = [(); 2].map(|()| Model::generate(&mut random, EVERYTHING, 2).build());
        let claims = claims(&mut random);
        let token = token(&claims);
        for (one, other) in [
            (left.clone().and(right.clone()), right.clone().and(left.clone())),
            (left.clone().or(right.clone()), right.clone().or(left.clone())),
        ] {
            for token in [Some(&token), None] {
                let decisions =
                    [&one, &other].map(|requirement| decide(requirement, token) == Decision::Allow);
                assert_eq!(decisions[0], decisions[1], "{one} / {other} / {claims}");
                assert_eq!(found(&one, token), found(&other, token), "{one} / {other} / {claims}");
            }
        }
    }
}

#[test]
fn a_requirement_from_data_decides_as_the_one_that_it_was_made_of() {
    // covers: POL-002
    for_pairs(9, DATA, |model, claims, _| {
        let requirement = model.build();
        let again = serde_json::from_str(&serde_json::to_string(&requirement).unwrap()).unwrap();
        let token = token(claims);
        assert_eq!(
            decide(&requirement, Some(&token)),
            decide(&again, Some(&token)),
            "{requirement} / {claims}"
        );
    });
}
