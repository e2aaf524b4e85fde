//! Between a process and Postgres: a line that can be cut at the worst moment.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use sqlx::postgres::{PgConnectOptions, PgSslMode};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio_util::sync::{CancellationToken, DropGuard};

/// Where the line breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// COMMIT reached the server and was carried out; nobody hears of it.
    AfterCommit,
    /// COMMIT never reached the server.
    BeforeCommit,
    /// A statement was carried out, whatever it was; nobody hears of it.
    AfterStatement,
}

impl Cut {
    pub const ALL: [Self; 3] = [Self::AfterCommit, Self::BeforeCommit, Self::AfterStatement];

    /// Whether this message of the client is the one to cut at.
    fn strikes(self, kind: u8, body: &[u8]) -> bool {
        match self {
            Self::AfterCommit | Self::BeforeCommit => kind == b'Q' && body.starts_with(b"COMMIT"),
            Self::AfterStatement => kind == b'S',
        }
    }
}

/// A running proxy.
pub struct Proxy {
    pub port: u16,
    orders: Arc<Mutex<Orders>>,
    _stop: DropGuard,
}

#[derive(Default)]
struct Orders {
    armed: Option<(Cut, u32)>,
    cuts: u32,
}

impl Proxy {
    /// Listens for one process that wants this server.
    pub async fn start(server: &PgConnectOptions) -> Self {
        let socket = server.get_socket().expect("the test server listens on a socket");
        let target = socket.join(format!(".s.PGSQL.{}", server.get_port()));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (orders, stop) = (Arc::<Mutex<Orders>>::default(), CancellationToken::new());
        tokio::spawn(accept(listener, target, orders.clone(), stop.clone()));
        Self { port, orders, _stop: stop.drop_guard() }
    }

    /// The address of a database, by this way.
    pub fn options(&self, server: &PgConnectOptions, database: &str) -> PgConnectOptions {
        PgConnectOptions::new_without_pgpass()
            .host("127.0.0.1")
            .port(self.port)
            .username(server.get_username())
            .database(database)
            .ssl_mode(PgSslMode::Disable)
    }

    /// Cuts the next `times` lines on which the moment comes.
    pub fn arm(&self, cut: Cut, times: u32) {
        self.orders.lock().unwrap().armed = Some((cut, times));
    }

    pub fn disarm(&self) {
        self.orders.lock().unwrap().armed = None;
    }

    /// How many lines were cut.
    pub fn cuts(&self) -> u32 {
        self.orders.lock().unwrap().cuts
    }
}

impl Orders {
    /// Uses the order up if this message is the moment.
    fn strike(&mut self, kind: u8, body: &[u8]) -> Option<Cut> {
        let (cut, left) = self.armed?;
        if !cut.strikes(kind, body) {
            return None;
        }
        self.armed = (left > 1).then_some((cut, left - 1));
        self.cuts += 1;
        Some(cut)
    }
}

async fn accept(listener: TcpListener, target: PathBuf, orders: Arc<Mutex<Orders>>, stop: CancellationToken) {
    loop {
        let client = tokio::select! {
            () = stop.cancelled() => return,
            client = listener.accept() => client,
        };
        if let (Ok((client, _)), Ok(server)) = (client, UnixStream::connect(&target).await) {
            let (orders, stop) = (orders.clone(), stop.clone());
            tokio::spawn(async move {
                tokio::select! {
                    () = stop.cancelled() => {}
                    _ = line(client, server, orders) => {}
                }
            });
        }
    }
}

/// Carries one connection until either side ends it or it is cut.
async fn line(client: TcpStream, server: UnixStream, orders: Arc<Mutex<Orders>>) -> std::io::Result<()> {
    client.set_nodelay(true)?;
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let silenced = CancellationToken::new();
    let asks = requests(&mut from_client, &mut to_server, &orders, silenced.clone());
    let answers = answers(&mut from_server, &mut to_client, silenced);
    tokio::select! {
        done = asks => done,
        done = answers => done,
    }
}

/// The client's messages. The first has no kind; all others have a kind, a length, and a body.
async fn requests(
    from: &mut (impl AsyncRead + Unpin),
    to: &mut (impl AsyncWrite + Unpin),
    orders: &Mutex<Orders>,
    silenced: CancellationToken,
) -> std::io::Result<()> {
    let first = body(from).await?;
    to.write_all(&first).await?;
    loop {
        let kind = from.read_u8().await?;
        let message = body(from).await?;
        let struck = orders.lock().unwrap().strike(kind, &message[4..]);
        if struck == Some(Cut::BeforeCommit) {
            return Ok(());
        }
        if struck.is_some() {
            silenced.cancel();
        }
        to.write_u8(kind).await?;
        to.write_all(&message).await?;
        to.flush().await?;
    }
}

/// The length, which counts itself, and what follows it.
async fn body(from: &mut (impl AsyncRead + Unpin)) -> std::io::Result<Vec<u8>> {
    let length = from.read_u32().await?;
    let mut message = length.to_be_bytes().to_vec();
    message.resize(length as usize, 0);
    from.read_exact(&mut message[4..]).await?;
    Ok(message)
}

/// The server's bytes as they come; once silenced, its next answer ends the line unheard.
async fn answers(
    from: &mut (impl AsyncRead + Unpin),
    to: &mut (impl AsyncWrite + Unpin),
    silenced: CancellationToken,
) -> std::io::Result<()> {
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let length = from.read(&mut buffer).await?;
        if length == 0 || silenced.is_cancelled() {
            return Ok(());
        }
        to.write_all(&buffer[..length]).await?;
    }
}
