//! Postgres: where it is, how to reach it, how to bring it up to date.

mod cluster;
mod pool;
#[cfg(test)]
mod tls_tests;

pub use cluster::{Cluster, ClusterError, find_binaries};
pub use pool::{Database, connect, migrate};
