//! What stands for a placeholder of a manifest.

use std::collections::BTreeMap;
use std::path::Path;

use super::template;
use super::tools::Found;

/// What the placeholders of a contender stand for.
pub(crate) struct Names<'a> {
    /// The contender's folder.
    pub dir: &'a Path,
    /// Its tools.
    pub tools: &'a [Found],
    /// Only while it runs: cores it may use, and its empty folder.
    pub running: Option<(usize, &'a Path)>,
}

impl Names<'_> {
    /// The contender's folder.
    pub(crate) fn dir(&self) -> &Path {
        self.dir
    }

    /// Fills each word in.
    ///
    /// # Errors
    /// When a placeholder stands for nothing.
    pub(crate) fn fill_all(&self, words: &[String]) -> anyhow::Result<Vec<String>> {
        words.iter().map(|word| self.fill(word)).collect()
    }

    /// Fills each value in.
    ///
    /// # Errors
    /// When a placeholder stands for nothing.
    pub(crate) fn fill_env(
        &self,
        env: &BTreeMap<String, String>,
    ) -> anyhow::Result<Vec<(String, String)>> {
        env.iter()
            .map(|(name, value)| Ok((name.clone(), self.fill(value)?)))
            .collect()
    }

    fn fill(&self, text: &str) -> anyhow::Result<String> {
        template::fill(text, &|name| self.value_of(name))
    }

    fn value_of(&self, name: &str) -> Option<String> {
        let tool = |name: &str| self.tools.iter().find(|tool| tool.name == name);
        let shown = |path: &Path| path.display().to_string();
        if let Some(name) = name.strip_prefix("tool.") {
            return tool(name).map(|tool| shown(&tool.program));
        }
        if let Some(name) = name.strip_prefix("home.") {
            return tool(name).map(|tool| shown(&tool.home));
        }
        match (name, self.running) {
            ("dir", _) => Some(shown(self.dir)),
            ("cores", Some((cores, _))) => Some(cores.to_string()),
            ("tmp", Some((_, tmp))) => Some(shown(tmp)),
            // Known only when the process is started.
            ("port", Some(_)) => Some("{port}".to_owned()),
            _ => None,
        }
    }
}
