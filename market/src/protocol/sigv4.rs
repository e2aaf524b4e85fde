//! AWS Signature Version 4, the verifying half.
//!
//! What the client signed is rebuilt from whatever its `SignedHeaders` lists; nothing about the client is assumed.
//! The order of the checks is the service's: a usable header, a known key, the right scope, the right time,
//! and only then the signature, so that each mistake gets its own words.

use axum::http::{HeaderMap, Uri};
use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};

const ALGORITHM: &str = "AWS4-HMAC-SHA256";
const REGION: &str = "us-east-1";
const TERMINATOR: &str = "aws4_request";
const DATE_FORMAT: &str = "%Y%m%dT%H%M%SZ";
/// Minutes that the client's clock may differ.
const SKEW_MINUTES: i64 = 5;

/// What is wrong with a signature.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SignatureError {
    #[error("Missing Authentication Token")]
    Missing,
    #[error("Authorization header requires {0}.")]
    Incomplete(&'static str),
    #[error("The security token included in the request is invalid.")]
    UnknownKey,
    #[error("Credential should be scoped to {0}.")]
    Scope(String),
    #[error("Signature expired: {signed} is now earlier than {earliest} ({now} - 5 min.)")]
    Expired { signed: String, earliest: String, now: String },
    #[error("Signature not yet current: {signed} is still later than {latest} ({now} + 5 min.)")]
    NotYetCurrent { signed: String, latest: String, now: String },
    #[error(
        "The request signature we calculated does not match the signature you provided. Check your AWS Secret \
         Access Key and signing method. Consult the service documentation for details."
    )]
    Mismatch,
}

/// What came in, as far as signatures are concerned.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Request<'a> {
    pub(crate) uri: &'a Uri,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) body: &'a [u8],
}

/// The Authorization header, taken apart.
#[derive(Debug)]
pub(crate) struct Authorization<'a> {
    pub(crate) access_key_id: &'a str,
    scope: [&'a str; 4],
    signed_headers: Vec<&'a str>,
    signature: &'a str,
}

impl<'a> Authorization<'a> {
    /// Takes the header apart.
    pub(crate) fn read(headers: &'a HeaderMap) -> Result<Self, SignatureError> {
        use SignatureError::Incomplete;
        let header = headers.get("authorization").ok_or(SignatureError::Missing)?;
        let header = header.to_str().map_err(|_| SignatureError::Missing)?;
        let parts = header.trim().strip_prefix(ALGORITHM).ok_or(SignatureError::Missing)?;
        let part = |name: &str| parts.split(',').find_map(|part| part.trim().strip_prefix(name));
        let credential = part("Credential=").ok_or(Incomplete("'Credential' parameter"))?;
        let signed = part("SignedHeaders=").ok_or(Incomplete("'SignedHeaders' parameter"))?;
        let signature = part("Signature=").ok_or(Incomplete("'Signature' parameter"))?;
        let mut pieces = credential.rsplitn(5, '/');
        let mut piece = || pieces.next().ok_or(Incomplete("a credential with five elements"));
        let (terminator, service, region, date) = (piece()?, piece()?, piece()?, piece()?);
        Ok(Self {
            access_key_id: piece()?,
            scope: [date, region, service, terminator],
            signed_headers: signed.split(';').collect(),
            signature,
        })
    }

    /// Whether the request was signed with `secret` for `service`, about now.
    pub(crate) fn verify(
        &self,
        request: Request<'_>,
        service: &'static str,
        secret: &SecretString,
        now: DateTime<Utc>,
    ) -> Result<(), SignatureError> {
        let stamp = request.headers.get("x-amz-date").and_then(|value| value.to_str().ok());
        let stamp = stamp.ok_or(SignatureError::Incomplete("existence of an 'X-Amz-Date' header"))?;
        let signed_at = NaiveDateTime::parse_from_str(stamp, DATE_FORMAT)
            .map_err(|_| SignatureError::Incomplete("a date in ISO-8601 basic format"))?
            .and_utc();
        self.check_scope(service, stamp)?;
        check_time(signed_at, now)?;
        if !self.signed_headers.contains(&"host") || !self.signed_headers.contains(&"x-amz-date") {
            return Err(SignatureError::Incomplete("the headers host and x-amz-date to be signed"));
        }
        let expected = self.signature_of(request, secret, stamp);
        if kernel::secret::same(self.signature, &expected) { Ok(()) } else { Err(SignatureError::Mismatch) }
    }

