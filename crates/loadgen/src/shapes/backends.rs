//! `aggregate`: servers that ask other servers. Those are a real process, started first.

use report::format;
use report::record::Record;

use super::{Shape, first_load_point, on_each};
use crate::plan::Plan;
use crate::process::ServerProcess;

/// The server that plays the services: tasks, so that it is not what limits.
const MODEL: &str = "async-bare";

/// Keeps the services alive while it lives.
#[derive(Default)]
pub struct Backends {
    services: Option<ServerProcess>,
}

impl Shape for Backends {
    fn start(&mut self, plan: &Plan) -> anyhow::Result<Vec<(&'static str, String)>> {
        let services = ServerProcess::start_built_in(MODEL, &[], &plan.client_cpus)?;
        let address = services.url().replacen("http://", "", 1);
        self.services = Some(services);
        Ok(vec![("--backend", address)])
    }

    fn findings(&self, record: &Record) -> Vec<String> {
        let latency = on_each(first_load_point(record), |cell| {
            cell.latency_us.mean.map(format::duration_us)
        });
        latency
            .map(|latency| {
                format!(
                    "Asking all services took {latency} on average ({}).",
                    record.config.workload
                )
            })
            .into_iter()
            .collect()
    }
}
