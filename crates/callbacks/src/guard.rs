use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use crate::CallbackError;

/// Judges addresses: only public ones may be called, and those an operator allowed.
#[derive(Debug, Clone, Default)]
pub struct AddressGuard {
    allowed: Arc<[IpNet]>,
}

impl AddressGuard {
    /// Allows `networks` besides what is public, each like `10.20.0.0/16` or a single address.
    pub fn new(networks: &[String]) -> Result<Self, CallbackError> {
        let network = |text: &String| {
            let trimmed = text.trim();
            let single = || trimmed.parse::<IpAddr>().map(IpNet::from);
            let parsed = trimmed.parse::<IpNet>().or_else(|_| single());
            parsed.map_err(|_| CallbackError::Network { network: text.clone() })
        };
        let allowed: Result<Vec<IpNet>, _> = networks.iter().map(network).collect();
        Ok(Self { allowed: allowed?.into() })
    }

    pub fn admits(&self, address: IpAddr) -> bool {
        // An IPv4 address in IPv6's clothes is what it leads to.
        let plain = address.to_canonical();
        let is_allowed = |network: &IpNet| network.contains(&plain) || network.contains(&address);
        self.allowed.iter().any(is_allowed)
            || match plain {
                IpAddr::V4(address) => is_public_v4(address),
                IpAddr::V6(address) => is_public_v6(address),
            }
    }
}

const fn v4(a: u8, b: u8, c: u8, d: u8, prefix: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), prefix)
}

const fn v6(a: u16, b: u16, c: u16, prefix: u8) -> Ipv6Net {
    Ipv6Net::new_assert(Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0), prefix)
}

/// IANA's special-purpose registry, multicast and what is reserved.
const SPECIAL_V4: [Ipv4Net; 16] = [
    v4(0, 0, 0, 0, 8),
    v4(10, 0, 0, 0, 8),
    v4(100, 64, 0, 0, 10),
    v4(127, 0, 0, 0, 8),
    // Link-local: the metadata of cloud machines among them.
    v4(169, 254, 0, 0, 16),
    v4(172, 16, 0, 0, 12),
    v4(192, 0, 0, 0, 24),
    v4(192, 0, 2, 0, 24),
    // Relays of 6to4.
    v4(192, 88, 99, 0, 24),
    v4(192, 168, 0, 0, 16),
    v4(198, 18, 0, 0, 15),
    v4(198, 51, 100, 0, 24),
    v4(203, 0, 113, 0, 24),
    v4(224, 0, 0, 0, 4),
    v4(240, 0, 0, 0, 4),
    // Azure gives its machines metadata and keys at a public address.
    v4(168, 63, 129, 16, 32),
];

/// The only range of IPv6 that is public, and what is special in it. Everything outside of it is
/// refused: loopback, link-local, unique local, multicast, IPv4-compatible.
const GLOBAL_V6: Ipv6Net = v6(0x2000, 0, 0, 3);
const SPECIAL_V6: [Ipv6Net; 4] = [
    // Protocol assignments: Teredo, ORCHID, benchmarks.
    v6(0x2001, 0, 0, 23),
    v6(0x2001, 0xdb8, 0, 32),
    // 6to4: leads to an IPv4 address inside of it.
    v6(0x2002, 0, 0, 16),
    v6(0x3fff, 0, 0, 20),
];

/// NAT64: leads to the IPv4 address in its last 32 bits.
const NAT64: Ipv6Net = v6(0x64, 0xff9b, 0, 96);

fn is_public_v4(address: Ipv4Addr) -> bool {
    !SPECIAL_V4.iter().any(|network| network.contains(&address))
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    if NAT64.contains(&address) {
        let [.., a, b, c, d] = address.octets();
        return is_public_v4(Ipv4Addr::new(a, b, c, d));
    }
    GLOBAL_V6.contains(&address) && !SPECIAL_V6.iter().any(|network| network.contains(&address))
}

#[cfg(test)]
#[path = "guard_tests.rs"]
mod tests;
