//! Routes as they are generated, and requests for them that nobody would send by mistake.

use std::collections::BTreeSet;

use portcullis::{PolicyTable, Requirement, authenticated};

use crate::support::Random;

/// Some handler's: methods and path, as a rule and as Axum have them.
#[derive(Clone, Debug)]
pub(super) struct Route {
    /// Which handler it leads to; its rule is written with the same number.
    pub(super) handler: usize,
    pub(super) methods: &'static str,
    pub(super) path: String,
}

impl Route {
    pub(super) fn any(handler: usize, path: &str) -> Self {
        Self { handler, methods: "*", path: path.to_owned() }
    }
}

const LITERALS: [&str; 7] = ["orders", "mine", "v1", "a", "@me", "x;y", "caf%C3%A9"];
const METHODS: [&str; 6] = ["GET", "POST", "GET,POST", "HEAD", "PUT,DELETE", "*"];

fn one_of<'a>(random: &mut Random, choices: &[&'a str]) -> &'a str {
    choices[random.below(choices.len())]
}

/// Up to so many routes that both a table and Axum take: no two that could be meant, and none that Axum calls a conflict;
/// and those that are there already.
pub(super) fn some_routes(random: &mut Random, mut routes: Vec<Route>, most: usize) -> Vec<Route> {
    for _ in 0..4 * most {
        let segments: Vec<_> = (0..random.below(4))
            .map(|depth| {
                if random.one_in(3) {
                    format!("/{{p{depth}}}")
                } else {
                    format!("/{}", one_of(random, &LITERALS))
                }
            })
            .collect();
        let end = one_of(random, &["", "", "", "/", "/{*rest}"]);
        let path =
            if segments.is_empty() && end.is_empty() { "/".to_owned() } else { segments.concat() + end };
        let route = Route { handler: routes.len(), methods: one_of(random, &METHODS), path };
        let more = [&routes[..], &[route]].concat();
        if !conflicts(&more) && table(&more, |_| authenticated()).is_some() {
            routes = more;
        }
        if routes.len() == most {
            break;
        }
    }
    routes
}

/// Axum takes no parameter beside a rest (`/a/{x}` and `/a/{*rest}`), which a table does.
fn conflicts(routes: &[Route]) -> bool {
    let before = |segment: &str| {
        let cut = move |route: &Route| {
            let found: Vec<_> =
                route.path.match_indices(segment).map(|(at, _)| route.path[..at].to_owned()).collect();
            found
        };
        routes.iter().flat_map(cut).collect::<BTreeSet<_>>()
    };
    let parameters: BTreeSet<_> = (0..4).flat_map(|depth| before(&format!("/{{p{depth}}}"))).collect();
    !parameters.is_disjoint(&before("/{*rest}"))
}

/// The table of these routes, below the prefix that they may have.
pub(super) fn table(routes: &[Route], requirement: impl Fn(usize) -> Requirement) -> Option<PolicyTable> {
    let rule = |table: portcullis::PolicyTableBuilder, route: &Route| {
        table.rule(format!("{} {}", route.methods, route.path), requirement(route.handler))
    };
    routes.iter().fold(PolicyTable::builder(), rule).build().ok()
}

/// Stands before a segment.
const DETOURS: &str = "/.. /. / // /x/.. /%2e%2e /.%2E /%2e \\.. /..; /%252e%252e /... /;x=1";
/// Stands behind all.
const ENDS: &str = "/ // /. /.. ?x=/orders ?/../orders #x #/mine %3f %3Fx=/mine %23 ;x=1 ;/mine %00 %00.css %0a %20 . .. .json % %2 \\ %5c \
                    %2f %2F.. /%2e%2e/mine *";
/// Instead of the whole.
const TARGETS: &str = "* http://api http://api?x=/orders /? //api/orders api:443 /";

/// One of these words.
fn word<'a>(random: &mut Random, words: &'a str) -> &'a str {
    let words: Vec<_> = words.split_whitespace().collect();
    words[random.below(words.len())]
}

/// A path for one of the routes, and then what is done to paths by those who look for a way around a rule.
pub(super) fn some_path(random: &mut Random, routes: &[Route]) -> String {
    let template = if random.one_in(8) { "/{p0}/{p1}" } else { &*random.pick(routes).path };
    let mut path = String::new();
    for segment in template.split('/').skip(1) {
        let fill = match segment {
            "{*rest}" => format!("{}/{}", one_of(random, &LITERALS), one_of(random, &["x", "", "mine"])),
            name if name.starts_with('{') => word(random, "7 mine a%20b @me %40me ...").to_owned(),
            literal => literal.to_owned(),
        };
        path = format!("{path}/{fill}");
    }
    for _ in 0..random.below(3) {
        let at = random.below(path.len() + 1);
        match random.below(9) {
            0 if path.is_char_boundary(at) => {
                let slash = path[..at].rfind('/').unwrap_or(0);
                path.insert_str(slash, word(random, DETOURS));
            }
            1 => path.push_str(word(random, ENDS)),
            2 => path = path.replacen('/', word(random, "// \\ %2f %2F %5c /./ /%2f"), 2),
            3 if at < path.len() && path.as_bytes()[at].is_ascii() => {
                let octet = path.as_bytes()[at];
                let encoded =
                    if random.one_in(2) { format!("%{octet:02x}") } else { format!("%{octet:02X}") };
                path.replace_range(at..=at, &encoded);
            }
            4 => path = random.any_case(&path),
            5 => path = path.trim_end_matches('/').to_owned(),
            6 => path = path.replace("%C3%A9", word(random, "%c3%a9 %C3%a9 %c3%A9 é e")),
            7 => path = path.replace(['@', ';'], word(random, "%40 %3B %3b @ ;")),
            _ => {}
        }
    }
    match random.below(100) {
        0 => format!("http://api{path}"),
        1 => format!("http://evil.example:99{path}"),
        2 => word(random, TARGETS).to_owned(),
        3 => path + &"/a".repeat(10_000),
        4 => path.replacen('/', "", 1),
        _ => path,
    }
}
