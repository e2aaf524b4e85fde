//! The other client: boto3 in a process of its own, driven over its standard input and output.

use std::path::Path;
use std::process::Stdio;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use super::heard::Heard;

pub(super) struct Boto {
    _process: Child,
    questions: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
}

/// With whose keys, and where.
#[derive(Debug, Clone)]
pub(super) struct Access {
    pub(super) endpoint: String,
    pub(super) key: String,
    pub(super) secret: String,
    pub(super) region: &'static str,
    pub(super) signed: bool,
}

/// An input that breaks one constraint of the service model.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Breach {
    pub(super) rule: String,
    pub(super) member: String,
    pub(super) kind: String,
    pub(super) input: Value,
    /// What the message must name.
    pub(super) says: String,
}

impl Boto {
    pub(super) fn start() -> Self {
        let python =
            std::env::var("BOTO3_PYTHON").expect("BOTO3_PYTHON: a Python that has boto3, see ./dev test");
        let driver = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/conformance/driver.py");
        let mut process = Command::new(python)
            .arg("-B")
            .arg(driver)
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("the driver starts");
        let questions = process.stdin.take().unwrap();
        let answers = BufReader::new(process.stdout.take().unwrap()).lines();
        Self { _process: process, questions, answers }
    }

    async fn ask<T: DeserializeOwned>(&mut self, question: Value) -> T {
        self.questions.write_all(format!("{question}\n").as_bytes()).await.unwrap();
        let answer = self.answers.next_line().await.unwrap();
        let answer = answer.unwrap_or_else(|| panic!("the driver ended at {question}"));
        serde_json::from_str(&answer).unwrap_or_else(|error| panic!("{error}: {answer}"))
    }

    /// Calls the operation through boto3.
    pub(super) async fn send(&mut self, access: &Access, operation: &str, input: &Value) -> Heard {
        let Access { endpoint, key, secret, region, signed } = access;
        self.ask(json!({
            "do": "call", "operation": operation, "input": input, "endpoint": endpoint, "key": key,
            "secret": secret, "region": region, "signed": signed,
        }))
        .await
    }

    /// In what the answer departs from botocore's service model.
    pub(super) async fn departures(&mut self, operation: &str, heard: &Heard) -> Vec<String> {
        let (status, body) = (heard.status, &heard.body);
        self.ask(json!({ "do": "check", "operation": operation, "status": status, "body": body })).await
    }

    /// Inputs that break the good one, each in one constraint of the model.
    pub(super) async fn breaches(&mut self, operation: &str, good: &Value) -> Vec<Breach> {
        self.ask(json!({ "do": "break", "operation": operation, "input": good })).await
    }

    /// The operations in botocore's service model, in order.
    pub(super) async fn operations(&mut self) -> Vec<String> {
        #[derive(Deserialize)]
        struct Hello {
            operations: Vec<String>,
        }
        self.ask::<Hello>(json!({ "do": "hello" })).await.operations
    }
}
