//! The routes, and the document that tells of them.

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
use super::layers::{guard, observe};
use super::problem::Problem;
use super::{looks, orders, probes};

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "provision",
        description = "Gives every tenant of a PostgreSQL application its own, complete, \
                       up-to-date schema."
    ),
    components(schemas(Problem)),
    tags(
        (name = "provision", description = "Tenants are provisioned"),
        (name = "look", description = "Tenants are looked at; nothing changes"),
        (name = "probe", description = "The service itself; no token is needed"),
    )
)]
struct Document;

/// All routes with their documents.
fn documented() -> OpenApiRouter<Arc<App>> {
    let mut document = Document::openapi();
    let bearer = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some("Read-only tokens are taken where nothing changes."))
        .build();
    let components = document.components.get_or_insert_default();
    components.add_security_scheme("bearer", SecurityScheme::Http(bearer));
    OpenApiRouter::with_openapi(document)
        .routes(routes!(orders::provision_tenant))
        .routes(routes!(orders::provision_all))
        .routes(routes!(orders::job))
        .routes(routes!(looks::tenants))
        .routes(routes!(looks::tenant))
        .routes(routes!(looks::plan))
        .routes(routes!(looks::drift))
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
    let tell = move || {
        let document = Arc::clone(&document);
        async move { Json(&*document).into_response() }
    };
    router
        .route("/openapi.json", get(tell))
        .fallback(nothing_here)
        .method_not_allowed_fallback(other_method)
        .layer(middleware::from_fn_with_state(Arc::clone(&app), guard))
        .layer(middleware::from_fn_with_state(Arc::clone(&app), observe))
        .with_state(app)
}

async fn nothing_here() -> Response {
    Problem::not_found().into_response()
}

async fn other_method() -> Response {
    Problem::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "method-not-allowed",
        "The method is not for this path; see the Allow header",
    )
    .into_response()
}
