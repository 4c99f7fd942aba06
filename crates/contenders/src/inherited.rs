//! Variables of the environment that would change what a contender's settings say of it: not passed on.

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

/// Such of these variables as are set.
pub(crate) fn tuning() -> Vec<String> {
    let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    names.filter(|name| tunes(name)).collect()
}

fn tunes(name: &str) -> bool {
    NAMES.contains(&name) || BEGINNINGS.iter().any(|it| name.starts_with(it))
}
