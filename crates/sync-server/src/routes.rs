//! Which handler answers.

use std::thread;

use http1::Head;
use workload::{Answer, Route};

use crate::{app::App, connection::Request, handlers, peers::Peer, reply::Reply};

/// The route of a request, or the answer when there is none.
pub(crate) fn find(head: &Head<'_>) -> Result<Route, Answer> {
    match Route::find(head.path) {
        None => Err(Answer::not_found(head.path)),
        Some(route) if !route.takes(head.method_token) => Err(Answer::method_not_allowed(
            head.method_token,
            head.path,
            route.allow(),
        )),
        Some(route) => Ok(route),
    }
}

/// Answers a request.
pub(crate) fn dispatch(app: &App, peer: &Peer, request: &Request) -> Reply {
    let route = match &request.route {
        Ok(route) => *route,
        Err(answer) => return answer.clone().into(),
    };
    if let Some(injector) = &app.injector
        && !route.is_for_watching()
        && let Some(sleep) = injector.apply()
    {
        thread::sleep(sleep);
    }
    let query = &*request.query;
    match route {
        Route::Hello => handlers::hello(query),
        Route::Health => handlers::health(query),
        Route::Json => handlers::json(query),
        Route::Work => handlers::work(query),
        Route::Stats => handlers::stats(app, query),
        Route::SyncData => handlers::sync_data(peer, query),
        Route::AsyncData => handlers::async_data(app, query),
        Route::ConcurrentOps => handlers::concurrent_ops(app, query),
        Route::Errors => handlers::errors(app, peer, query),
        Route::Timeout => handlers::timeout(app, query),
        Route::Cpu => handlers::cpu(app, query),
        Route::Block => handlers::block(query),
        Route::Limited => handlers::limited(app, peer, query),
        Route::File => handlers::file(app, query),
        Route::Scenarios => handlers::scenarios(query),
        Route::Aggregate => handlers::aggregate(app, peer, query),
        Route::Backend => handlers::backend(query),
        Route::Stream => return handlers::stream(query).into(),
    }
    .into()
}
