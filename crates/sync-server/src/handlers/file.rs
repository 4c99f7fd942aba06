use std::{
    fs::File,
    io::{self, Read},
};

use contract::{
    Answer,
    workloads::file::{Params, answer, unreadable},
};

use crate::app::App;

/// `GET /file`: by `std::fs`. A thread may be blocked here, so both modes are alike.
pub(crate) fn file(app: &App, query: &str) -> Result<Answer, Answer> {
    let params = Params::parse(query)?;
    let read = || -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; params.bytes()];
        File::open(&app.file)?.read_exact(&mut bytes)?;
        Ok(bytes)
    };
    read().map(answer).map_err(|error| unreadable(&error))
}
