//! Real servers in folders that are thrown away.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use sqlx::{Connection, PgConnection};
use tempfile::TempDir;

use super::*;

/// A folder that an unprivileged server can reach also when the tests run as root.
fn folder() -> TempDir {
    let folder = tempfile::Builder::new().prefix("pg").tempdir_in("/tmp").unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    folder
}

async fn note(cluster: &Cluster, sql: &'static str) -> Result<Option<i32>, sqlx::Error> {
    let mut connection = PgConnection::connect(&cluster.url("postgres")).await?;
    sqlx::query_scalar(sql).fetch_optional(&mut connection).await
}

#[tokio::test]
async fn a_cluster_keeps_its_data_over_a_restart_and_stops_when_told() {
    let folder = folder();
    let place = folder.path().join("with space");
    let cluster = Cluster::start(&place).await.unwrap();
    note(&cluster, "CREATE TABLE kept AS SELECT 7 AS n").await.unwrap();
    let url = cluster.url("postgres");
    cluster.stop().await;
    assert!(PgConnection::connect(&url).await.is_err());

    let cluster = Cluster::start(&place).await.unwrap();
    assert_eq!(note(&cluster, "SELECT n FROM kept").await.unwrap(), Some(7));
    assert_eq!(fs::metadata(&place).unwrap().permissions().mode() & 0o777, 0o700);
    cluster.stop().await;
}

#[tokio::test]
async fn a_guest_joins_a_running_cluster_and_leaves_it_running() {
    let folder = folder();
    let place = folder.path().join("c");
    let (one, other) = tokio::join!(Cluster::start(&place), Cluster::start(&place));
    let (one, other) = (one.unwrap(), other.unwrap());
    let (owner, guest) = if one.owned.is_some() { (one, other) } else { (other, one) };
    assert!(guest.owned.is_none());
    guest.stop().await;
    assert_eq!(note(&owner, "SELECT 1").await.unwrap(), Some(1));
    owner.stop().await;
}

#[tokio::test]
async fn a_server_that_outlived_its_owner_is_adopted_and_stopped() {
    let folder = folder();
    let place = folder.path().join("c");
    let mut killed = Cluster::start(&place).await.unwrap();
    let Owned { _lock: lock, child, .. } = killed.owned.take().unwrap();
    drop(lock);

    let heir = Cluster::start(&place).await.unwrap();
    assert!(heir.owned.as_ref().is_some_and(|owned| owned.child.is_none()));
    let url = heir.url("postgres");
    heir.stop().await;
    assert!(PgConnection::connect(&url).await.is_err());
    child.unwrap().wait().unwrap();
}

#[tokio::test]
async fn a_server_that_cannot_start_is_reported_with_the_end_of_its_log() {
    let folder = folder();
    let refused = Cluster::start_with(&folder.path().join("c"), &["shared_buffers=nonsense"]).await;
    let error = refused.unwrap_err().to_string();
    assert!(error.contains("shared_buffers") && error.contains("/log"), "{error}");
}

#[tokio::test]
async fn an_interrupted_set_up_is_made_again() {
    let folder = folder();
    let place = folder.path().join("c");
    fs::create_dir_all(place.join("data.new/base")).unwrap();
    let cluster = Cluster::start(&place).await.unwrap();
    assert_eq!(note(&cluster, "SELECT 1").await.unwrap(), Some(1));
    cluster.stop().await;
}

#[test]
fn a_path_that_no_socket_can_have_is_refused_before_anything_is_made() {
    let longest = PathBuf::from(format!("/{}", "x".repeat(LONGEST_SOCKET - 15)));
    check_socket_path(&longest).unwrap();
    let error = check_socket_path(&longest.join("yyy")).unwrap_err();
    assert!(matches!(error, ClusterError::PathTooLong { excess: 4, .. }), "{error}");
    assert!(error.to_string().contains("OTREE_HR_DATA"));
}
