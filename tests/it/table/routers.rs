//! The table in front of routers that know nothing of it: whichever handler runs, the rule that was asked is that handler's.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::routing::{MethodFilter, MethodRouter, any, get, on};
use http::{Method, Request, Response, header};
use portcullis::{Rejection, ResourceServer, authenticated, predicate};
use tower::{ServiceBuilder, ServiceExt as _, service_fn};

use super::oracle::reads_one_way;
use super::site::{Route, some_path, some_routes, table};
use crate::support::{Random, Toy};

/// What happens to one request: which requirements were asked for, and which handlers ran.
#[derive(Clone, Default)]
struct Seen(Arc<Mutex<(Vec<usize>, Vec<usize>)>>);

impl Seen {
    /// Of rule `number`; admits everybody, or nobody.
    fn requirement(&self, number: usize, admits: bool) -> portcullis::Requirement {
        let seen = self.clone();
        predicate("noted", move |_| {
            let asked = &mut seen.0.lock().unwrap().0;
            // For a refusal it is asked again, what would cure it.
            if asked.last() != Some(&number) {
                asked.push(number);
            }
            admits
        })
    }

    fn ran(&self, number: usize) {
        self.0.lock().unwrap().1.push(number);
    }

    fn take(&self) -> (Vec<usize>, Vec<usize>) {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

/// Where the layer stands on each route, where it does.
type OnRoutes<'a> = Option<(&'a ResourceServer, bool)>;

/// How handlers become an app.
struct Builder<'a> {
    seen: &'a Seen,
    on_routes: OnRoutes<'a>,
}

impl Builder<'_> {
    fn handler(
        &self,
        number: usize,
    ) -> impl Fn() -> std::future::Ready<()> + Clone + Send + Sync + 'static + use<> {
        let seen = self.seen.clone();
        move || {
            seen.ran(number);
            std::future::ready(())
        }
    }

    fn methods(&self, route: &Route) -> MethodRouter {
        let handler = self.handler(route.handler);
        let handlers = match route.methods {
            "*" => any(handler),
            names => {
                let filters = names
                    .split(',')
                    .map(|name| MethodFilter::try_from(Method::try_from(name).unwrap()).unwrap());
                on(filters.reduce(MethodFilter::or).unwrap(), handler)
            }
        };
        match self.on_routes {
            // `any` is what is left where no method is named, so Axum's `route_layer` does not count it in.
            Some((auth, admits)) if route.methods == "*" => {
                handlers.layer(auth.require(self.seen.requirement(route.handler, admits)))
            }
            Some((auth, admits)) => {
                handlers.route_layer(auth.require(self.seen.requirement(route.handler, admits)))
            }
            None => handlers,
        }
    }

    /// Routes, some of them merged, nested, or services.
    fn router(&self, routes: &[Route], random: &mut Random) -> Router {
        let (mut app, mut merged, mut left) = (Router::new(), Router::new(), routes.to_vec());
        while let Some(route) = left.first().cloned() {
            let first = route.path.split('/').nth(1).unwrap().to_owned();
            let prefix = format!("/{first}");
            let below = |route: &Route| {
                let rest = route
                    .path
                    .strip_prefix(&prefix)
                    .filter(|rest| rest.is_empty() || rest.starts_with('/'))?;
                let path = if rest.is_empty() { "/" } else { rest };
                (rest != "/").then(|| Route { path: path.to_owned(), ..route.clone() })
            };
            let is_alone = routes.iter().filter(|other| other.path == route.path).count() == 1;
            if !first.is_empty() && !first.starts_with("{*") && below(&route).is_some() && random.one_in(2) {
                let inner: Vec<_> = left.iter().filter_map(below).collect();
                app = app.nest(&prefix, self.router(&inner, random));
                left.retain(|route| below(route).is_none());
                continue;
            }
            left.remove(0);
            if route.methods == "*" && is_alone && random.one_in(2) {
                app = app.route_service(&route.path, self.methods(&route));
            } else if random.one_in(3) {
                merged = merged.route(&route.path, self.methods(&route));
            } else {
                app = app.route(&route.path, self.methods(&route));
            }
        }
        app.merge(merged)
    }
}

/// What came of a request, if the stack takes it for one.
async fn send(app: &Router, method: &str, target: &str) -> Option<Response<Body>> {
    let request = Request::builder().method(method).uri(target).header(header::AUTHORIZATION, "Bearer good");
    Some(app.clone().oneshot(request.body(Body::empty()).ok()?).await.unwrap())
}

/// The rule that refused, or why none was asked.
fn refused<B>(response: &Response<B>) -> Option<Result<String, String>> {
    let rejection = response.extensions().get::<Rejection>()?;
    assert_eq!((response.status().as_u16(), rejection.code()), (403, "denied"), "{rejection}");
    let denial = rejection.denial().unwrap();
    Some(denial.rule().map(str::to_owned).ok_or_else(|| denial.to_string()))
}

