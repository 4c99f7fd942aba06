//! What is known about where a report goes.

/// What a renderer may need to know about where its output goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RenderOptions {
    /// Columns of the terminal.
    pub width: usize,
    /// Whether colours may be used.
    pub colour: bool,
    /// The name, without ending, of the file that is written: what stands beside it begins with this
    /// name. `None` when the output is one stream; then nothing can stand beside it.
    pub stem: Option<String>,
}

impl Default for RenderOptions {
    fn default() -> RenderOptions {
        RenderOptions {
            width: 100,
            colour: false,
            stem: None,
        }
    }
}
