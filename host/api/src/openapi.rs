//! The description of the native API (`OpenAPI` 3.1), and a page to try it.

use crate::key;
use axum::Router;
use axum::http::HeaderValue;
use axum::http::header::CONTENT_SECURITY_POLICY;
use axum::middleware::map_response;
use axum::response::Response;
use utoipa::openapi::OpenApi;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, SecurityRequirement, SecurityScheme};
use utoipa_swagger_ui::{Config, SwaggerUi};

/// Where the description is, and where the page.
const DOCUMENT: &str = "/openapi.json";
const PAGE: &str = "/docs";

/// The page loads nothing from elsewhere, and sends nothing there.
const FROM_HERE: HeaderValue = HeaderValue::from_static(
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'",
);

/// What stands around the paths.
#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Hostler",
        description = "Runs commands on Linux servers and moves files to and from them over SSH. What may be asked, and how it is done, is decided by sandboxed plugins.\n\nErrors are problem documents (RFC 9457): `kind` and `phase` are stable words, `detail` is one sentence that says what to do.",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    ),
    tags(
        (name = "jobs", description = "One request to one target each."),
        (name = "batches", description = "Jobs that are submitted together."),
        (name = "plugins", description = "Drivers carry jobs out, policies judge them."),
        (name = "host keys", description = "The keys of servers on record."),
        (name = "keys", description = "Who may ask, and what."),
        (name = "audit", description = "What was asked, decided and done."),
    ),
)]
struct Around;

/// The whole description, of these paths below `/v1`.
pub(crate) fn document(paths: OpenApi) -> OpenApi {
    let mut document = <Around as utoipa::OpenApi>::openapi().nest("/v1", paths);
    let header =
        ApiKey::Header(ApiKeyValue::with_description(key::NAME, "It may also come as query parameter or cookie."));
    let components = document.components.get_or_insert_default();
    components.add_security_scheme("key", SecurityScheme::ApiKey(header));
    document.security = Some(vec![SecurityRequirement::new("key", Vec::<String>::new())]);
    document
}

/// Serves the description and the page to everybody: they are the same for each daemon.
pub(crate) fn router(document: OpenApi) -> Router {
    let config = Config::default().validator_url("none");
    let page = SwaggerUi::new(PAGE).url(DOCUMENT, document).config(config);
    Router::from(page).layer(map_response(async |mut response: Response| {
        response.headers_mut().insert(CONTENT_SECURITY_POLICY, FROM_HERE);
        response
    }))
}