/// That a table asked no rule before it refused a request, and refused none that a handler with a rule would have got.
fn assert_rightly_refused(why: Result<String, String>, expected: &[usize], target: &str, shown: &str) {
    let why = why.expect_err("nothing that was asked refuses");
    let no_rule = ["no rule is for this path", "no rule for this path is for this method"].contains(&&*why);
    assert!(expected.is_empty() || !no_rule, "{why}: {shown}");
    let path: http::Uri = target.parse().unwrap();
    let is_clear = reads_one_way(path.path()) && why != "the path spells what a rule names in another way";
    assert_eq!(is_clear, no_rule, "{why}: {shown}");
}

const FALLBACK: usize = 1_000;
const SERVICE: usize = 1_001;

/// One generated service, bare and behind the layer in several places.
struct Site {
    /// Those of handlers, and rules for what falls through.
    rules: Vec<Route>,
    seen: Seen,
    bare: Router,
    /// With the table around the whole, admitting everybody, and nobody.
    outside: [Router; 2],
    /// With the table in a router that is nested below `/api/{tenant}`.
    nested: Router,
    /// With the layer on each route, admitting everybody, and nobody.
    on_routes: [Router; 2],
}

const PREFIX: &str = "/api/{tenant}";

impl Site {
    fn new(random: &mut Random) -> Self {
        let of_service = ["/files", "/files/", "/files/{*rest}"].map(|path| Route::any(SERVICE, path));
        let mut rules = some_routes(random, of_service.to_vec(), 14);
        let routes = rules[of_service.len()..].to_vec();
        let seen = Seen::default();
        let auth = ResourceServer::from_validator(Toy::default());
        // The same structure each time.
        let seed = random.number();
        let app = |on_routes: OnRoutes<'_>| {
            let builder = Builder { seen: &seen, on_routes };
            builder
                .router(&routes, &mut Random::new(seed))
                .nest_service("/files", builder.methods(&Route::any(SERVICE, "")))
                .fallback_service(builder.methods(&Route::any(FALLBACK, "")))
        };
        for path in ["/", "/{*rest}"] {
            if !rules.iter().any(|rule| rule.path == path) {
                rules.push(Route::any(FALLBACK, path));
            }
        }
        let table_of = |rules: &[Route], admits| table(rules, |number| seen.requirement(number, admits));
        let behind = |policy: Option<portcullis::PolicyTable>| app(None).layer(auth.require(policy.unwrap()));
        let below = |rule: &Route| {
            let path = if rule.path == "/" { PREFIX.to_owned() } else { format!("{PREFIX}{}", rule.path) };
            Route { path, ..rule.clone() }
        };
        let rules_below: Vec<_> = rules.iter().map(below).collect();
        Self {
            bare: app(None),
            outside: [behind(table_of(&rules, true)), behind(table_of(&rules, false))],
            nested: Router::new().nest(PREFIX, behind(table_of(&rules_below, true))),
            on_routes: [app(Some((&auth, true))), app(Some((&auth, false)))],
            rules,
            seen,
        }
    }

    /// Asks for it everywhere; whether a handler ran behind the table.
    async fn compare(&self, method: &str, target: &str) -> Option<bool> {
        let shown = format!("{method} {} of {:?}", &target[..target.len().min(200)], self.rules);
        send(&self.bare, method, target).await?;
        let (_, expected) = self.seen.take();

        let answer = send(&self.outside[0], method, target).await?;
        let (asked, ran) = self.seen.take();
        match refused(&answer) {
            Some(why) => {
                assert_eq!((&asked[..], &ran[..]), (&[][..], &[][..]), "{shown}");
                assert_rightly_refused(why, &expected, target, &shown);
            }
            None => {
                assert_eq!((asked.len(), &ran), (1, &expected), "{shown}");
                assert!(ran.is_empty() || ran == asked, "{asked:?} was asked and {ran:?} ran: {shown}");
            }
        }
        // Where the rule admits nobody, it is the same one that refuses, and no handler runs.
        let answer = send(&self.outside[1], method, target).await?;
        let (denying, none) = self.seen.take();
        assert_eq!((&denying, &none[..]), (&asked, &[][..]), "{shown}");
        let rule = refused(&answer).expect("nobody is admitted").ok();
        let is_named = |own: &&Route| rule == Some(format!("{} {}", own.methods, own.path));
        let named = self.rules.iter().find(is_named).map(|rule| rule.handler);
        assert_eq!((named.is_some(), named), (rule.is_some(), asked.first().copied()), "{shown}");

        // The requirement on a route is asked exactly when its handler would run.
        send(&self.on_routes[0], method, target).await?;
        assert_eq!(self.seen.take(), (expected.clone(), expected.clone()), "{shown}");
        send(&self.on_routes[1], method, target).await?;
        assert_eq!(self.seen.take(), (expected.clone(), vec![]), "{shown}");

        if target.starts_with('/') {
            let answer = send(&self.nested, method, &format!("/api/acme{target}")).await?;
            let (asked, ran) = self.seen.take();
            match refused(&answer) {
                Some(_) => assert_eq!((&asked[..], &ran[..]), (&[][..], &[][..]), "{shown}"),
                None => {
                    assert!(ran.is_empty() || ran == asked, "{asked:?} was asked and {ran:?} ran: {shown}");
                }
            }
        }
        Some(!ran.is_empty())
    }
}

