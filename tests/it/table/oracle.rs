//! The table against a naive reading of the same rules: every rule is tried on every path, and what is more specific is what is
//! for fewer of all paths.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use http::Request;
use portcullis::{
    Claims, ConfigProblem, Decision, Explanation, Policy as _, PolicyInput, PolicyTable, ValidatedToken,
    Verdict, predicate,
};

use crate::support::Random;

/// What stands in templates; one begins with the other.
const LITERALS: [&str; 2] = ["a", "ab"];
/// And a segment that no template names.
const SEGMENTS: [&str; 3] = ["a", "ab", "b"];
const METHODS: [&str; 8] = ["*", "*", "GET", "HEAD", "POST", "GET,POST", "PUT,DELETE", "GET,HEAD"];

/// All that is made of these, up to so many.
fn sequences(choices: &[&str], most: usize) -> Vec<Vec<String>> {
    let mut all = vec![Vec::new()];
    let mut longest = all.clone();
    for _ in 0..most {
        let longer = |so_far: &Vec<String>| {
            choices.iter().map(|next| [&so_far[..], &[(*next).to_owned()]].concat()).collect::<Vec<_>>()
        };
        longest = longest.iter().flat_map(longer).collect();
        all.extend(longest.iter().cloned());
    }
    all
}

/// Every path of up to four segments, with and without a slash behind.
fn all_paths() -> Vec<String> {
    let path = |segments: Vec<String>| {
        let path = segments.iter().map(|segment| format!("/{segment}")).collect::<String>();
        [format!("{path}/"), path].into_iter().filter(|path| !path.is_empty())
    };
    sequences(&SEGMENTS, 4).into_iter().flat_map(path).collect()
}

/// Every template of up to three segments, and what may stand behind them. `{}` and `{*}` are yet to be named.
fn all_templates() -> Vec<String> {
    let template = |segments: Vec<String>| {
        let path = segments.iter().map(|segment| format!("/{segment}")).collect::<String>();
        [format!("{path}/"), format!("{path}/{{*}}"), path].into_iter().filter(|path| !path.is_empty())
    };
    sequences(&[&LITERALS[..], &["{}"]].concat(), 3).into_iter().flat_map(template).collect()
}

/// What a template without names says of a path: what stands where it has no literal.
fn parts(template: &str, path: &str) -> Option<Vec<String>> {
    let path: Vec<_> = path.strip_prefix('/')?.split('/').collect();
    let template: Vec<_> = template.strip_prefix('/')?.split('/').collect();
    let mut parts = Vec::new();
    for (index, wanted) in template.iter().enumerate() {
        if *wanted == "{*}" {
            let rest = path.get(index..)?.join("/");
            parts.push(rest);
            return parts.last().is_some_and(|rest| !rest.is_empty()).then_some(parts);
        }
        let segment = *path.get(index)?;
        match *wanted {
            "{}" if segment.is_empty() => return None,
            "{}" => parts.push(segment.to_owned()),
            literal if literal == segment => {}
            _ => return None,
        }
    }
    (template.len() == path.len()).then_some(parts)
}

/// Of all paths, those that a template is for.
type Paths = BTreeSet<usize>;

struct World {
    paths: Vec<String>,
    templates: Vec<(String, Paths)>,
}

impl World {
    fn new() -> Self {
        let paths = all_paths();
        let covers = |template: &str| {
            paths
                .iter()
                .enumerate()
                .filter(|(_, path)| parts(template, path).is_some())
                .map(|(index, _)| index)
                .collect::<Paths>()
        };
        let templates: Vec<_> =
            all_templates().into_iter().map(|template| (template.clone(), covers(&template))).collect();
        // There are enough paths to tell any two templates apart.
        let distinct: BTreeSet<_> = templates.iter().map(|(_, paths)| paths).collect();
        assert_eq!(distinct.len(), templates.len());
        Self { paths, templates }
    }

    fn paths_of(&self, template: usize) -> &Paths {
        &self.templates[template].1
    }

    /// Pairs of which neither is more specific, and no template is for just what both are for; and what that would be.
    fn ambiguous(&self, templates: &BTreeSet<usize>) -> Vec<Paths> {
        let mut found = Vec::new();
        for first in templates {
            for second in templates.range(first + 1..) {
                let (first, second) = (self.paths_of(*first), self.paths_of(*second));
                let both: Paths = first.intersection(second).copied().collect();
                let is_said = |template: &usize| *self.paths_of(*template) == both;
                if !both.is_empty() && !templates.iter().any(is_said) {
                    found.push(both);
                }
            }
        }
        found
    }

