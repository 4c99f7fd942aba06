//! What the pages say of records: one program, so that it is linked once.

mod analysis;
mod contenders;
mod formats;
mod gate;
mod merge;
mod others;
mod reference;
mod scale;
mod self_test;
mod store;
mod stored;
mod suite;
mod support;
mod sweep;
mod sweep_page;
mod sweep_simulated;
mod text;
