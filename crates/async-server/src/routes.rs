//! Which handler answers, by both doors.

use std::sync::Arc;

use axum::{
    Router,
    extract::{RawQuery, State},
    http::{Method, Uri},
    routing::{get, post},
};
use contract::{Answer, Route};

use crate::{app::App, handlers, reply::Reply, request::Request};

/// Answers a request to `async-bare`.
pub(crate) async fn dispatch(app: &App, request: &Request) -> Reply {
    let route = match &request.route {
        Ok(route) => *route,
        Err(answer) => return answer.clone().into(),
    };
    inject_faults(app, route).await;
    let query = &*request.query;
    match route {
        Route::Hello => handlers::hello(query).await,
        Route::Health => handlers::health(query).await,
        Route::Json => handlers::json(query).await,
        Route::Work => handlers::work(app, query).await,
        Route::Stats => handlers::stats(app, query).await,
        Route::SyncData => handlers::sync_data(app, query).await,
        Route::AsyncData => handlers::async_data(app, query).await,
        Route::ConcurrentOps => handlers::concurrent_ops(app, query).await,
        Route::Errors => handlers::errors(app, query).await,
        Route::Timeout => handlers::timeout(app, query).await,
        Route::Cpu => handlers::cpu(app, query).await,
        Route::Block => handlers::block(app, query).await,
        Route::Limited => handlers::limited(app, query).await,
        Route::File => handlers::file(app, query).await,
        Route::Scenarios => handlers::scenarios(query).await,
        Route::Aggregate => handlers::aggregate(app, query).await,
        Route::Backend => handlers::backend(app, query).await,
        Route::Stream => return handlers::stream(app, query).await.into(),
        Route::Upload | Route::Batch | Route::Echo | Route::Room | Route::Rooms => {
            // No `Request` has one of them: they are for Axum's parts.
            Err(Answer::not_found(route.path()))
        }
    }
    .into()
}

/// The routes of `async`.
pub(crate) fn router(app: Arc<App>) -> Router {
    /// A route whose handler looks at the query only, or at the application's state too.
    macro_rules! answers {
        ($handler:path) => {
            get(|RawQuery(query): RawQuery| async move {
                Reply::from($handler(&query.unwrap_or_default()).await)
            })
        };
        ($handler:path, app) => {
            get(
                |State(app): State<Arc<App>>, RawQuery(query): RawQuery| async move {
                    Reply::from($handler(&app, &query.unwrap_or_default()).await)
                },
            )
        };
    }
    Router::new()
        .route(Route::Hello.path(), answers!(handlers::hello))
        .route(Route::Health.path(), answers!(handlers::health))
        .route(Route::Json.path(), answers!(handlers::json))
        .route(Route::Work.path(), answers!(handlers::work, app))
        .route(Route::Stats.path(), answers!(handlers::stats, app))
        .route(Route::SyncData.path(), answers!(handlers::sync_data, app))
        .route(Route::AsyncData.path(), answers!(handlers::async_data, app))
        .route(
            Route::ConcurrentOps.path(),
            answers!(handlers::concurrent_ops, app),
        )
        .route(Route::Errors.path(), answers!(handlers::errors, app))
        .route(Route::Timeout.path(), answers!(handlers::timeout, app))
        .route(Route::Cpu.path(), answers!(handlers::cpu, app))
        .route(Route::Block.path(), answers!(handlers::block, app))
        .route(Route::Limited.path(), answers!(handlers::limited, app))
        .route(Route::File.path(), answers!(handlers::file, app))
        .route(Route::Scenarios.path(), answers!(handlers::scenarios))
        .route(Route::Aggregate.path(), answers!(handlers::aggregate, app))
        .route(Route::Backend.path(), answers!(handlers::backend, app))
        .route(Route::Stream.path(), answers!(handlers::stream, app))
        .route(Route::Upload.path(), post(handlers::upload))
        .route(Route::Batch.path(), post(handlers::batch))
        .route(Route::Echo.path(), get(handlers::websocket).head(no_route))
        .route(Route::Room.path(), get(handlers::websocket).head(no_route))
        .route(Route::Rooms.path(), answers!(handlers::rooms, app))
        .fallback(no_route)
        .method_not_allowed_fallback(no_route)
        .with_state(app)
}

async fn no_route(method: Method, uri: Uri) -> Reply {
    let answer = match Route::requested(method.as_str(), uri.path()) {
        Ok(route) => Answer::not_found(route.path()),
        Err(answer) => answer,
    };
    answer.into()
}

/// Slows a request down if asked to, by either door.
pub(crate) async fn inject_faults(app: &App, route: Route) {
    if let Some(injector) = &app.injector
        && !route.is_for_watching()
        && let Some(sleep) = injector.apply()
    {
        app.waiting.pause(sleep).await;
    }
}
