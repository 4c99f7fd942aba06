//! Where the A/A floor of this machine is kept: with the user's state, because it is a fact about the
//! machine and not about a project.

use std::ffi::OsString;
use std::path::PathBuf;

use anyhow::Context as _;
use record::Environment;
use record::gate::floor::Floor;

use crate::files;

/// The floor of this machine, if it has been measured on it and with a build like this one.
pub fn of_this_machine(environment: &Environment) -> Option<Floor> {
    let text = std::fs::read_to_string(file()?).ok()?;
    let floor: Floor = serde_json::from_str(&text).ok()?;
    floor.fits(environment).then_some(floor)
}

/// The floor in one sentence, to stand beside ratios from this machine.
pub fn sentence(environment: &Environment) -> Option<String> {
    of_this_machine(environment).map(|floor| floor.sentence())
}

/// Keeps a floor; where.
///
/// # Errors
/// When there is no place for it, or it cannot be written.
pub fn keep(floor: &Floor) -> anyhow::Result<PathBuf> {
    let file = file().context("neither XDG_STATE_HOME nor HOME says where to keep it")?;
    if let Some(folder) = file.parent() {
        std::fs::create_dir_all(folder)
            .with_context(|| format!("cannot make the folder {}", folder.display()))?;
    }
    let text = serde_json::to_string_pretty(floor).context("cannot write the floor as JSON")?;
    files::write_whole(&file, &format!("{text}\n"))?;
    Ok(file)
}

fn file() -> Option<PathBuf> {
    file_below(std::env::var_os("XDG_STATE_HOME"), std::env::var_os("HOME"))
}

/// By the XDG Base Directory Specification, which has relative paths ignored.
fn file_below(state: Option<OsString>, home: Option<OsString>) -> Option<PathBuf> {
    let absolute = |path: OsString| Some(PathBuf::from(path)).filter(|path| path.is_absolute());
    let state = state.and_then(absolute);
    let folder = state.or_else(|| Some(home.and_then(absolute)?.join(".local/state")))?;
    Some(folder.join("loadgen/floor.json"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_kept_with_the_user_s_state() {
        let below = |state: &str, home: &str| file_below(Some(state.into()), Some(home.into()));
        assert_eq!(below("/s", "/h"), Some("/s/loadgen/floor.json".into()));
        assert_eq!(
            below("relative", "/h"),
            Some("/h/.local/state/loadgen/floor.json".into())
        );
        assert_eq!(below("", ""), None);
        assert_eq!(file_below(None, None), None);
    }
}
