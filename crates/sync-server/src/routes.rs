//! Which handler answers.

use std::thread;

use contract::{Answer, Route};

use crate::{
    app::App,
    body::{BodyReader, Unread},
    handlers,
    peers::Peer,
    reply::Reply,
    request::Request,
};

/// Answers a request. Its body is at its end already, unless the route's handler reads it.
pub(crate) fn dispatch(
    app: &App,
    peer: &Peer,
    request: &Request,
    body: &mut BodyReader<'_, '_>,
) -> Result<Reply, Unread> {
    let route = match &request.route {
        Ok(route) => *route,
        Err(answer) => return Ok(answer.clone().into()),
    };
    if let Some(injector) = &app.injector
        && !route.is_for_watching()
        && let Some(sleep) = injector.apply()
    {
        thread::sleep(sleep);
    }
    let query = &*request.query;
    let answer = match route {
        Route::Hello => handlers::hello(query),
        Route::Health => handlers::health(query),
        Route::Json => handlers::json(query),
        Route::Work => handlers::work(app, peer, query),
        Route::Stats => handlers::stats(app, query),
        Route::SyncData => handlers::sync_data(app, peer, query),
        Route::AsyncData => handlers::async_data(app, peer, query),
        Route::ConcurrentOps => handlers::concurrent_ops(app, peer, query),
        Route::Errors => handlers::errors(app, peer, query),
        Route::Timeout => handlers::timeout(app, query),
        Route::Cpu => handlers::cpu(app, peer, query),
        Route::Block => handlers::block(app, peer, query),
        Route::Limited => handlers::limited(app, peer, query),
        Route::File => handlers::file(app, query),
        Route::Scenarios => handlers::scenarios(query),
        Route::Aggregate => handlers::aggregate(app, peer, query),
        Route::Backend => handlers::backend(app, query),
        Route::Stream => return Ok(handlers::stream(query).into()),
        Route::Upload => Ok(handlers::upload(query, body)?),
        Route::Batch => {
            let content_type = request.content_type.as_deref();
            Ok(handlers::batch(app, peer, query, content_type, body)?)
        }
        Route::Echo | Route::Room => {
            let upgrade = request.upgrade.as_deref().cloned();
            return Ok(upgrade.map_or_else(
                || Answer::not_found(route.path()).into(),
                |upgrade| upgrade.map(Reply::WebSocket).into(),
            ));
        }
        Route::Rooms => handlers::rooms(app, query),
    };
    Ok(answer.into())
}
