use std::{sync::Arc, time::Duration};

use axum::{
    extract::{RawQuery, State},
    http::{HeaderMap, header},
};
use contract::{
    Answer,
    workloads::{
        Composition,
        batch::{Batch, Params, WINDOW, check_type},
    },
};
use server_core::Counters;
use telemetry::Instrument;
use tokio::task::JoinSet;

use crate::{
    app::App,
    incoming::{BodyReader, Unread},
    offload,
    reply::Reply,
};

/// `POST /batch`: checks records as they arrive. They are looked up one after another, or by a
/// window of tasks.
pub(crate) async fn batch(
    State(app): State<Arc<App>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    mut body: BodyReader,
) -> Result<Reply, Unread> {
    let params = Params::parse(&query.unwrap_or_default()).map_err(Answer::from)?;
    let content_type = headers.get(header::CONTENT_TYPE);
    check_type(content_type.map(|value| value.to_str().unwrap_or("?")))?;
    let mut batch = Batch::default();
    let mut lookups = Lookups::new(&app, params);
    while let Some(bytes) = body.next().await? {
        lookups.look_up(batch.take(&bytes)).await?;
    }
    lookups.look_up(batch.end()).await?;
    lookups.finish().await?;
    Ok(batch.answer().into())
}

/// Looks records up. Those under way are dropped with it.
struct Lookups<'a> {
    app: &'a App,
    time: Option<Duration>,
    mode: Composition,
    window: JoinSet<Result<(), Answer>>,
}

impl<'a> Lookups<'a> {
    fn new(app: &'a App, params: Params) -> Self {
        Self {
            app,
            time: params.lookup(),
            mode: params.mode,
            window: JoinSet::new(),
        }
    }

    /// Looks up so many records more; waits while the window is full.
    async fn look_up(&mut self, records: u64) -> Result<(), Answer> {
        let Some(time) = self.time else {
            return Ok(());
        };
        for _ in 0..records {
            if self.mode == Composition::Sequential {
                self.app.waiting.wait(time).await?;
                continue;
            }
            if self.window.len() >= WINDOW {
                self.join_one().await?;
            }
            let running = Counters::running(self.app.counters.clone());
            let injector = self.app.injector.clone();
            let waiting = Arc::clone(&self.app.waiting);
            let lookup = async move {
                let _running = running;
                if let Some(injector) = &injector {
                    injector.apply_to_task();
                }
                waiting.wait(time).await
            };
            self.window
                .spawn(lookup.instrument(telemetry::work("task")));
        }
        Ok(())
    }

    /// Waits for those under way.
    async fn finish(mut self) -> Result<(), Answer> {
        while !self.window.is_empty() {
            self.join_one().await?;
        }
        Ok(())
    }

    async fn join_one(&mut self) -> Result<(), Answer> {
        match self.window.join_next().await {
            Some(Err(error)) => Err(offload::failed(&error)),
            Some(Ok(looked_up)) => looked_up,
            None => Ok(()),
        }
    }
}
