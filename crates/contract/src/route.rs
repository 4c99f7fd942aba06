//! Which paths there are, and which methods they take.

use crate::Answer;

/// A path that all servers answer (or say why not).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Route {
    /// `/`
    Hello,
    /// `/health`
    Health,
    /// `/json`
    Json,
    /// `/work`
    Work,
    /// `/stats`
    Stats,
    /// `/sync-data`
    SyncData,
    /// `/async-data`
    AsyncData,
    /// `/concurrent-ops`
    ConcurrentOps,
    /// `/errors`
    Errors,
    /// `/timeout`
    Timeout,
    /// `/cpu`
    Cpu,
    /// `/block`
    Block,
    /// `/limited`
    Limited,
    /// `/file`
    File,
    /// `/scenarios`
    Scenarios,
    /// `/aggregate`
    Aggregate,
    /// `/backend`
    Backend,
    /// `/stream`
    Stream,
    /// `/upload`
    Upload,
    /// `/batch`
    Batch,
    /// `/ws/echo`
    Echo,
    /// `/ws/room/{name}`
    Room,
    /// `/ws/rooms`
    Rooms,
}

impl Route {
    /// All routes.
    pub const ALL: &'static [Self] = &[
        Self::Hello,
        Self::Health,
        Self::Json,
        Self::Work,
        Self::Stats,
        Self::SyncData,
        Self::AsyncData,
        Self::ConcurrentOps,
        Self::Errors,
        Self::Timeout,
        Self::Cpu,
        Self::Block,
        Self::Limited,
        Self::File,
        Self::Scenarios,
        Self::Aggregate,
        Self::Backend,
        Self::Stream,
        Self::Upload,
        Self::Batch,
        Self::Echo,
        Self::Room,
        Self::Rooms,
    ];

    /// The route of a path without its query.
    pub fn find(path: &str) -> Option<Self> {
        Some(match path {
            "/" => Self::Hello,
            "/health" => Self::Health,
            "/json" => Self::Json,
            "/work" => Self::Work,
            "/stats" => Self::Stats,
            "/sync-data" => Self::SyncData,
            "/async-data" => Self::AsyncData,
            "/concurrent-ops" => Self::ConcurrentOps,
            "/errors" => Self::Errors,
            "/timeout" => Self::Timeout,
            "/cpu" => Self::Cpu,
            "/block" => Self::Block,
            "/limited" => Self::Limited,
            "/file" => Self::File,
            "/scenarios" => Self::Scenarios,
            "/aggregate" => Self::Aggregate,
            "/backend" => Self::Backend,
            "/stream" => Self::Stream,
            "/upload" => Self::Upload,
            "/batch" => Self::Batch,
            "/ws/echo" => Self::Echo,
            "/ws/rooms" => Self::Rooms,
            _ => {
                let room = path.strip_prefix("/ws/room/")?;
                if room.is_empty() || room.contains('/') {
                    return None;
                }
                Self::Room
            }
        })
    }

    /// The route of a request, or the answer when there is none.
    ///
    /// # Errors
    ///
    /// The answer: 404 or 405; to `OPTIONS *`, the one path that is none, 200.
    pub fn requested(method: &str, path: &str) -> Result<Self, Answer> {
        match Self::find(path) {
            Some(route) if route.takes(method) => Ok(route),
            Some(route) => Err(Answer::method_not_allowed(method, path, route.allow())),
            None if path == "*" => Err(Answer::options()),
            None => Err(Answer::not_found(path)),
        }
    }

    /// Its path, in the notation of Axum.
    pub fn path(self) -> &'static str {
        match self {
            Self::Hello => "/",
            Self::Health => "/health",
            Self::Json => "/json",
            Self::Work => "/work",
            Self::Stats => "/stats",
            Self::SyncData => "/sync-data",
            Self::AsyncData => "/async-data",
            Self::ConcurrentOps => "/concurrent-ops",
            Self::Errors => "/errors",
            Self::Timeout => "/timeout",
            Self::Cpu => "/cpu",
            Self::Block => "/block",
            Self::Limited => "/limited",
            Self::File => "/file",
            Self::Scenarios => "/scenarios",
            Self::Aggregate => "/aggregate",
            Self::Backend => "/backend",
            Self::Stream => "/stream",
            Self::Upload => "/upload",
            Self::Batch => "/batch",
            Self::Echo => "/ws/echo",
            Self::Room => "/ws/room/{name}",
            Self::Rooms => "/ws/rooms",
        }
    }

    /// The methods it takes, as the `allow` field lists them.
    pub fn allow(self) -> &'static str {
        match self {
            Self::Upload | Self::Batch => "POST",
            Self::Echo | Self::Room => "GET",
            _ => "GET,HEAD",
        }
    }

    /// Whether its handler reads the body; for all others it is read to its end beforehand.
    pub fn reads_body(self) -> bool {
        matches!(self, Self::Upload | Self::Batch)
    }

    /// Whether it goes on with WebSocket.
    pub fn upgrades(self) -> bool {
        matches!(self, Self::Echo | Self::Room)
    }

    /// Whether `async-bare` has it.
    pub fn is_in_async_bare(self) -> bool {
        !self.reads_body() && !self.upgrades() && self != Self::Rooms
    }

    /// Whether it takes the method.
    pub fn takes(self, method: &str) -> bool {
        self.allow().split(',').any(|allowed| allowed == method)
    }

    /// Whether it is there to watch the server: such a request is not slowed by injected faults.
    pub fn is_for_watching(self) -> bool {
        matches!(self, Self::Health | Self::Stats | Self::Rooms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_path_leads_to_its_route() {
        for &route in Route::ALL {
            assert_eq!(Route::find(route.path()), Some(route));
        }
        assert_eq!(Route::find("/ws/room/a"), Some(Route::Room));
        assert_eq!(Route::find("/ws/room/"), None);
        assert_eq!(Route::find("/ws/room/a/b"), None);
        assert_eq!(Route::find("/nothing"), None);
        assert_eq!(Route::find("/json/"), None);
        assert_eq!(Route::find("*"), None);
    }

    #[test]
    fn without_a_route_there_is_an_answer() {
        let status = |method, path| Route::requested(method, path).map_err(|answer| answer.status);
        assert_eq!(status("GET", "/json"), Ok(Route::Json));
        assert_eq!(status("POST", "/json"), Err(405));
        assert_eq!(status("GET", "/nothing"), Err(404));
        assert_eq!(status("OPTIONS", "*"), Err(200));
    }

    #[test]
    fn methods_are_exact() {
        assert!(Route::Json.takes("GET") && Route::Json.takes("HEAD"));
        assert!(!Route::Json.takes("POST") && !Route::Json.takes("get"));
    }
}