    fn check_scope(&self, expected: &str, stamp: &str) -> Result<(), SignatureError> {
        let [date, region, service, terminator] = self.scope;
        let wrong = |what: String| Err(SignatureError::Scope(what));
        if region != REGION {
            return wrong(format!("a valid region, not '{region}'"));
        }
        if service != expected {
            return wrong(format!("correct service: '{expected}'"));
        }
        if terminator != TERMINATOR {
            return wrong(format!("a valid terminator: '{TERMINATOR}'"));
        }
        if !stamp.starts_with(date) || date.len() != 8 {
            return wrong(format!("the date of the request, {}, not '{date}'", &stamp[..8]));
        }
        Ok(())
    }

    fn signature_of(&self, request: Request<'_>, secret: &SecretString, stamp: &str) -> String {
        let canonical = self.canonical(request);
        let scope = self.scope.join("/");
        let to_sign = format!("{ALGORITHM}\n{stamp}\n{scope}\n{}", hex(&Sha256::digest(canonical)));
        let first = format!("AWS4{}", secret.expose_secret());
        let key = self.scope.iter().fold(first.into_bytes(), |key, part| mac(&key, part));
        hex(&mac(&key, &to_sign))
    }

    fn canonical(&self, request: Request<'_>) -> String {
        let headers: String =
            self.signed_headers.iter().map(|name| format!("{name}:{}\n", value(request, name))).collect();
        let path = match request.uri.path() {
            "" => "/".to_owned(),
            path => encode(path),
        };
        let mut query: Vec<String> = request.uri.query().unwrap_or("").split('&').map(pair).collect();
        query.sort();
        let signed = self.signed_headers.join(";");
        let payload = hex(&Sha256::digest(request.body));
        format!("POST\n{path}\n{}\n{headers}\n{signed}\n{payload}", query.join("&"))
    }
}

fn check_time(signed_at: DateTime<Utc>, now: DateTime<Utc>) -> Result<(), SignatureError> {
    let skew = TimeDelta::minutes(SKEW_MINUTES);
    let text = |at: DateTime<Utc>| at.format(DATE_FORMAT).to_string();
    if signed_at < now - skew {
        let earliest = text(now - skew);
        return Err(SignatureError::Expired { signed: text(signed_at), earliest, now: text(now) });
    }
    if signed_at > now + skew {
        let latest = text(now + skew);
        return Err(SignatureError::NotYetCurrent { signed: text(signed_at), latest, now: text(now) });
    }
    Ok(())
}

/// A header as it is signed: trimmed, runs of blanks made one, repeated headers joined with commas.
fn value(request: Request<'_>, name: &str) -> String {
    let values = request.headers.get_all(name).iter();
    let squeeze = |text: &str| text.split_ascii_whitespace().collect::<Vec<_>>().join(" ");
    let values: Vec<_> = values.map(|value| squeeze(&String::from_utf8_lossy(value.as_bytes()))).collect();
    match (name, request.uri.authority()) {
        ("host", Some(authority)) if values.is_empty() => authority.to_string(),
        _ => values.join(","),
    }
}

