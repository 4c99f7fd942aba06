//! Makes the README's output block and the reports under `results/reference` again from the records there:
//! `cargo run -p crossover-pages --example reference`.

use std::{fs, io};

#[path = "../tests/pages/support/reference.rs"]
mod reference;

fn main() -> io::Result<()> {
    for (path, text) in reference::made()? {
        fs::write(path, text)?;
    }
    Ok(())
}
