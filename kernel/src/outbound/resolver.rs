//! The resolver that hands out only addresses within reach.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use futures_util::future::BoxFuture;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::error::{NothingFound, OutOfReach};
use super::reach::Reach;

/// Asks for a host's addresses; a seam so that tests can play a hostile DNS server.
pub(super) trait Lookup: Send + Sync + 'static {
    fn lookup(&self, host: String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>>;
}

/// The machine's own resolver.
pub(super) struct SystemLookup;

impl Lookup for SystemLookup {
    fn lookup(&self, host: String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> {
        Box::pin(async move {
            let found = tokio::net::lookup_host((host, 0)).await?;
            Ok(found.map(|address| address.ip()).collect())
        })
    }
}

/// Looks a name up once and passes on what [`Reach`] allows.
pub(super) struct CheckedResolver<L> {
    reach: Arc<Reach>,
    lookup: L,
}

impl<L: Lookup> CheckedResolver<L> {
    pub(super) fn new(reach: Arc<Reach>, lookup: L) -> Self {
        Self { reach, lookup }
    }
}

impl<L: Lookup> Resolve for CheckedResolver<L> {
    fn resolve(&self, name: Name) -> Resolving {
        let (reach, found) = (self.reach.clone(), self.lookup.lookup(name.as_str().to_owned()));
        Box::pin(async move {
            let found = found.await.map_err(|_| NothingFound)?;
            if found.is_empty() {
                return Err(NothingFound.into());
            }
            let open: Vec<_> = found.into_iter().filter(|ip| reach.allows(*ip)).collect();
            if open.is_empty() {
                return Err(OutOfReach.into());
            }
            // Port 0 stands for the port of the URL.
            Ok(Box::new(open.into_iter().map(|ip| SocketAddr::new(ip, 0))) as Addrs)
        })
    }
}