    /// The template of those that match which is for fewer paths than each of the others, if any matches.
    fn most_specific(&self, templates: &BTreeSet<usize>, path: usize) -> Option<usize> {
        let matching: Vec<_> =
            templates.iter().copied().filter(|own| self.paths_of(*own).contains(&path)).collect();
        let is_least = |least: &&usize| {
            matching.iter().all(|other| self.paths_of(**least).is_subset(self.paths_of(*other)))
        };
        let least: Vec<_> = matching.iter().filter(is_least).collect();
        assert_eq!(least.len(), usize::from(!matching.is_empty()), "one is the most specific");
        least.first().map(|least| **least)
    }
}

/// Methods, and the number of a template.
#[derive(Clone, Debug)]
struct RuleOf {
    methods: &'static str,
    template: usize,
}

impl RuleOf {
    fn names(&self, method: &str) -> bool {
        self.methods.split(',').any(|own| own == method)
    }

    /// As it is written, with names that no other rule has.
    fn text(&self, world: &World, index: usize) -> String {
        let mut path = world.templates[self.template].0.clone();
        for part in 0.. {
            let Some(at) = path.find("{}").or_else(|| path.find("{*}")) else { break };
            let at = at + path[at..].find('}').unwrap();
            path.insert_str(at, &format!("r{index}_{part}"));
        }
        format!("{} {path}", self.methods)
    }
}

fn some_rules(world: &World, random: &mut Random) -> Vec<RuleOf> {
    let count = 1 + random.below(40);
    let pool: Vec<_> = (0..=random.below(count)).map(|_| random.below(world.templates.len())).collect();
    (0..count)
        .map(|_| RuleOf { methods: METHODS[random.below(METHODS.len())], template: *random.pick(&pool) })
        .collect()
}

/// Rules for a method and template that one before it is for, and the last such method. What is said twice is said once.
fn repeated(world: &World, rules: &[RuleOf]) -> BTreeSet<(String, &'static str)> {
    let repeats = |(index, rule): (usize, &RuleOf)| {
        let same = |method: &&str| {
            rules[..index].iter().any(|other| other.template == rule.template && other.names(method))
        };
        Some((rule.text(world, index), rule.methods.split(',').rfind(same)?))
    };
    rules.iter().enumerate().filter_map(repeats).collect()
}

fn templates_of(rules: &[RuleOf]) -> BTreeSet<usize> {
    rules.iter().map(|rule| rule.template).collect()
}

/// Leaves out what is repeated, and says what holds where two templates match.
fn mended(world: &World, mut rules: Vec<RuleOf>, random: &mut Random) -> Vec<RuleOf> {
    let mut index = 0;
    while index < rules.len() {
        if !repeated(world, &rules[..=index]).is_empty() {
            rules.remove(index);
        } else {
            index += 1;
        }
    }
    while let Some(both) = world.ambiguous(&templates_of(&rules)).first() {
        let template = world.templates.iter().position(|(_, paths)| paths == both).unwrap();
        rules.push(RuleOf { methods: METHODS[random.below(METHODS.len())], template });
    }
    rules
}

type Seen = Arc<Mutex<Vec<(usize, Vec<Option<String>>)>>>;

/// A table of these rules, each of which notes what it is asked about and admits nobody.
fn build(world: &World, rules: &[RuleOf], seen: &Seen) -> Result<PolicyTable, Vec<&'static str>> {
    let mut table = PolicyTable::builder();
    for (index, rule) in rules.iter().enumerate() {
        let (seen, template) = (Arc::clone(seen), world.templates[rule.template].0.clone());
        let requirement = predicate("noted", move |input| {
            let parts = template.matches('{').count();
            let part =
                |part| input.path_parameter(&format!("r{index}_{part}")).map(std::borrow::Cow::into_owned);
            assert_eq!(input.path_parameter("r"), None);
            seen.lock().unwrap().push((index, (0..parts).map(part).collect()));
            false
        });
        table = table.rule(rule.text(world, index), requirement);
    }
    table.build().map_err(|error| error.problems().iter().map(ConfigProblem::code).collect())
}

#[test]
fn a_table_is_built_where_no_two_rules_can_be_meant_and_nowhere_else() {
    let (world, mut random) = (World::new(), Random::new(101));
    let (mut built, mut refused) = (0, 0);
    for _ in 0..400 {
        let mut rules = some_rules(&world, &mut random);
        // Else hardly any but the smallest is without a fault.
        if random.one_in(2) {
            rules = mended(&world, rules, &mut random);
        }
        // And hardly any is without one by a hair.
        if random.one_in(4) {
            rules.remove(random.below(rules.len()));
        }
        let mut expected = vec!["duplicate_rule"; repeated(&world, &rules).len()];
        expected.extend(world.ambiguous(&templates_of(&rules)).iter().map(|_| "ambiguous_rules"));
        match build(&world, &rules, &Seen::default()) {
            Ok(_) => {
                assert!(expected.is_empty(), "{rules:?}: {expected:?}");
                built += 1;
            }
            Err(codes) => {
                assert_eq!(codes, expected, "{rules:?}");
                refused += 1;
            }
        }
    }
    assert!(built > 100 && refused > 100, "{built} were built, {refused} refused");
}

