//! The contract every server honours: paths, parameters, exact expected answers. No I/O.
