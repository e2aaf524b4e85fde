//! Hostile addresses, names and servers.

use std::collections::HashMap;
use std::io;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine as _;
use futures_util::future::BoxFuture;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::*;

/// A DNS server that answers each name with one list after another; the last one stays.
#[derive(Clone, Default)]
struct Script(Arc<Mutex<HashMap<String, Vec<Vec<IpAddr>>>>>);

impl Script {
    fn says(self, name: &str, answers: &[&[&str]]) -> Self {
        let answers =
            answers.iter().map(|list| list.iter().map(|ip| ip.parse().unwrap()).collect()).collect();
        self.0.lock().unwrap().insert(name.to_owned(), answers);
        self
    }
}

impl Lookup for Script {
    fn lookup(&self, host: String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> {
        let mut all = self.0.lock().unwrap();
        let answer = match all.get_mut(&host) {
            None => Err(io::ErrorKind::NotFound.into()),
            Some(lists) if lists.len() > 1 => Ok(lists.remove(0)),
            Some(lists) => Ok(lists[0].clone()),
        };
        Box::pin(async move { answer })
    }
}

fn get(url: &str) -> Request {
    Request::new(Method::GET, url.parse().unwrap()).within(Duration::from_secs(5))
}

fn loopback() -> Vec<IpNet> {
    vec!["127.0.0.1/32".parse().unwrap()]
}

/// Every notation of an address that must not be visited; each is refused before anything is sent.
const HOSTILE: [&str; 56] = [
    "http://127.0.0.1/",
    "http://127.1/",
    "http://127.0.1/",
    "http://2130706433/",
    "http://0x7f000001/",
    "http://0x7f.1/",
    "http://0177.0.0.1/",
    "http://017700000001/",
    "http://127.0.0.1./",
    "http://127.0.0.1:8000/",
    "http://127.255.255.254/",
    "http://①②⑦.⓪.⓪.①/",
    "http://１２７.0.0.1/",
    "http://127。0。0。1/",
    "http://%31%32%37.0.0.1/",
    "http://1\t27.0.0.1/",
    "http:\\\\127.0.0.1\\",
    "http:127.0.0.1/",
    "hTTp://127.0.0.1/",
    "http://0/",
    "http://0.0.0.0/",
    "http://10.0.0.1/",
    "http://10.255.255.255/",
    "http://012.0.0.1/",
    "http://100.64.0.1/",
    "http://100.127.255.255/",
    "http://169.254.169.254/latest/meta-data/",
    "http://0xa9fea9fe/",
    "http://2852039166/",
    "http://0251.0376.0251.0376/",
    "http://168.63.129.16/",
    "http://172.16.0.1/",
    "http://172.31.255.255/",
    "http://192.0.0.1/",
    "http://192.0.2.1/",
    "http://192.88.99.1/",
    "http://192.168.0.1/",
    "http://0xc0a80001/",
    "http://198.18.0.1/",
    "http://198.51.100.7/",
    "http://203.0.113.7/",
    "http://224.0.0.1/",
    "http://255.255.255.255/",
    "http://[::1]/",
    "http://[::]/",
    "http://[0:0:0:0:0:0:0:1]/",
    "http://[::ffff:127.0.0.1]/",
    "http://[::ffff:a9fe:a9fe]/",
    "http://[::127.0.0.1]/",
    "http://[64:ff9b::7f00:1]/",
    "http://[64:ff9b:1::1]/",
    "http://[2002:7f00:1::]/",
    "http://[2001:0:1::1]/",
    "http://[2001:db8::1]/",
    "http://[fd00:ec2::254]/",
    "http://[fe80::1]/",
];

#[tokio::test]
async fn every_notation_of_a_closed_address_is_refused() {
    let outbound = Outbound::new(vec![]).unwrap();
    for url in HOSTILE {
        assert_eq!(outbound.check_url(url), Err(AddressError::Private), "{url}");
        let sent = outbound.send(get(url)).await;
        assert_eq!(sent.unwrap_err(), OutboundError::NotAllowed, "{url}");
    }
}

#[tokio::test]
async fn a_url_that_the_check_refuses_is_not_sent_either() {
    let outbound = Outbound::new(loopback()).unwrap();
    for url in ["file:///etc/passwd", "ftp://127.0.0.1/", "http://a:b@127.0.0.1/", "http://127.0.0.1:22/"] {
        assert_eq!(outbound.send(get(url)).await.unwrap_err(), OutboundError::NotAllowed, "{url}");
    }
}

#[tokio::test]
async fn a_name_that_leads_to_a_closed_address_is_refused() {
    let script = Script::default()
        .says("localhost", &[&["127.0.0.1", "::1"]])
        .says("localtest.example", &[&["127.0.0.1"]])
        .says("metadata.example", &[&["169.254.169.254"]])
        .says("mapped.example", &[&["::ffff:10.0.0.1"]])
        .says("xn--bcher-kva.example", &[&["192.168.1.1"]])
        .says("nobody.example", &[&[]]);
    let outbound = Outbound::with_lookup(vec![], script).unwrap();
    for (host, why) in [
        ("localhost", OutboundError::NotAllowed),
        ("LOCALHOST", OutboundError::NotAllowed),
        ("localtest.example", OutboundError::NotAllowed),
        ("metadata.example", OutboundError::NotAllowed),
        ("mapped.example", OutboundError::NotAllowed),
        ("bücher.example", OutboundError::NotAllowed),
        ("nobody.example", OutboundError::DnsFailed),
        ("unknown.example", OutboundError::DnsFailed),
    ] {
        let sent = outbound.send(get(&format!("http://{host}/"))).await;
        assert_eq!(sent.unwrap_err(), why, "{host}");
    }
}

async fn answering() -> MockServer {
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(ResponseTemplate::new(200).set_body_string("here")).mount(&server).await;
    server
}

#[tokio::test]
async fn only_the_checked_address_of_a_name_is_connected_to() {
    let server = answering().await;
    let script = Script::default().says("mixed.example", &[&["10.0.0.1", "::1", "127.0.0.1"]]);
    let outbound = Outbound::with_lookup(loopback(), script).unwrap();
    let url = format!("http://mixed.example:{}/", server.address().port());
    assert_eq!(outbound.send(get(&url)).await.unwrap().text(), "here");
}

#[tokio::test]
async fn a_name_that_changes_its_address_gains_nothing() {
    let server = MockServer::start().await;
    let once = ResponseTemplate::new(200).insert_header("connection", "close");
    Mock::given(any()).respond_with(once).expect(1).mount(&server).await;
    let script = Script::default().says("rebind.example", &[&["127.0.0.1"], &["127.0.0.2"]]);
    let outbound = Outbound::with_lookup(loopback(), script).unwrap();
    let url = format!("http://rebind.example:{}/", server.address().port());
    assert!(outbound.send(get(&url)).await.is_ok());
    assert_eq!(outbound.send(get(&url)).await.unwrap_err(), OutboundError::NotAllowed);
}

#[tokio::test]
async fn what_the_operator_set_may_lie_anywhere() {
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(ResponseTemplate::new(204)).expect(1).mount(&server).await;
    let bounded = Outbound::new(Vec::new()).unwrap().send(get(&server.uri())).await;
    assert_eq!(bounded.unwrap_err(), OutboundError::NotAllowed);
    let reply = Outbound::unbounded().unwrap().send(get(&server.uri())).await.unwrap();
    assert_eq!(reply.status, StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_is_not_followed() {
    let server = MockServer::start().await;
    let elsewhere = ResponseTemplate::new(302).insert_header("location", "http://169.254.169.254/");
    Mock::given(any()).respond_with(elsewhere).expect(1).mount(&server).await;
    let reply = Outbound::new(loopback()).unwrap().send(get(&server.uri())).await.unwrap();
    assert_eq!(reply.status, StatusCode::FOUND);
    assert_eq!(reply.header(header::LOCATION), Some("http://169.254.169.254/"));
}

/// Answers one connection with `head` and then does with the stream what `then` says.
async fn raw<F>(head: &'static str, then: impl FnOnce(tokio::net::TcpStream) -> F + Send + 'static) -> String
where
    F: Future<Output = ()> + Send,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = [0; 1024];
        let _ = stream.read(&mut request).await.unwrap();
        stream.write_all(head.as_bytes()).await.unwrap();
        then(stream).await;
    });
    url
}

