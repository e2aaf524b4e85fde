//! What one call of the SDK sends and gets, as bytes.

use std::sync::{Arc, Mutex};

use aws_sdk_mturk::config::interceptors::{
    AfterDeserializationInterceptorContextRef, BeforeTransmitInterceptorContextMut,
};
use aws_sdk_mturk::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_mturk::error::BoxError;
use serde_json::Value;

use crate::conformance::heard::Heard;

#[derive(Debug, Clone)]
pub(super) struct Wire {
    input: Value,
    signed: bool,
    heard: Arc<Mutex<Heard>>,
}

impl Wire {
    pub(super) fn new(input: Value, signed: bool) -> Self {
        Self { input, signed, heard: Arc::default() }
    }

    pub(super) fn heard(&self) -> Heard {
        self.heard.lock().unwrap().clone()
    }
}

impl Intercept for Wire {
    fn name(&self) -> &'static str {
        "Wire"
    }

    fn modify_before_signing(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let request = context.request_mut();
        let built: Value = serde_json::from_slice(request.body().bytes().unwrap_or(b"{}"))?;
        if !same(&built, &self.input) {
            self.heard.lock().unwrap().past_checks = true;
            let body = self.input.to_string().into_bytes();
            request.headers_mut().insert("content-length", body.len().to_string());
            *request.body_mut() = body.into();
        }
        Ok(())
    }

    fn modify_before_transmit(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if !self.signed {
            context.request_mut().headers_mut().remove("authorization");
        }
        Ok(())
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let response = context.response();
        let header = |name: &str| response.headers().get(name).map(str::to_owned);
        let mut heard = self.heard.lock().unwrap();
        heard.status = response.status().as_u16();
        heard.body = String::from_utf8(response.body().bytes().unwrap_or_default().to_vec())?;
        heard.content_type = header("content-type");
        heard.request_id = header("x-amzn-requestid");
        Ok(())
    }
}

/// Numbers are compared as numbers: a time may be written with or without a fraction.
fn same(one: &Value, two: &Value) -> bool {
    match (one, two) {
        (Value::Number(one), Value::Number(two)) => one.as_f64() == two.as_f64(),
        (Value::Array(one), Value::Array(two)) => {
            one.len() == two.len() && one.iter().zip(two).all(|(one, two)| same(one, two))
        }
        (Value::Object(one), Value::Object(two)) => {
            one.len() == two.len()
                && one.iter().all(|(name, one)| two.get(name).is_some_and(|two| same(one, two)))
        }
        (one, two) => one == two,
    }
}
