//! Writes reports of fixed records, in every format, to a directory: `cargo run -p crossover-pages --example sample
//! -- DIRECTORY`. This is what `scripts/check-html` opens in a browser.

use std::path::{Path, PathBuf};

use pages::render_all;
use record::Record;
use render::{Format, RenderOptions};

#[path = "../tests/pages/support/mod.rs"]
mod support;

fn main() -> std::io::Result<()> {
    let directory = std::env::args_os()
        .nth(1)
        .map_or_else(|| PathBuf::from("."), PathBuf::from);
    std::fs::create_dir_all(&directory)?;
    write(&directory, "main-job", &[support::main_job()])?;
    write(&directory, "both", &[support::both_keep_alives()])?;
    write(&directory, "hostile", &[support::hostile()])?;
    write(&directory, "trend", &support::trend())
}

fn write(directory: &Path, name: &str, records: &[Record]) -> std::io::Result<()> {
    let options = RenderOptions {
        stem: Some(name.to_owned()),
        ..RenderOptions::default()
    };
    for (format, ending) in Format::ENDINGS {
        let rendered = render_all(records, *format, &options);
        std::fs::write(directory.join(format!("{name}.{ending}")), rendered.text)?;
        for (beside, contents) in rendered.beside {
            std::fs::write(directory.join(beside), contents)?;
        }
    }
    Ok(())
}
