//! Addresses as hosts give them: a server that takes only encrypted connections, with a certificate of its own.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::Path;
use std::process::Command;

use super::{Cluster, connect};

/// A certificate that nobody signed, and its key.
fn certificate(folder: &Path) {
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=db"])
        .args(["-keyout", "key.pem", "-out", "cert.pem"])
        .current_dir(folder)
        .output()
        .expect("openssl is installed");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    fs::write(folder.join("hba.conf"), "local all all trust\nhostssl all all all trust\n").unwrap();
}

/// The key must belong to whom the server runs as, which the running cluster's data folder tells.
fn hand_over(folder: &Path, data: &Path) {
    use std::os::unix::fs::MetadataExt;
    let owner = fs::metadata(data).unwrap();
    for file in ["key.pem", "cert.pem", "hba.conf"] {
        chown(folder.join(file), Some(owner.uid()), Some(owner.gid())).unwrap();
    }
    fs::set_permissions(folder.join("key.pem"), fs::Permissions::from_mode(0o600)).unwrap();
}

#[tokio::test]
#[cfg_attr(target_os = "macos", ignore = "needs a loopback address of its own, which macOS does not have")]
async fn a_server_that_insists_on_tls_is_reached_with_and_without_saying_so() {
    let folder = tempfile::Builder::new().prefix("tls").tempdir_in("/tmp").unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let place = folder.path().join("c");
    Cluster::start(&place).await.unwrap().stop().await;
    certificate(folder.path());
    hand_over(folder.path(), &place.join("data"));

    let file = |name: &str| folder.path().join(name).display().to_string();
    let address = format!("127.77.{}.1", std::process::id() % 250);
    let settings = [
        format!("listen_addresses={address}"),
        "ssl=on".into(),
        format!("ssl_cert_file={}", file("cert.pem")),
        format!("ssl_key_file={}", file("key.pem")),
        format!("hba_file={}", file("hba.conf")),
    ];
    let settings: Vec<&str> = settings.iter().map(String::as_str).collect();
    let cluster = Cluster::start_with(&place, &settings).await.unwrap();

    let base = format!("postgres://postgres@{address}:5432/postgres");
    for url in [format!("{base}?sslmode=require"), base.clone()] {
        let pool = connect(&url, 1).await.unwrap();
        let encrypted: bool = sqlx::query_scalar("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()")
            .fetch_one(&pool)
            .await
            .unwrap();
        assert!(encrypted, "{url}");
        pool.close().await;
    }
    assert!(connect(&format!("{base}?sslmode=disable"), 1).await.is_err());
    cluster.stop().await;
}