/// The rule for this request, or why there is none.
fn rule_for(world: &World, rules: &[RuleOf], method: &str, path: usize) -> Result<usize, &'static str> {
    let template = world.most_specific(&templates_of(rules), path).ok_or("no rule is for this path")?;
    let that = |name: &str| rules.iter().position(|rule| rule.template == template && rule.names(name));
    let as_get = || if method == "HEAD" { that("GET") } else { None };
    that(method).or_else(as_get).or_else(|| that("*")).ok_or("no rule for this path is for this method")
}

/// That the explanation names this rule as the one that applies, and each of the others with the right reason.
fn assert_explains(
    explanation: &Explanation,
    world: &World,
    rules: &[RuleOf],
    path: usize,
    found: Result<usize, &'static str>,
) {
    let least = world.most_specific(&templates_of(rules), path);
    assert_eq!(explanation.considered().len(), rules.len());
    for (index, (considered, rule)) in explanation.considered().iter().zip(rules).enumerate() {
        assert_eq!(considered.what(), format!("rule `{}`", rule.text(world, index)));
        if found == Ok(index) {
            assert_eq!((considered.verdict(), considered.why()), (Verdict::Applies, None));
            assert_eq!(considered.parts()[0].what(), "predicate `noted`");
            continue;
        }
        let why = if !world.paths_of(rule.template).contains(&path) {
            "its path is another"
        } else if least != Some(rule.template) {
            "a more specific path has rules"
        } else {
            found.err().unwrap_or("another rule for its path is for this method")
        };
        assert_eq!((considered.verdict(), considered.why()), (Verdict::DoesNotApply, Some(why)));
    }
}

#[test]
fn the_rule_for_a_request_is_the_one_that_trying_them_all_finds() {
    // covers: POL-001, POL-008
    let (world, mut random) = (World::new(), Random::new(102));
    let token = ValidatedToken::assertion(Claims::from_json("{}").unwrap());
    let (mut found_some, mut found_none) = (0, 0);
    for _ in 0..15 {
        let rules = some_rules(&world, &mut random);
        let rules = mended(&world, rules, &mut random);
        let noted = Seen::default();
        let table = build(&world, &rules, &noted).unwrap();
        for (index, path) in world.paths.iter().enumerate() {
            for method in ["GET", "HEAD", "POST", "DELETE", "get", "FOO"] {
                let request = Request::builder().method(method).uri(path).body(()).unwrap();
                let input = PolicyInput::of(Some(&token), &request);
                let found = rule_for(&world, &rules, method, index);
                let Decision::Deny(denial) = table.decide(&input) else { panic!("{method} {path}") };
                let seen = std::mem::take(&mut *noted.lock().unwrap());
                match found {
                    Ok(rule) => {
                        assert_eq!(denial.rule(), Some(&*rules[rule].text(&world, rule)), "{method} {path}");
                        let parts = parts(&world.templates[rules[rule].template].0, path).unwrap();
                        let parts: Vec<_> = parts.into_iter().map(Some).collect();
                        // Asked once for the decision, and again for what would cure it: of this rule only.
                        assert!(!seen.is_empty() && seen.iter().all(|asked| *asked == (rule, parts.clone())));
                        found_some += 1;
                    }
                    Err(why) => {
                        assert_eq!((denial.rule(), &*denial.to_string()), (None, why), "{method} {path}");
                        assert_eq!(seen, [], "{method} {path}");
                        found_none += 1;
                    }
                }
                if random.one_in(8) {
                    let explanation = table.explain(&input);
                    assert_eq!(explanation.decision(), &Decision::Deny(denial));
                    assert_explains(&explanation, &world, &rules, index, found);
                    noted.lock().unwrap().clear();
                }
            }
        }
    }
    assert!(found_some > 3_000 && found_none > 3_000, "{found_some}, {found_none}");
}

/// Whether all routers read this path alike: by a list of everything that they do not.
pub(super) fn reads_one_way(path: &str) -> bool {
    let octet = |rest: &str| {
        let digits = rest.get(..2).filter(|digits| digits.chars().all(|digit| digit.is_ascii_hexdigit()));
        digits.map(|digits| u8::from_str_radix(digits, 16).unwrap())
    };
    let has_one_spelling = |octet: u8| {
        !octet.is_ascii_control() && !octet.is_ascii_alphanumeric() && !b"-._~/\\".contains(&octet)
    };
    path.starts_with('/')
        && !path.contains("//")
        && !["/./", "/../"].iter().any(|dots| format!("{path}/").contains(dots))
        && path.chars().all(|letter| letter.is_ascii_alphanumeric() || "/-._~!$&'()*+,;=:@%".contains(letter))
        && path.split('%').skip(1).all(|rest| octet(rest).is_some_and(has_one_spelling))
}

