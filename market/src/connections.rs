//! Connections that a fault can reset: the next thing the other side hears is a TCP RST, not an orderly end.
//!
//! Whoever serves the marketplace wraps the listener ([`listen`]) and the routes ([`service`]). Where somebody serves it
//! otherwise, a reset is an abrupt end without a word.

use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use axum::Router;
use axum::extract::connect_info::{Connected, IntoMakeServiceWithConnectInfo};
use axum::extract::{ConnectInfo, Request};
use axum::middleware::map_request;
use axum::serve::IncomingStream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};

/// A listener whose connections can be reset.
#[derive(Debug)]
pub struct Listener(TcpListener);

/// Wraps the listener.
pub fn listen(listener: TcpListener) -> Listener {
    Listener(listener)
}

/// The routes as what is served at such a listener. Handlers find the other side's address as `ConnectInfo<SocketAddr>`.
pub fn service(router: Router) -> IntoMakeServiceWithConnectInfo<Router, Peer> {
    router.layer(map_request(tell_address)).into_make_service_with_connect_info()
}

async fn tell_address(mut request: Request) -> Request {
    let peer = request.extensions().get::<ConnectInfo<Peer>>();
    if let Some(address) = peer.map(|ConnectInfo(peer)| peer.address) {
        request.extensions_mut().insert(ConnectInfo(address));
    }
    request
}

/// The other side of one connection.
#[derive(Debug, Clone)]
pub struct Peer {
    address: SocketAddr,
    reset: Arc<AtomicBool>,
}

impl Peer {
    /// From here on the connection ends with a reset.
    pub(crate) fn order_reset(&self) {
        self.reset.store(true, Ordering::Release);
    }
}

impl Connected<IncomingStream<'_, Listener>> for Peer {
    fn connect_info(stream: IncomingStream<'_, Listener>) -> Self {
        Self { address: *stream.remote_addr(), reset: Arc::clone(&stream.io().reset) }
    }
}

impl axum::serve::Listener for Listener {
    type Io = Connection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Connection, SocketAddr) {
        let (stream, address) = axum::serve::Listener::accept(&mut self.0).await;
        (Connection { stream, reset: Arc::default() }, address)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }
}

/// One connection.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    reset: Arc<AtomicBool>,
}

impl Connection {
    fn stream(self: Pin<&mut Self>) -> Pin<&mut TcpStream> {
        Pin::new(&mut self.get_mut().stream)
    }

    fn is_to_be_reset(&self) -> bool {
        self.reset.load(Ordering::Acquire)
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        // A socket that does not linger is closed with a reset.
        if self.is_to_be_reset()
            && let Err(error) = self.stream.set_zero_linger()
        {
            tracing::warn!(%error, "A connection could not be reset");
        }
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.stream().poll_read(context, into)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.stream().poll_write(context, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.stream().poll_write_vectored(context, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream().poll_flush(context)
    }

    /// An orderly end would come before the reset.
    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.is_to_be_reset() { Poll::Ready(Ok(())) } else { self.stream().poll_shutdown(context) }
    }
}
