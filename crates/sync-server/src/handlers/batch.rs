use std::{
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{Receiver, sync_channel},
    },
    time::Duration,
};

use contract::{
    Answer,
    workloads::{
        Composition,
        batch::{Batch, Params, WINDOW, check_type},
    },
};

use crate::{
    app::App,
    body::{BodyReader, Unread},
    offload,
    peers::Peer,
};

/// `POST /batch`: checks records as they arrive. They are looked up one after another by the
/// connection's thread, or by a window of threads.
pub(crate) fn batch(
    app: &App,
    peer: &Peer,
    query: &str,
    content_type: Option<&str>,
    body: &mut BodyReader<'_, '_>,
) -> Result<Answer, Unread> {
    let params = Params::parse(query).map_err(Answer::from)?;
    check_type(content_type)?;
    match (params.lookup(), params.mode) {
        (None, _) => read(body, |_| Ok(())),
        (Some(lookup), Composition::Sequential) => read(body, |records| {
            for _ in 0..records {
                app.waiting.wait(lookup)?;
                peer.still_there(&app.counters)?;
            }
            Ok(())
        }),
        (Some(lookup), Composition::Concurrent) => in_window(app, peer, lookup, body),
    }
}

/// Reads all records; `look_up` is told how many good ones came with each piece of the body.
fn read(
    body: &mut BodyReader<'_, '_>,
    mut look_up: impl FnMut(u64) -> Result<(), Answer>,
) -> Result<Answer, Unread> {
    let mut batch = Batch::default();
    body.pieces(|bytes| look_up(batch.take(bytes)))?;
    look_up(batch.end())?;
    Ok(batch.answer())
}

/// Looks records up on as many threads as the window is wide. They end with the queue, and that ends when one
/// of them has panicked.
fn in_window(
    app: &App,
    peer: &Peer,
    lookup: Duration,
    body: &mut BodyReader<'_, '_>,
) -> Result<Answer, Unread> {
    let (sender, records) = sync_channel::<()>(WINDOW);
    // Only the threads hold it: when none is left, sending fails instead of blocking for ever.
    let records = Arc::new(Mutex::new(records));
    let threads = (0..WINDOW).map(move |_| {
        let records = records.clone();
        move || look_up_all(app, &records, lookup)
    });
    offload::beside(app, threads, move |ended| {
        read(body, |count| {
            (0..count).try_for_each(|_| {
                peer.still_there(&app.counters)?;
                let offered = !ended() && sender.send(()).is_ok();
                let panicked = || Answer::error(500, "a part of the work panicked");
                offered.then_some(()).ok_or_else(panicked)
            })
        })
    })?
}

/// Until there is no record left, or none can be looked up.
fn look_up_all(app: &App, records: &Mutex<Receiver<()>>, lookup: Duration) {
    loop {
        let record = records
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .recv();
        if record.is_err() || app.waiting.wait(lookup).is_err() {
            return;
        }
    }
}