#[tokio::test]
async fn a_body_without_end_is_cut_at_the_cap() {
    let url = raw("HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n", |mut stream| async move {
        // Ends with an error when the client hangs up.
        while stream.write_all(&[b'x'; 8192]).await.is_ok() {}
    })
    .await;
    let sent = Outbound::new(loopback()).unwrap().send(get(&url).at_most(100_000)).await;
    assert_eq!(sent.unwrap_err(), OutboundError::TooLarge);
}

/// A hundred thousand zeros in 132 bytes of gzip.
const ZEROS: &str = "H4sIAAAAAAACA+3BMQEAAADCoPVPbQ0PoAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\
    AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAIBXA32VEdSghgEA";

#[tokio::test]
async fn the_cap_counts_what_is_unpacked() {
    let bomb = base64::engine::general_purpose::STANDARD.decode(ZEROS).unwrap();
    let server = MockServer::start().await;
    let packed = ResponseTemplate::new(200).insert_header("content-encoding", "gzip").set_body_bytes(bomb);
    Mock::given(any()).respond_with(packed).mount(&server).await;
    let outbound = Outbound::new(loopback()).unwrap();
    assert_eq!(outbound.send(get(&server.uri()).at_most(100_000)).await.unwrap().body, vec![0; 100_000]);
    let sent = outbound.send(get(&server.uri()).at_most(99_999)).await;
    assert_eq!(sent.unwrap_err(), OutboundError::TooLarge);
}

