//! Postgres: where it is, how to reach it, how to bring it up to date.

mod cluster;
mod pool;

pub use cluster::{Cluster, ClusterError, find_binaries};
pub use pool::{Database, connect, migrate};
