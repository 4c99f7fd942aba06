//! The load generator as a library: connections, schedule, pacing, recording.
