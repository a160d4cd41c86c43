//! The routes, and the document that describes them.

use std::sync::Arc;

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router, middleware};
use utoipa::OpenApi as _;
use utoipa::openapi::OpenApi;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::app::App;
use super::layers::{authorize, observe};
use super::problem::Problem;
use super::{holds, probes, provision, reads};

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "provision",
        description = "Gives every tenant of a PostgreSQL application its own, complete, \
                       up-to-date schema."
    ),
    components(schemas(Problem)),
    tags(
        (name = "provision", description = "Provision tenants"),
        (name = "read", description = "Read tenants; nothing changes"),
        (name = "probe", description = "The service itself; no token is needed"),
    )
)]
struct Document;

/// All routes with their documents.
fn documented() -> OpenApiRouter<Arc<App>> {
    let mut document = Document::openapi();
    let bearer = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some("Read-only tokens are accepted where nothing changes."))
        .build();
    let components = document.components.get_or_insert_default();
    components.add_security_scheme("bearer", SecurityScheme::Http(bearer));
    OpenApiRouter::with_openapi(document)
        .routes(routes!(provision::one))
        .routes(routes!(provision::all))
        .routes(routes!(provision::job))
        .routes(routes!(holds::hold, holds::release))
        .routes(routes!(reads::tenants))
        .routes(routes!(reads::tenant))
        .routes(routes!(reads::plan))
        .routes(routes!(reads::drift))
        .routes(routes!(probes::healthz))
        .routes(routes!(probes::readyz))
        .routes(routes!(probes::metrics))
}

/// The OpenAPI 3.1 document of the service.
#[must_use]
pub fn openapi() -> OpenApi {
    documented().split_for_parts().1
}

pub(super) fn router(app: Arc<App>) -> Router {
    let (router, document) = documented().split_for_parts();
    let document = Arc::new(document);
    let describe = move || {
        let document = Arc::clone(&document);
        async move { Json(&*document).into_response() }
    };
    router
        .route("/openapi.json", get(describe))
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(middleware::from_fn_with_state(Arc::clone(&app), authorize))
        .layer(middleware::from_fn_with_state(Arc::clone(&app), observe))
        .with_state(app)
}

async fn not_found() -> Response {
    Problem::not_found().into_response()
}

async fn method_not_allowed() -> Response {
    Problem::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "method-not-allowed",
        "The path does not support this method; see the Allow header",
    )
    .into_response()
}
