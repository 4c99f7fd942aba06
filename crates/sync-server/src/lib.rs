//! The blocking servers: one OS thread per connection, or a bounded pool of them.
