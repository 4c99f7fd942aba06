//! Nothing: the tests under `tests/conformance` are what this crate is for. They are apart from the contract, because they
//! need the servers that honour it.
