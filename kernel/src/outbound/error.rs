//! Why a request got no answer, in words for the person who typed the address.

use std::error::Error;

/// No answer, and why. Never carries anything of what the other side sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OutboundError {
    /// A private or reserved network.
    #[error("this address belongs to a private or reserved network, which this server may not visit")]
    NotAllowed,
    /// The name has no address.
    #[error("no server of this name was found")]
    DnsFailed,
    /// Nobody listens there, or no packet comes back.
    #[error("nothing answers at this address")]
    Refused,
    /// The certificate is wrong, or the port does not speak TLS.
    #[error("the secure connection failed: check the certificate, and whether https is right for this port")]
    Tls,
    /// Connected, but no complete answer in time.
    #[error("the server did not answer in time")]
    Timeout,
    /// More than the cap.
    #[error("the server's answer is too large")]
    TooLarge,
    /// The connection ended in the middle, or was not HTTP.
    #[error("the connection broke before the answer was complete")]
    Broken,
}

impl OutboundError {
    /// Whether the request certainly never reached the other side.
    pub fn never_sent(self) -> bool {
        matches!(self, Self::NotAllowed | Self::DnsFailed | Self::Refused | Self::Tls)
    }
}

/// The resolver found addresses, none of them within reach.
#[derive(Debug, thiserror::Error)]
#[error("no address within reach")]
pub(super) struct OutOfReach;

/// The resolver found no address.
#[derive(Debug, thiserror::Error)]
#[error("no address found")]
pub(super) struct NothingFound;

/// Sorts the client's error by what is at the bottom of it.
pub(super) fn classify(error: reqwest::Error) -> OutboundError {
    if caused_by::<OutOfReach>(&error) {
        OutboundError::NotAllowed
    } else if error.is_dns() {
        OutboundError::DnsFailed
    } else if error.is_connect() {
        if caused_by::<rustls::Error>(&error) { OutboundError::Tls } else { OutboundError::Refused }
    } else if error.is_timeout() {
        OutboundError::Timeout
    } else {
        OutboundError::Broken
    }
}

/// Whether an error of type `T` is in the chain, also where an I/O error wraps it.
fn caused_by<T: Error + 'static>(error: &(dyn Error + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        let wrapped = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        if error.is::<T>() || wrapped.is_some_and(|inner| caused_by::<T>(inner)) {
            return true;
        }
        next = error.source();
    }
    false
}
