//! Notifications as a requester's program reads them that knows boto3 only (`notices.py`).

use std::path::Path;

use secrecy::ExposeSecret;
use tokio::process::Command;
use tokio_util::sync::CancellationToken;

use crate::harness::Place;

#[tokio::test]
async fn boto3_reads_and_deletes_notifications_with_its_own_sqs_client() {
    let place = Place::open().await;
    let stop = CancellationToken::new();
    let _until = stop.clone().drop_guard();
    let market = place.market.clone();
    tokio::spawn(async move { market.run(stop).await });
    let python =
        std::env::var("BOTO3_PYTHON").expect("BOTO3_PYTHON: a Python that has boto3, see ./dev test");
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/conformance/notices.py");
    let mut command = Command::new(python);
    command.arg("-B").arg(program).arg(place.market.endpoint().as_str()).arg("30");
    command.env("AWS_ACCESS_KEY_ID", &place.keys.access_key_id);
    command.env("AWS_SECRET_ACCESS_KEY", place.keys.secret_access_key.expose_secret());
    command.env("AWS_DEFAULT_REGION", "us-east-1").env("AWS_EC2_METADATA_DISABLED", "true");
    let ended = command.kill_on_drop(true).output().await.unwrap();
    let told = String::from_utf8_lossy(&ended.stderr);
    assert!(ended.status.success() && ended.stdout == b"read\n", "{told}");
}
