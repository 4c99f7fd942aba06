//! The article's figures and those of the publication behind it: facts about other people's hardware,
//! kept as data in `data/article.toml` with their sources, never measured by this project.

use serde::Deserialize;

const DATA: &str = include_str!("../data/article.toml");

/// The article's framework that everything in its table is relative to.
pub const REFERENCE_FRAMEWORK: &str = "Rust Std";

/// The server of this project that stands beside [`REFERENCE_FRAMEWORK`].
pub const REFERENCE_SERVER: &str = "sync";

/// The article, its claims, and the publication its numbers come from.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Reference {
    /// The article.
    pub article: Article,
    /// The benchmark notes behind the article.
    pub publication: Publication,
}

/// Where the figures with keep-alive on or off were printed, in words.
pub fn source(keep_alive: bool) -> &'static str {
    if keep_alive {
        "the article"
    } else {
        "the publication behind the article"
    }
}

/// The article as it was read.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Article {
    /// Title.
    pub title: String,
    /// Where it was read.
    pub retrieved_from: String,
    /// When it was read, year-month-day.
    pub date: String,
    /// Load generator it used.
    pub tool: String,
    /// Connections it used.
    pub concurrency: u32,
    /// Length of its runs in seconds.
    pub duration_s: f64,
    /// The frameworks in its order, keep-alive on.
    pub framework: Vec<Framework>,
    /// What it says in words.
    pub claim: Vec<Claim>,
}

/// A claim that the article makes in words.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Claim {
    /// Stable name.
    pub id: String,
    /// The claim.
    pub text: String,
    /// The margin it states in percent, if it states one.
    pub value_percent: Option<f64>,
}

/// One framework of the article.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Framework {
    /// Name.
    pub name: String,
    /// Requests per second.
    pub qps: f64,
}

/// The publication behind the article.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Publication {
    /// Where it is kept.
    pub repository: String,
    /// wrk with connections kept alive.
    pub wrk_keep_alive: WrkRows,
    /// wrk with a connection per request.
    pub wrk_close: WrkRows,
    /// Why its numbers are not like for like.
    pub caveats: Caveats,
}

/// Rows as wrk printed them.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct WrkRows {
    /// One row for each framework.
    pub rows: Vec<WrkRow>,
}

/// Name, requests per second; then mean, standard deviation and maximum of latency in ms, share within
/// one standard deviation in percent, requests, and MiB per second.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct WrkRow(
    pub String,
    pub f64,
    pub f64,
    pub f64,
    pub f64,
    pub f64,
    pub u64,
    pub f64,
);

impl WrkRow {
    /// Name of the framework.
    pub fn name(&self) -> &str {
        &self.0
    }

    /// Mean latency in milliseconds, from a histogram that wrk fills up.
    pub fn mean_ms(&self) -> f64 {
        self.2
    }

    /// Largest latency in milliseconds.
    pub fn max_ms(&self) -> f64 {
        self.4
    }

    /// Requests in total.
    pub fn requests(&self) -> u64 {
        self.6
    }

    /// Bytes of answers per second, in MiB.
    pub fn mebibytes_per_s(&self) -> f64 {
        self.7
    }
}

/// Why the publication's numbers are not like for like.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Caveats {
    /// One sentence each.
    pub items: Vec<String>,
}

impl Reference {
    /// The figures kept with this program.
    ///
    /// # Panics
    /// Never in a program whose tests passed: the data is compiled in and a test reads it.
    pub fn load() -> Reference {
        toml::from_str(DATA).expect("data/article.toml is compiled in and tested")
    }

    /// The seven frameworks with their requests per second, best first, with keep-alive on (the article)
    /// or off (the publication behind it, as the article prints none).
    pub fn frameworks(&self, keep_alive: bool) -> Vec<Framework> {
        if keep_alive {
            return self.article.framework.clone();
        }
        self.published(false)
            .iter()
            .map(|row| Framework {
                name: row.0.clone(),
                qps: row.1,
            })
            .collect()
    }

    /// What wrk printed for each framework, with connections kept alive or not.
    pub fn published(&self, keep_alive: bool) -> &[WrkRow] {
        if keep_alive {
            &self.publication.wrk_keep_alive.rows
        } else {
            &self.publication.wrk_close.rows
        }
    }

    /// A claim of the article by its id.
    pub fn claim(&self, id: &str) -> Option<&Claim> {
        self.article.claim.iter().find(|claim| claim.id == id)
    }
}

/// The article's framework that a server of this machine stands beside, by its name; `None` for a server
/// that the article has no counterpart of (Axum among them).
pub fn stands_beside(server: &str) -> Option<&'static str> {
    let name = server.to_ascii_lowercase().replace(['_', ' ', '.'], "-");
    let has = |word: &str| name.split('-').any(|part| part == word);
    match name.as_str() {
        REFERENCE_SERVER => Some(REFERENCE_FRAMEWORK),
        "async-bare" => Some("Tokio"),
        _ if name.contains("rust-std") => Some(REFERENCE_FRAMEWORK),
        _ if has("hyperlane") => Some("Hyperlane"),
        _ if has("rocket") => Some("Rocket"),
        _ if has("gin") => Some("Gin"),
        _ if has("go") || has("golang") => Some("Go Std"),
        _ if has("node") || has("nodejs") => Some("Node.js"),
        _ if has("tokio") => Some("Tokio"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_data_holds_seven_frameworks_with_and_without_keep_alive() {
        let reference = Reference::load();
        for keep_alive in [true, false] {
            let frameworks = reference.frameworks(keep_alive);
            assert_eq!(frameworks.len(), 7);
            assert!(frameworks.is_sorted_by(|a, b| a.qps >= b.qps));
            assert!(frameworks.iter().any(|f| f.name == REFERENCE_FRAMEWORK));
        }
        assert_eq!(reference.frameworks(true)[3].qps, 291_218.96);
        assert_eq!(reference.frameworks(false)[5].qps, 30_142.55);
        assert!(!reference.publication.caveats.items.is_empty());
    }

    #[test]
    fn a_server_stands_beside_the_framework_its_name_says() {
        let cases = [
            ("sync", Some("Rust Std")),
            ("sync-pool", None),
            ("async", None),
            ("async-bare", Some("Tokio")),
            ("rust-std", Some("Rust Std")),
            ("tokio", Some("Tokio")),
            ("hyperlane", Some("Hyperlane")),
            ("go-std", Some("Go Std")),
            ("go-net-http", Some("Go Std")),
            ("go-gin", Some("Gin")),
            ("Node.js", Some("Node.js")),
            ("mongo", None),
            ("http://127.0.0.1:8080/", None),
        ];
        for (server, framework) in cases {
            assert_eq!(stands_beside(server), framework, "{server}");
        }
    }
}