#[tokio::test]
async fn a_server_that_dawdles_is_given_up() {
    let url = raw("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nab", |stream| async move {
        std::future::pending::<()>().await;
        drop(stream);
    })
    .await;
    let request = get(&url).within(Duration::from_millis(200));
    let sent = Outbound::new(loopback()).unwrap().send(request).await;
    assert_eq!(sent.unwrap_err(), OutboundError::Timeout);
}

#[tokio::test]
async fn a_broken_answer_is_told_from_no_answer() {
    let outbound = Outbound::new(loopback()).unwrap();
    let cut =
        raw("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nab", |stream| async move { drop(stream) }).await;
    assert_eq!(outbound.send(get(&cut)).await.unwrap_err(), OutboundError::Broken);
    let not_http = raw("220 mail.example.org ESMTP\r\n", |stream| async move { drop(stream) }).await;
    assert_eq!(outbound.send(get(&not_http)).await.unwrap_err(), OutboundError::Broken);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let closed = format!("http://{}/", listener.local_addr().unwrap());
    drop(listener);
    assert_eq!(outbound.send(get(&closed)).await.unwrap_err(), OutboundError::Refused);
}

#[tokio::test]
async fn https_on_a_plain_port_is_a_tls_problem() {
    let server = answering().await;
    let url = server.uri().replace("http://", "https://");
    let sent = Outbound::new(loopback()).unwrap().send(get(&url)).await;
    assert_eq!(sent.unwrap_err(), OutboundError::Tls);
}

#[tokio::test]
async fn a_secret_header_is_sent_and_not_shown() {
    let server = answering().await;
    let request = get(&server.uri()).secret_header(header::AUTHORIZATION, &"canary-7".into());
    assert!(!format!("{request:?}").contains("canary-7"));
    Outbound::new(loopback()).unwrap().send(request).await.unwrap();
    let seen = server.received_requests().await.unwrap();
    assert_eq!(seen[0].headers.get("authorization").unwrap(), "canary-7");
}
