//! Variables of the environment that would change what a contender's settings say of it: not passed on.

use std::collections::BTreeMap;

/// Variables that runtimes and frameworks read by themselves.
const NAMES: [&str; 10] = [
    "GODEBUG",
    "GOGC",
    "GOMAXPROCS",
    "GOMEMLIMIT",
    "JAVA_TOOL_OPTIONS",
    "JDK_JAVA_OPTIONS",
    "_JAVA_OPTIONS",
    "NODE_OPTIONS",
    "TOKIO_WORKER_THREADS",
    "UV_THREADPOOL_SIZE",
];
/// How such variables begin: Rocket's, Python's, Spring Boot's.
const BEGINNINGS: [&str; 4] = ["PYTHON", "ROCKET_", "SERVER_", "SPRING_"];

/// The command, run without such of these variables as are set, but for those that its manifest sets.
pub fn without_tuning(command: Vec<String>, own: &BTreeMap<String, String>) -> Vec<String> {
    let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    let unset: Vec<String> = names
        .filter(|name| tunes(name) && !own.contains_key(name))
        .collect();
    if unset.is_empty() {
        return command;
    }
    let words = unset.into_iter().flat_map(|name| ["-u".to_owned(), name]);
    std::iter::once("env".to_owned())
        .chain(words)
        .chain(command)
        .collect()
}

fn tunes(name: &str) -> bool {
    NAMES.contains(&name) || BEGINNINGS.iter().any(|it| name.starts_with(it))
}
