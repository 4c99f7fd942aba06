//! One file for each format. A renderer spells a document; it decides nothing about what is shown.

pub mod json;
pub mod text;

/// What a renderer may need to know about where its output goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RenderOptions {
    /// Columns of the terminal.
    pub width: usize,
    /// Whether colours may be used.
    pub colour: bool,
}

impl Default for RenderOptions {
    fn default() -> RenderOptions {
        RenderOptions {
            width: 100,
            colour: false,
        }
    }
}
