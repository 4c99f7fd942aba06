use contract::{Answer, params};

use crate::{app::App, stats};

/// `GET /stats`
pub(crate) async fn stats(app: &App, query: &str) -> Result<Answer, Answer> {
    params::none(query)?;
    Ok(stats::snapshot(app).answer())
}
