//! An API in this process, behind a real socket: what the example does, with settings that it does not have.

use std::time::Duration;

use axum::response::Response;
use axum::{Router, middleware, routing::get};
use http::HeaderValue;
use portcullis::{
    Introspection, IntrospectionStatus, KeyTiming, Rejection, ResourceServer, TrustedIssuer, ValidatedToken,
    authenticated, scope,
};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

use crate::READ;
use crate::answer::{Answer, REFUSED};
use crate::api::AUDIENCE;
use crate::token::Token;

/// The API, until it is dropped.
pub(crate) struct LocalApi {
    address: String,
    server: ResourceServer,
    _runtime: Runtime,
}

impl LocalApi {
    /// Trusts one issuer, which is asked about tokens.
    pub(crate) fn asking(issuer: &str, introspection: Introspection) -> Self {
        Self::trusting(TrustedIssuer::new(issuer).introspection(introspection))
    }

    pub(crate) fn trusting(issuer: TrustedIssuer) -> Self {
        Self::with_cooldown(KeyTiming::default().cooldown, issuer)
    }

    /// Asks for unknown keys once in this time.
    pub(crate) fn with_cooldown(cooldown: Duration, issuer: TrustedIssuer) -> Self {
        let mut timing = KeyTiming::default();
        timing.cooldown = cooldown;
        let server = ResourceServer::builder(issuer).audience(AUDIENCE).realm("api").key_timing(timing);
        let server = server.dangerous_allow_loopback_http().build().unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.unwrap();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let app = app(&server);
        runtime.spawn(async move { axum::serve(listener, app).await });
        Self { address, server, _runtime: runtime }
    }

    /// The resource that needs a scope.
    pub(crate) fn orders(&self, token: &Token) -> Answer {
        Answer::to_get(&self.orders_url(), Some(token))
    }

    /// The resource that any valid token may see.
    pub(crate) fn whoami(&self, token: &Token) -> Answer {
        Answer::to_get(&format!("{}/whoami", self.address), Some(token))
    }

    pub(crate) fn orders_url(&self) -> String {
        format!("{}/orders", self.address)
    }

    /// What an operator sees of introspection.
    pub(crate) fn status(&self) -> IntrospectionStatus {
        self.server.issuers().status().remove(0).introspection.unwrap()
    }

    /// Nobody can tell whether the token is good, and the operator sees why.
    #[track_caller]
    pub(crate) fn assert_fails_with(&self, code: &str, token: &Token) {
        self.orders(token).assert_unavailable();
        let failure = self.status().last_failure.unwrap();
        assert_eq!(failure.code, code, "{}", failure.message);
        assert!(failure.ago < Duration::from_secs(20), "of this request: {:?}", failure.ago);
    }
}

fn app(server: &ResourceServer) -> Router {
    Router::new()
        .route("/orders", get(orders).route_layer(server.require(scope(READ))))
        .route("/whoami", get(whoami))
        .layer(server.require(authenticated()))
        .layer(middleware::map_response(name_refusal))
}

async fn orders(token: ValidatedToken) -> String {
    format!("orders of {}\n", name(&token))
}

async fn whoami(token: ValidatedToken) -> String {
    let scopes: Vec<_> = token.scopes().iter().collect();
    format!("{} with scopes {scopes:?}\n", name(&token))
}

/// Introspection tells the client alone where there is no user.
fn name(token: &ValidatedToken) -> &str {
    token.subject().or(token.client_id()).unwrap_or("nobody")
}

async fn name_refusal(mut response: Response) -> Response {
    if let Some(rejection) = response.extensions().get::<Rejection>() {
        let code = HeaderValue::from_static(rejection.code());
        response.headers_mut().insert(REFUSED, code);
    }
    response
}