/// The path as it is signed: what arrived, encoded once more.
fn encode(path: &str) -> String {
    let mut encoded = String::with_capacity(path.len());
    for byte in path.bytes() {
        match byte {
            b'/' | b'-' | b'_' | b'.' | b'~' => encoded.push(char::from(byte)),
            _ if byte.is_ascii_alphanumeric() => encoded.push(char::from(byte)),
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

fn pair(pair: &str) -> String {
    if pair.is_empty() || pair.contains('=') { pair.to_owned() } else { format!("{pair}=") }
}

fn mac(key: &[u8], text: &str) -> Vec<u8> {
    #[expect(clippy::expect_used, reason = "HMAC takes keys of every length")]
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("any key fits");
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A request signed by botocore with the secret below at this moment.
    const STAMP: &str = "20261121T120000Z";

    fn now() -> DateTime<Utc> {
        NaiveDateTime::parse_from_str(STAMP, DATE_FORMAT).unwrap().and_utc()
    }

    fn signed(scope: &str, stamp: &str, secret: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert("host", "localhost:8000".parse().unwrap());
        headers.insert("x-amz-date", stamp.parse().unwrap());
        headers.insert("x-amz-target", "  Service.Operation   x ".parse().unwrap());
        let names = "host;x-amz-date;x-amz-target";
        let header = |signature: &str| {
            format!(
                "{ALGORITHM} Credential=AKIDEXAMPLE/{scope}, SignedHeaders={names}, Signature={signature}"
            )
        };
        headers.insert("authorization", header("0").parse().unwrap());
        let uri = Uri::from_static("/");
        let request = Request { uri: &uri, headers: &headers, body: b"{}" };
        let authorization = Authorization::read(&headers).unwrap();
        let signature = authorization.signature_of(request, &secret.into(), stamp);
        headers.insert("authorization", header(&signature).parse().unwrap());
        headers
    }

    fn verdict(headers: &HeaderMap, body: &[u8], now: DateTime<Utc>) -> Result<(), SignatureError> {
        let uri = Uri::from_static("/");
        let authorization = Authorization::read(headers)?;
        authorization.verify(Request { uri: &uri, headers, body }, "mturk-requester", &"secret".into(), now)
    }

    const SCOPE: &str = "20261121/us-east-1/mturk-requester/aws4_request";

    #[test]
    fn a_right_signature_passes_and_a_changed_request_does_not() {
        let headers = signed(SCOPE, STAMP, "secret");
        assert_eq!(verdict(&headers, b"{}", now()), Ok(()));
        assert_eq!(verdict(&headers, b"{ }", now()), Err(SignatureError::Mismatch));
        let mut other = headers.clone();
        other.insert("x-amz-target", "Service.Other".parse().unwrap());
        assert_eq!(verdict(&other, b"{}", now()), Err(SignatureError::Mismatch));
    }

    #[test]
    fn what_is_signed_is_what_the_list_says() {
        let mut headers = signed(SCOPE, STAMP, "secret");
        headers.insert("user-agent", "not in the list".parse().unwrap());
        assert_eq!(verdict(&headers, b"{}", now()), Ok(()));
        for name in ["host", "x-amz-target"] {
            let mut without = headers.clone();
            without.remove(name);
            assert_eq!(verdict(&without, b"{}", now()), Err(SignatureError::Mismatch), "{name}");
        }
    }

    #[test]
    fn a_wrong_secret_is_a_mismatch() {
        assert_eq!(verdict(&signed(SCOPE, STAMP, "other"), b"{}", now()), Err(SignatureError::Mismatch));
    }

    #[test]
    fn five_minutes_of_skew_are_forgiven_either_way() {
        let headers = signed(SCOPE, STAMP, "secret");
        let five = TimeDelta::minutes(5);
        let second = TimeDelta::seconds(1);
        assert_eq!(verdict(&headers, b"{}", now() + five), Ok(()));
        assert_eq!(verdict(&headers, b"{}", now() - five), Ok(()));
        let late = verdict(&headers, b"{}", now() + five + second);
        assert!(matches!(late, Err(SignatureError::Expired { .. })));
        let early = verdict(&headers, b"{}", now() - five - second);
        assert!(matches!(early, Err(SignatureError::NotYetCurrent { .. })));
    }

    #[test]
    fn each_wrong_piece_of_the_scope_is_named() {
        for (scope, piece) in [
            ("20261121/eu-west-1/mturk-requester/aws4_request", "region"),
            ("20261121/us-east-1/mechanicalturk/aws4_request", "service"),
            ("20261121/us-east-1/mturk-requester/aws3_request", "terminator"),
            ("20261120/us-east-1/mturk-requester/aws4_request", "date"),
        ] {
            match verdict(&signed(scope, STAMP, "secret"), b"{}", now()) {
                Err(SignatureError::Scope(text)) => assert!(text.contains(piece), "{text}"),
                other => panic!("{scope}: {other:?}"),
            }
        }
    }

    #[test]
    fn an_unusable_header_says_what_it_lacks() {
        let mut headers = HeaderMap::new();
        assert_eq!(Authorization::read(&headers).unwrap_err(), SignatureError::Missing);
        for header in ["Basic abc", "AWS4-HMAC-SHA256 Credential=A/b, SignedHeaders=host, Signature=0"] {
            headers.insert("authorization", header.parse().unwrap());
            assert!(Authorization::read(&headers).is_err(), "{header}");
        }
    }

    #[test]
    fn the_derivation_agrees_with_the_published_example() {
        // The key and date of AWS's worked example of deriving a signing key.
        let scope = ["20150830", "us-east-1", "iam", "aws4_request"];
        let first = b"AWS4wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY".to_vec();
        let key = scope.iter().fold(first, |key, part| mac(&key, part));
        assert_eq!(hex(&key), "c4afb1cc5771d871763a393e44b703571b55cc28424d1a5e86da6ed3c154a4b9");
    }
}
