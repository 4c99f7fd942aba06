//! Ctrl-C, SIGTERM and SIGHUP: end the measurement, keep what was measured.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use anyhow::Context as _;

/// The exit code of a program that Ctrl-C ended, as in a shell: 128 and the signal's number.
pub const EXIT_CODE: u8 = 130;

static INTERRUPTED: AtomicBool = AtomicBool::new(false);
static ON_INTERRUPT: OnceLock<Arc<Mutex<Vec<engine::CancelHandle>>>> = OnceLock::new();

/// From here on an interrupt is noted instead of ending the process. A second one ends it at once:
/// servers then see their standard input close, and end too.
///
/// # Errors
/// When the handler cannot be installed.
pub fn install() -> anyhow::Result<()> {
    let handles = Arc::clone(ON_INTERRUPT.get_or_init(Arc::default));
    ctrlc::set_handler(move || {
        if INTERRUPTED.swap(true, Ordering::SeqCst) {
            std::process::exit(EXIT_CODE.into());
        }
        for handle in handles
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .iter()
        {
            handle.cancel();
        }
    })
    .context("cannot install the handler for Ctrl-C")
}

/// Whether an interrupt has come.
pub fn requested() -> bool {
    INTERRUPTED.load(Ordering::SeqCst)
}

/// An engine whose running slice an interrupt shall end, one that has come already too.
pub fn cancels(handle: engine::CancelHandle) {
    let handles = ON_INTERRUPT.get_or_init(Arc::default);
    handles
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
        .push(handle.clone());
    if requested() {
        handle.cancel();
    }
}

/// What is said where nothing is left to show.
pub const NOTHING_MEASURED: &str = "interrupted before anything was measured";