#[tokio::test]
async fn whichever_handler_of_axum_runs_the_rule_that_was_asked_is_the_one_of_its_route() {
    // covers: POL-001, POL-007, POL-034
    let mut random = Random::new(111);
    let (mut ran, mut refused, mut impossible) = (0, 0, 0);
    for _ in 0..25 {
        let site = Site::new(&mut random);
        for _ in 0..400 {
            let target = some_path(&mut random, &site.rules);
            let method =
                *random.pick(&["GET", "GET", "POST", "HEAD", "PUT", "OPTIONS", "get", "PROPFIND", "CONNECT"]);
            match site.compare(method, &target).await {
                Some(true) => ran += 1,
                Some(false) => refused += 1,
                None => impossible += 1,
            }
        }
    }
    assert!(
        ran > 2_000 && refused > 2_000 && impossible > 100,
        "{ran} ran, {refused} not, {impossible} impossible"
    );
}

/// Routers that people write themselves: the handler for a method and path, if there is one.
type Find = fn(&[Route], &Method, &str) -> Option<usize>;

/// The one for this method, of those for a path. HEAD is GET without the content.
fn by_method(routes: &[&Route], method: &Method) -> Option<usize> {
    let named = |name: &str| routes.iter().find(|route| route.methods.split(',').any(|own| own == name));
    let as_get = || if method == Method::HEAD { named("GET") } else { None };
    named(method.as_str()).or_else(as_get).or_else(|| named("*")).map(|route| route.handler)
}

/// Compares the whole path.
fn exactly(routes: &[Route], method: &Method, path: &str) -> Option<usize> {
    by_method(&routes.iter().filter(|route| route.path == path).collect::<Vec<_>>(), method)
}

/// Does to a path whatever is done to paths before they are matched, but for what the table's documentation leaves out: case,
/// slashes at the end, and what follows a semicolon.
fn normalizing(routes: &[Route], method: &Method, path: &str) -> Option<usize> {
    let decoded = decoded(path).replace('\\', "/").replace('\0', "");
    let mut segments = Vec::new();
    for segment in decoded.split('/').filter(|segment| !segment.is_empty()) {
        match segment {
            "." => {}
            ".." => drop(segments.pop()),
            other => segments.push(other),
        }
    }
    if decoded.ends_with('/') {
        segments.push("");
    }
    let template = |route: &Route| decoded_template(&route.path);
    let matching = routes.iter().filter(|route| matches(&template(route), &segments));
    // A literal before a parameter, that before a rest: as `{*` is behind `{p`, and those are behind what they stand for.
    let key = |path: &str| {
        let kind =
            |segment: &String| usize::from(segment.starts_with('{')) + usize::from(segment.starts_with("{*"));
        decoded_template(path).iter().map(kind).collect::<Vec<_>>()
    };
    let least = matching.clone().map(|route| key(&route.path)).min()?;
    by_method(&matching.filter(|route| key(&route.path) == least).collect::<Vec<_>>(), method)
}

fn decoded(path: &str) -> String {
    let mut octets = Vec::new();
    let mut rest = path.as_bytes();
    while let [first, behind @ ..] = rest {
        let digits = behind.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        match digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(octet) if *first == b'%' => {
                octets.push(octet);
                rest = &behind[2..];
            }
            _ => {
                octets.push(*first);
                rest = behind;
            }
        }
    }
    String::from_utf8_lossy(&octets).into_owned()
}

fn decoded_template(path: &str) -> Vec<String> {
    path.split('/').skip(1).map(decoded).collect()
}

fn matches(template: &[String], path: &[&str]) -> bool {
    match (template, path) {
        ([], []) => true,
        ([rest], [_, ..]) if rest.starts_with("{*") => path != [""],
        ([first, template @ ..], [segment, path @ ..]) => {
            let is_it = if first.starts_with('{') { !segment.is_empty() } else { first == segment };
            is_it && matches(template, path)
        }
        _ => false,
    }
}

