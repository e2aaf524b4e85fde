//! What a person may type as the address of a server (pure).

use std::net::IpAddr;

use url::{Host, Url};

/// Why a typed address cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// Not an address at all.
    #[error("write the whole address, like https://otree.example.org")]
    Malformed,
    /// A scheme other than http and https.
    #[error("the address must start with https:// or http://")]
    Scheme,
    /// `user:password@` in front of the host.
    #[error("leave out the user name and password in front of the host")]
    UserInfo,
    /// A port that belongs to another kind of server.
    #[error("use port 80, 443, or one above 1023")]
    Port,
    /// An IP address that the operator does not let us visit.
    #[error("this address belongs to a private or reserved network, which this server may not visit")]
    Private,
}

/// Parses what was typed down to scheme, host and port.
pub(super) fn origin(typed: &str) -> Result<Url, AddressError> {
    let mut url: Url = typed.trim().parse().map_err(|_| AddressError::Malformed)?;
    acceptable(&url)?;
    if let Some(Host::Domain(name)) = url.host() {
        let bare = name.trim_end_matches('.').to_owned();
        url.set_host(Some(&bare)).map_err(|_| AddressError::Malformed)?;
    }
    url.set_path("");
    url.set_query(None);
    url.set_fragment(None);
    Ok(url)
}

/// Whether a URL is of a kind that the client visits at all.
pub(super) fn acceptable(url: &Url) -> Result<(), AddressError> {
    if !matches!(url.scheme(), "http" | "https") {
        return Err(AddressError::Scheme);
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(AddressError::UserInfo);
    }
    match (url.host_str(), url.port_or_known_default()) {
        (None | Some("" | "."), _) => Err(AddressError::Malformed),
        (_, Some(80 | 443 | 1024..)) => Ok(()),
        _ => Err(AddressError::Port),
    }
}

/// The IP address that the URL names instead of a host, in whatever notation it was written.
pub(super) fn literal(url: &Url) -> Option<IpAddr> {
    match url.host()? {
        Host::Domain(_) => None,
        Host::Ipv4(ip) => Some(ip.into()),
        Host::Ipv6(ip) => Some(ip.into()),
    }
}

/// Whether an address means the machine that the browser runs on.
pub fn is_local(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_cut_down_to_its_origin() {
        for (typed, origin) in [
            (" https://otree.example.org ", "https://otree.example.org/"),
            ("https://OTREE.Example.org:443/demo/?a=1#b", "https://otree.example.org/"),
            ("http://otree.example.org.:8000/", "http://otree.example.org:8000/"),
            ("http://localhost:8000", "http://localhost:8000/"),
        ] {
            assert_eq!(super::origin(typed).unwrap().as_str(), origin, "{typed}");
        }
    }

    #[test]
    fn what_is_no_address_of_a_server_is_refused_in_words() {
        use AddressError::*;
        for (typed, why) in [
            ("", Malformed),
            ("otree.example.org", Malformed),
            ("localhost:8000", Scheme),
            ("https://", Malformed),
            ("http://./", Malformed),
            ("ftp://otree.example.org", Scheme),
            ("file:///etc/passwd", Scheme),
            ("javascript:alert(1)", Scheme),
            ("https://otree@example.org", UserInfo),
            ("https://127.0.0.1:80@example.org", UserInfo),
            ("http://example.org:22", Port),
            ("http://example.org:0", Port),
            ("http://example.org:70000", Malformed),
        ] {
            assert_eq!(super::origin(typed), Err(why), "{typed}");
        }
    }
}
