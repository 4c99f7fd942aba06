use contract::{Answer, workloads::aggregate::Service};

use crate::app::App;

/// `GET /backend`: stands for a service that somebody else runs.
pub(crate) fn backend(app: &App, query: &str) -> Result<Answer, Answer> {
    let service = Service::parse(query)?;
    app.waiting.wait(service.wait())?;
    Ok(service.answer())
}
