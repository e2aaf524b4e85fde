//! The Rust client: the SDK's own builder for each operation, filled from the case's input.
//!
//! What the builders cannot say, such as a missing member of a nested object, is put into the request just before it
//! is signed; everything else must come out of the builders exactly as the case says it.

mod account;
mod hits;
mod input;
mod qualifications;
mod wire;

use std::fmt::Debug;

use aws_sdk_mturk::Client;
use aws_sdk_mturk::error::{ProvideErrorMetadata, SdkError};
use futures_util::future::BoxFuture;
use serde_json::Value;

use super::heard::{Heard, Told};
use input::Input;
use wire::Wire;

type Call = fn(Client, Input, Wire) -> BoxFuture<'static, Heard>;

/// Entries of the form `"Operation" => builder { setter: "Member", … }`.
macro_rules! calls {
    ($($name:literal => $builder:ident { $($setter:ident: $member:literal),* $(,)? })*) => {
        pub(super) const CALLS: &[(&str, super::Call)] = &[$((
            $name,
            |client, input, wire| Box::pin(async move {
                let request = client.$builder()$(.$setter(input.get($member)))*.customize();
                let _ = &input;
                super::heard(request.interceptor(wire.clone()).send().await, &wire)
            }),
        )),*];
    };
}
use calls;

/// Sends the operation with this input. Unsigned requests lose their signature on the way out.
pub(super) async fn send(client: &Client, operation: &str, input: &Value, signed: bool) -> Heard {
    let call = find(operation).unwrap_or_else(|| panic!("the Rust client has no call for {operation}"));
    let wire = Wire::new(input.clone(), signed);
    call(client.clone(), Input::new(input.clone()), wire).await
}

pub(super) fn knows(operation: &str) -> bool {
    find(operation).is_some()
}

fn find(operation: &str) -> Option<Call> {
    let all = [account::CALLS, hits::CALLS, qualifications::CALLS];
    let mut all = all.into_iter().flatten();
    all.find(|(name, _)| *name == operation).map(|(_, call)| *call)
}

fn heard<T, E>(answer: Result<T, SdkError<E>>, wire: &Wire) -> Heard
where
    T: Debug,
    E: ProvideErrorMetadata + Debug,
{
    let mut heard = wire.heard();
    match answer {
        Ok(output) => heard.lost = lost(&heard.body, &format!("{output:?}")),
        Err(error) => {
            let service = error.as_service_error();
            let service = service.unwrap_or_else(|| panic!("the service did not answer: {error:?}"));
            heard.error = Some(Told {
                kind: service.code().unwrap_or_default().to_owned(),
                message: service.message().unwrap_or_default().to_owned(),
                code: body_member(&heard.body, "TurkErrorCode"),
                modelled: format!("{service:?}"),
            });
        }
    }
    heard
}

fn body_member(body: &str, name: &str) -> Option<String> {
    let body: Value = serde_json::from_str(body).unwrap();
    body[name].as_str().map(str::to_owned)
}

/// Texts that came over the wire and are not in what the SDK made of them.
fn lost(body: &str, output: &str) -> Vec<String> {
    let body: Value = serde_json::from_str(body).unwrap();
    let mut texts = Vec::new();
    collect(&body, &mut texts);
    // As Debug writes it; an enumerated value stands there without quotes.
    texts.retain(|text| {
        let written = format!("{text:?}");
        !output.contains(written.get(1..written.len() - 1).unwrap_or_default())
    });
    texts
}

fn collect(value: &Value, texts: &mut Vec<String>) {
    match value {
        Value::String(text) => texts.push(text.clone()),
        Value::Array(items) => items.iter().for_each(|item| collect(item, texts)),
        Value::Object(members) => members.values().for_each(|member| collect(member, texts)),
        _ => {}
    }
}