#[test]
fn a_path_that_could_be_read_in_two_ways_is_put_to_no_rule_and_every_other_one_is() {
    // covers: POL-007
    let mut random = Random::new(103);
    let pieces = "/ / / / a ab . .. ... ~ - : @me @me/a @me/ab ; = * + % %% %4 %zz %+1 %25 %2561 %20 %c3%a9 %C3%A9 %3a %40me %61 %41 %30 %2d %2E \
                  %5F %7e %2f %2F %5c %5C \\ %00 %0a %0D %1f %7f \" < > [ ] ^ ` { } | é";
    let pieces: Vec<_> = pieces.split_whitespace().collect();
    let requirement = || predicate("noted", |_| false);
    let table = PolicyTable::builder()
        .rule("* /{*rest}", requirement())
        .rule("GET /", requirement())
        .rule("* /@me/{id}", requirement())
        .build()
        .unwrap();
    let token = ValidatedToken::assertion(Claims::from_json("{}").unwrap());
    let mut outcomes = [0; 4];
    for _ in 0..4_000 {
        let path: String = (0..random.below(6)).map(|_| *random.pick(&pieces)).collect();
        let path = format!("/{path}");
        // What is left is refused by the stack.
        let Ok(request) = Request::get(&path).body(()) else {
            assert!(!reads_one_way(&path), "{path}");
            outcomes[0] += 1;
            continue;
        };
        let input = PolicyInput::of(Some(&token), &request);
        let Decision::Deny(denial) = table.decide(&input) else { panic!("{path}") };
        let explanation = table.explain(&input);
        if reads_one_way(&path) && !path.split('/').any(|segment| segment == "%40me") {
            let segments: Vec<_> = path.split('/').collect();
            let is_own = matches!(segments[..], ["", "@me", id] if !id.is_empty());
            let rule = if is_own {
                "* /@me/{id}"
            } else if path == "/" {
                "GET /"
            } else {
                "* /{*rest}"
            };
            assert_eq!(denial.rule(), Some(rule), "{path}");
            let applying = explanation.considered().iter().filter(|rule| rule.verdict() == Verdict::Applies);
            assert_eq!(
                applying.map(portcullis::Considered::what).collect::<Vec<_>>(),
                [format!("rule `{rule}`")]
            );
            outcomes[if is_own { 1 } else { 2 }] += 1;
        } else {
            assert_eq!(denial.rule(), None, "{path}: {denial}");
            for rule in explanation.considered() {
                assert_eq!((rule.verdict(), rule.why()), (Verdict::DoesNotApply, Some(&*denial.to_string())));
            }
            outcomes[3] += 1;
        }
    }
    assert!(outcomes.iter().all(|count| *count > 10), "{outcomes:?}");
}

#[test]
fn what_a_rule_names_is_known_in_other_spellings_which_are_refused() {
    // covers: POL-007
    let rules = ["GET /items/{id}", "GET /items/a:b", "GET /caf%C3%A9", "GET /x%3By", "GET /x;y", "GET /~a"];
    let table =
        rules.iter().fold(PolicyTable::builder(), |table, rule| table.rule(*rule, predicate("p", |_| false)));
    let table = table.rule("* /{*rest}", predicate("p", |_| false)).build().unwrap();
    let token = ValidatedToken::assertion(Claims::from_json("{}").unwrap());
    let rule_for = |path: &str| {
        let request = Request::get(path).body(()).unwrap();
        let Decision::Deny(denial) = table.decide(&PolicyInput::of(Some(&token), &request)) else { panic!() };
        denial.rule().map_or_else(|| denial.to_string(), str::to_owned)
    };
    for rule in rules {
        assert_eq!(rule_for(&rule["GET ".len()..].replace("{id}", "7")), rule);
    }
    let other = "the path spells what a rule names in another way";
    for path in ["/items/a%3Ab", "/items/a%3ab", "/caf%c3%a9", "/caf%C3%a9", "/x%3by", "/elsewhere/a%3Ab"] {
        assert_eq!(rule_for(path), other, "{path}");
    }
    for path in ["/items/c%3Ab", "/items/a%3Ab%20", "/items/%25", "/items/caf%C3%A8", "/items/x%3By"] {
        assert!(rule_for(path).starts_with("GET /items/"), "{path}");
    }
}
