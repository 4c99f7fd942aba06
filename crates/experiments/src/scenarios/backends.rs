//! `aggregate`: servers that ask other servers. Those are a real process, started first.

use record::Record;

use super::{Scenario, first_load_point, on_each};
use crate::plan::Plan;
use bench::process::ServerProcess;
use bench::server_spec::ServerSource;

/// The server that plays the services: tasks, so that it is not what limits.
const MODEL: &str = "async-bare";

/// Keeps the services alive while it lives.
#[derive(Default)]
pub(super) struct Backends {
    services: Option<ServerProcess>,
}

/// Flags that have the services tell what a server under measurement tells, so that its traces go on there.
fn told(plan: &Plan) -> Vec<String> {
    let of_server = |flags: &Vec<String>| {
        let mut told = Vec::new();
        let mut flags = flags.iter();
        while let Some(flag) = flags.next() {
            let (name, value) = match flag.split_once('=') {
                Some((name, value)) => (name, Some(value)),
                None => (flag.as_str(), None),
            };
            if !["--log", "--otlp-endpoint"].contains(&name) {
                continue;
            }
            let value = value.or_else(|| flags.next().map(String::as_str));
            told.extend([name.to_owned(), value.unwrap_or_default().to_owned()]);
        }
        told
    };
    let servers = plan
        .servers
        .iter()
        .filter_map(|server| match &server.source {
            ServerSource::BuiltIn { flags, .. } => Some(of_server(flags)),
            _ => None,
        });
    let mut told = servers.filter(|flags| !flags.is_empty());
    told.next().unwrap_or_default()
}

impl Scenario for Backends {
    fn start(&mut self, plan: &Plan) -> anyhow::Result<Vec<(&'static str, String)>> {
        let services = ServerProcess::start_built_in(MODEL, &told(plan), &plan.client_cpus)?;
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
