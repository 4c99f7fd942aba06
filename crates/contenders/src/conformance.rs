//! What a contender must answer: for each of its routes and modes what the contract says, byte for byte, and
//! 400 to parameters that cannot be taken.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context as _, bail};
use contract::{Class, Definition, Workload};
use engine::Request;

use bench::server_under_test::ServerUnderTest;
use bench::verify;

/// Routes: path to modes, the default mode first.
pub(crate) type Routes = BTreeMap<String, Vec<String>>;

/// The routes that are asked of a built-in server standing for a contender.
const BUILTIN_ROUTES: [&str; 6] = [
    "/",
    "/health",
    "/json",
    "/work",
    "/sync-data",
    "/async-data",
];

/// Parameters beside the defaults: workload with mode, and what to add.
const PARAMETERS: [(&str, &str); 6] = [
    ("work", "wait_ms=20"),
    ("work", "cpu_units=3"),
    ("work", "bytes=70000"),
    ("work", "wait_ms=1&cpu_units=1&bytes=1"),
    ("cpu", "units=0"),
    ("cpu", "units=250"),
];

/// Parameters that cannot be taken: path, query, and what the answer must name.
const REFUSED: [(&str, &str, &str, &str); 12] = [
    ("/work", "wait_ms=-1", "wait_ms", "-1"),
    ("/work", "wait_ms=60001", "wait_ms", "60001"),
    ("/work", "cpu_units=1000001", "cpu_units", "1000001"),
    ("/work", "bytes=10485761", "bytes", "10485761"),
    ("/work", "bytes=1x", "bytes", "1x"),
    ("/work", "bytes=1&bytes=2", "bytes", "2"),
    ("/work", "byte=7", "byte", "7"),
    ("/cpu", "units=1000001", "units", "1000001"),
    ("/cpu", "units=+1", "units", "1"),
    ("/cpu", "mode=nonsense", "mode", "nonsense"),
    ("/block", "ms=60001", "ms", "60001"),
    ("/block", "mode=nonsense", "mode", "nonsense"),
];

/// The paths that some workload asks for.
pub(crate) fn paths() -> Vec<&'static str> {
    let routes = contract::Route::ALL.iter().map(|route| route.path());
    routes.filter(|path| is_asked_for(path)).collect()
}

fn is_asked_for(path: &str) -> bool {
    let mut modes = Definition::ALL
        .iter()
        .flat_map(|definition| definition.modes);
    modes.any(|mode| mode.path == path)
}

/// The modes that the contract knows for a path; `None` when no workload asks for it.
pub(crate) fn modes_of(path: &str) -> Option<Vec<String>> {
    if !is_asked_for(path) {
        return None;
    }
    let mut modes = Vec::new();
    for class in asked(path) {
        modes.extend(mode_of(&class).filter(|mode| !modes.contains(mode)));
    }
    Some(modes)
}

/// Every request of every workload that goes to this path, each once.
fn asked(path: &str) -> Vec<Class> {
    let mut classes: Vec<Class> = Vec::new();
    for definition in Definition::ALL {
        // Only these: to make the others' requests would take seconds, as an upload is hashed.
        for mode in definition.modes.iter().filter(|mode| mode.path == path) {
            let separator = if mode.name.is_empty() { "" } else { ":" };
            let label = format!("{}{separator}{}", definition.name, mode.name);
            let workload = label.parse::<Workload>();
            for class in workload.iter().flat_map(Workload::classes) {
                let is_new = classes
                    .iter()
                    .all(|known| known.request.target != class.request.target);
                if path_of(&class.request.target) == path && is_new {
                    classes.push(class.clone());
                }
            }
        }
    }
    classes
}

fn path_of(target: &str) -> &str {
    target.split('?').next().unwrap_or_default()
}

fn mode_of(class: &Class) -> Option<String> {
    let (_, query) = class.request.target.split_once('?')?;
    let mut pairs = query.split('&');
    pairs.find_map(|pair| pair.strip_prefix("mode=").map(str::to_owned))
}

/// Whether a server with these routes has a workload.
pub(crate) fn has(routes: &Routes, workload: &Workload) -> bool {
    workload.classes().iter().all(|class| {
        routes
            .get(path_of(&class.request.target))
            .is_some_and(|modes| mode_of(class).is_none_or(|mode| modes.contains(&mode)))
    })
}

/// The routes of a built-in server that are compared here; all of them are tested elsewhere.
pub(crate) fn builtin_routes() -> Routes {
    BUILTIN_ROUTES
        .iter()
        .map(|path| ((*path).to_owned(), modes_of(path).unwrap_or_default()))
        .collect()
}

/// Asks a server for everything it claims to have, and compares; the number of answers.
///
/// # Errors
/// For the first answer that differs: what was asked, expected and got.
pub(crate) fn check(
    sut: &ServerUnderTest,
    routes: &Routes,
    timeout: Duration,
) -> anyhow::Result<usize> {
    let classes = right(routes);
    for class in &classes {
        verify::check_class(sut, class, timeout)?;
    }
    let refused = wrong(routes);
    for (target, parameter, value) in &refused {
        check_refused(sut, target, parameter, value, timeout)?;
    }
    Ok(classes.len() + refused.len())
}