#[tokio::test]
async fn a_service_that_matches_paths_itself_runs_no_handler_behind_the_rule_of_another() {
    // covers: POL-007
    let mut random = Random::new(112);
    let auth = ResourceServer::from_validator(Toy::default());
    for find in [exactly as Find, normalizing] {
        let mut ran = 0;
        for _ in 0..20 {
            let routes = some_routes(&mut random, vec![Route::any(FALLBACK, "/{*rest}")], 15);
            let seen = Seen::default();
            let policy = table(&routes, |number| seen.requirement(number, true)).unwrap();
            let (all, noted) = (routes.clone(), seen.clone());
            let service = auth.require(policy).layer(service_fn(move |request: Request<()>| {
                find(&all, request.method(), request.uri().path())
                    .into_iter()
                    .for_each(|number| noted.ran(number));
                std::future::ready(Ok::<_, Infallible>(Response::new(String::new())))
            }));
            for _ in 0..250 {
                let target = some_path(&mut random, &routes);
                let method = *random.pick(&["GET", "GET", "POST", "HEAD", "PUT", "DELETE"]);
                let request = Request::builder()
                    .method(method)
                    .uri(&target)
                    .header(header::AUTHORIZATION, "Bearer good");
                let Ok(request) = request.body(()) else { continue };
                let answer = service.clone().oneshot(request).await.unwrap();
                let (asked, handlers) = seen.take();
                if refused(&answer).is_some() {
                    assert_eq!((&asked[..], &handlers[..]), (&[][..], &[][..]));
                } else {
                    assert_eq!(asked.len(), 1);
                    assert!(
                        handlers.is_empty() || handlers == asked,
                        "{asked:?} {handlers:?} {method} {target}: {routes:?}"
                    );
                    ran += handlers.len();
                }
            }
        }
        assert!(ran > 500, "{ran} ran");
    }
}

#[tokio::test]
async fn below_nest_the_path_is_the_clients_and_what_rewrites_it_belongs_outside() {
    // covers: POL-007
    let seen = Seen::default();
    let auth = ResourceServer::from_validator(Toy::default());
    let rules = [Route::any(0, "/orders"), Route::any(1, "/orders/"), Route::any(2, "/{*rest}")];
    let policy = || table(&rules, |number| seen.requirement(number, true)).unwrap();
    let app = || {
        let builder = Builder { seen: &seen, on_routes: None };
        builder.router(&rules[..2], &mut Random::new(1)).fallback_service(builder.methods(&rules[2]))
    };
    // Takes the slash away, as such layers do.
    let trims = || {
        axum::middleware::map_request(async |mut request: Request<Body>| {
            let path = request.uri().path().trim_end_matches('/').to_owned();
            *request.uri_mut() = path.parse().unwrap();
            request
        })
    };
    let outside = ServiceBuilder::new().layer(trims()).service(app().layer(auth.require(policy())));
    let request =
        || Request::get("/orders/").header(header::AUTHORIZATION, "Bearer good").body(Body::empty());
    outside.oneshot(request().unwrap()).await.unwrap();
    assert_eq!(seen.take(), (vec![0], vec![0]));
    // In an outer router that has noted what the client asked for: rule and handler part, as the documentation says.
    let between = Router::new().fallback_service(app().layer(auth.require(policy()))).layer(trims());
    between.oneshot(request().unwrap()).await.unwrap();
    assert_eq!(seen.take(), (vec![1], vec![0]));
}

#[tokio::test]
async fn axum_leaves_what_no_method_names_out_of_the_layer_on_the_methods_of_a_route() {
    let auth = ResourceServer::from_validator(Toy::default());
    let layer = || auth.require(authenticated());
    let handlers = || get(async || "get").fallback(async || "any");
    let app = Router::new()
        .route("/open", handlers().route_layer(layer()))
        .route("/closed", handlers().layer(layer()))
        .route("/routes", handlers());
    let status = async |app: &Router, method: &str, path: &str| {
        let request = Request::builder().method(method).uri(path).body(Body::empty()).unwrap();
        app.clone().oneshot(request).await.unwrap().status().as_u16()
    };
    for (method, path, expected) in [
        ("GET", "/open", 401),
        ("HEAD", "/open", 401),
        ("POST", "/open", 200),
        ("GET", "/closed", 401),
        ("POST", "/closed", 401),
    ] {
        assert_eq!(status(&app, method, path).await, expected, "{method} {path}");
    }
    // On the routes of a router it is a layer on all that they do.
    let app = app.route_layer(layer());
    for path in ["/open", "/closed", "/routes"] {
        assert_eq!(status(&app, "POST", path).await, 401, "{path}");
    }
}
