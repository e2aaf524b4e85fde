//! Which IP addresses we visit (pure).

use std::net::IpAddr;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

const fn v4(base: [u8; 4], prefix: u8) -> Ipv4Net {
    Ipv4Net::new_assert(std::net::Ipv4Addr::new(base[0], base[1], base[2], base[3]), prefix)
}

/// IPv4 that is not the public internet (IANA's special-purpose registry), and a cloud's internal service.
const CLOSED_V4: [Ipv4Net; 17] = [
    v4([0, 0, 0, 0], 8),        // this network
    v4([10, 0, 0, 0], 8),       // private
    v4([100, 64, 0, 0], 10),    // carriers' NAT
    v4([127, 0, 0, 0], 8),      // loopback
    v4([168, 63, 129, 16], 32), // Azure's virtual host service
    v4([169, 254, 0, 0], 16),   // link-local, metadata
    v4([172, 16, 0, 0], 12),    // private
    v4([192, 0, 0, 0], 24),     // protocol assignments
    v4([192, 0, 2, 0], 24),     // documentation
    v4([192, 88, 99, 0], 24),   // 6to4 relays
    v4([192, 168, 0, 0], 16),   // private
    v4([198, 18, 0, 0], 15),    // benchmarks
    v4([198, 51, 100, 0], 24),  // documentation
    v4([203, 0, 113, 0], 24),   // documentation
    v4([224, 0, 0, 0], 4),      // multicast
    v4([240, 0, 0, 0], 4),      // reserved, broadcast
    v4([192, 31, 196, 0], 24),  // AS112
];

const fn v6(head: [u16; 2], prefix: u8) -> Ipv6Net {
    Ipv6Net::new_assert(std::net::Ipv6Addr::new(head[0], head[1], 0, 0, 0, 0, 0, 0), prefix)
}

/// The only part of IPv6 that is public at all: loopback, ULA, link-local, multicast, v4-mapped and NAT64
/// addresses lie outside.
const PUBLIC_V6: Ipv6Net = v6([0x2000, 0], 3);

/// What inside [`PUBLIC_V6`] is not public.
const CLOSED_V6: [Ipv6Net; 4] = [
    v6([0x2001, 0], 23),      // Teredo and other protocol assignments
    v6([0x2001, 0x0db8], 32), // documentation
    v6([0x2002, 0], 16),      // 6to4, which wraps any IPv4 address
    v6([0x3fff, 0], 20),      // documentation
];

/// The public internet, plus the networks that the operator opens.
#[derive(Debug, Clone, Default)]
pub struct Reach {
    allow: Vec<IpNet>,
}

impl Reach {
    /// The public internet and `allow`.
    pub fn new(allow: Vec<IpNet>) -> Self {
        Self { allow }
    }

    /// Whether we may connect to this address.
    pub fn allows(&self, ip: IpAddr) -> bool {
        self.allow.iter().any(|net| net.contains(&ip)) || is_public(ip)
    }
}

fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => !CLOSED_V4.iter().any(|net| net.contains(&ip)),
        IpAddr::V6(ip) => PUBLIC_V6.contains(&ip) && !CLOSED_V6.iter().any(|net| net.contains(&ip)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_public_internet_is_within_reach() {
        for ip in ["1.1.1.1", "172.32.0.1", "100.128.0.1", "169.253.1.1", "2606:4700::1111", "2001:4860::8"] {
            assert!(Reach::default().allows(ip.parse().unwrap()), "{ip}");
        }
    }

    #[test]
    fn an_allow_list_opens_exactly_its_networks() {
        let reach = Reach::new(vec!["127.0.0.0/8".parse().unwrap(), "fd00::/64".parse().unwrap()]);
        for (ip, open) in [
            ("127.0.0.1", true),
            ("127.9.9.9", true),
            ("fd00::5", true),
            ("10.0.0.1", false),
            ("::1", false),
            ("::ffff:127.0.0.1", false),
            ("fd00:0:0:1::5", false),
        ] {
            assert_eq!(reach.allows(ip.parse().unwrap()), open, "{ip}");
        }
    }
}