/// Requests that must be answered as the contract says.
fn right(routes: &Routes) -> Vec<Class> {
    let mut classes = Vec::new();
    for (path, modes) in routes {
        let offered = asked(path)
            .into_iter()
            .filter(|class| mode_of(class).is_none_or(|mode| modes.contains(&mode)));
        for class in offered {
            // Without a mode, the first one answers: with the same bytes.
            let is_default = mode_of(&class).is_some() && mode_of(&class) == modes.first().cloned();
            if is_default {
                let mut bare = class.clone();
                path.clone_into(&mut bare.request.target);
                classes.push(bare);
            }
            classes.push(class);
        }
        for (name, parameters) in PARAMETERS {
            let labels = match modes.as_slice() {
                [] => vec![format!("{name}?{parameters}")],
                modes => modes
                    .iter()
                    .map(|mode| format!("{name}:{mode}?{parameters}"))
                    .collect(),
            };
            let workloads = labels.iter().flat_map(|label| label.parse::<Workload>());
            classes.extend(
                workloads
                    .flat_map(|workload| workload.classes().to_vec())
                    .filter(|class| path_of(&class.request.target) == path),
            );
        }
    }
    classes
}

/// Requests that must be refused: target, parameter, value.
fn wrong(routes: &Routes) -> Vec<(String, String, String)> {
    let mut refused = Vec::new();
    for (path, modes) in routes {
        for (of, query, parameter, value) in REFUSED {
            if of == path {
                let target = format!("{path}?{query}");
                refused.push((target, parameter.to_owned(), value.to_owned()));
            }
        }
        let not_offered = modes_of(path).unwrap_or_default().into_iter();
        for mode in not_offered.filter(|mode| !modes.contains(mode)) {
            refused.push((format!("{path}?mode={mode}"), "mode".to_owned(), mode));
        }
    }
    refused
}

fn check_refused(
    sut: &ServerUnderTest,
    target: &str,
    parameter: &str,
    value: &str,
    timeout: Duration,
) -> anyhow::Result<()> {
    let answer = engine::fetch(&sut.base_url, &Request::get(target), timeout)
        .with_context(|| format!("GET {target} is not answered"))?;
    let body = String::from_utf8_lossy(&answer.body);
    if answer.status != 400 {
        bail!(
            "GET {target} is answered with status {} instead of 400: {body:.200}",
            answer.status
        );
    }
    let is_json = answer
        .header("content-type")
        .is_some_and(|it| it.split(';').next().unwrap_or_default().trim() == "application/json");
    let document: serde_json::Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    let told = document
        .as_object()
        .filter(|fields| is_json && fields.len() == 1)
        .and_then(|fields| fields.get("error")?.as_str());
    match told {
        Some(told) if told.contains(parameter) && told.contains(value) => Ok(()),
        _ => bail!(
            "GET {target}: expected {{\"error\":\"…\"}} as application/json that names `{parameter}` and `{value}`, \
             got {body:.300} as {}",
            answer.header("content-type").unwrap_or("nothing")
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn routes(routes: &[(&str, &[&str])]) -> Routes {
        let owned = |modes: &[&str]| modes.iter().map(|mode| (*mode).to_owned()).collect();
        routes
            .iter()
            .map(|(path, modes)| ((*path).to_owned(), owned(modes)))
            .collect()
    }

    #[test]
    fn every_mode_of_a_route_is_asked_for_and_those_not_offered_are_refused() {
        let cpu = routes(&[("/cpu", &["inline"])]);
        let targets: Vec<_> = right(&cpu)
            .into_iter()
            .map(|class| class.request.target)
            .collect();
        for target in ["/cpu", "/cpu?mode=inline", "/cpu?mode=inline&units=250"] {
            assert!(targets.iter().any(|known| known == target), "{targets:?}");
        }
        assert!(targets.iter().all(|target| !target.contains("offload")));
        let refused: Vec<_> = wrong(&cpu).into_iter().map(|(target, ..)| target).collect();
        assert!(
            refused.contains(&"/cpu?mode=offload".to_owned()),
            "{refused:?}"
        );
        assert!(refused.iter().all(|target| target.starts_with("/cpu?")));
    }

    #[test]
    fn a_workload_needs_its_routes_and_its_mode() {
        let some = routes(&[("/", &[]), ("/cpu", &["inline"]), ("/block", &["wrong"])]);
        for (label, expected) in [
            ("hello", true),
            ("json", false),
            ("cpu:inline", true),
            ("cpu:offload", false),
            ("blocking:wrong", true),
            ("blocking:right", false),
        ] {
            let workload = label.parse().expect("a workload");
            assert_eq!(has(&some, &workload), expected, "{label}");
        }
    }

    #[test]
    fn a_built_in_server_is_asked_for_the_contract() {
        let count = right(&builtin_routes()).len();
        assert!(count >= 10, "{count}");
        assert_eq!(modes_of("/nothing"), None);
        assert!(paths().contains(&"/block"));
    }
}
