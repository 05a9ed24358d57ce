use std::net::TcpListener;
use std::ops::RangeInclusive;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener};

use uuid::Uuid;

/// Where no well-known service listens.
const LOWEST: u16 = 15_000;

/// A port of the loopback interface.
pub(crate) struct Port {
    number: u16,
    _claim: Option<UnixListener>,
}

impl Port {
    /// A free port, which nobody else who claims ports gets while this value lives, and which the
    /// system gives to nobody who does not ask for it by number: a server that was ended finds it
    /// free again.
    pub fn claim() -> Self {
        let range = by_number();
        let count = u128::from(range.end() - range.start()) + 1;
        let draw = || range.start() + u16::try_from(Uuid::new_v4().as_u128() % count).unwrap_or(0);
        let claimed = std::iter::repeat_with(draw).take(1000).find_map(Self::try_claim);
        claimed.expect("a free port")
    }

    /// A port that somebody chose.
    pub const fn chosen(number: u16) -> Self {
        Self { number, _claim: None }
    }

    pub const fn number(&self) -> u16 {
        self.number
    }

    pub fn is_free(&self) -> bool {
        TcpListener::bind(("127.0.0.1", self.number)).is_ok()
    }

    fn try_claim(number: u16) -> Option<Self> {
        // An abstract name belongs to one socket of the machine and goes with it.
        let name = SocketAddr::from_abstract_name(format!("alphafleet-test-port-{number}"));
        let claim = UnixListener::bind_addr(&name.ok()?).ok()?;
        let port = Self { number, _claim: Some(claim) };
        port.is_free().then_some(port)
    }
}

/// Ports below those that the system hands out, and where these leave nothing, all.
fn by_number() -> RangeInclusive<u16> {
    let range = std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range");
    let lowest_given: Option<u16> =
        range.ok().and_then(|range| range.split_whitespace().next()?.parse().ok());
    match lowest_given {
        Some(given) if given > LOWEST + 1000 => LOWEST..=given - 1,
        _ => LOWEST..=u16::MAX,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claimed_port_is_free_and_claimed_once() {
        let port = Port::claim();
        assert!(by_number().contains(&port.number()));
        assert!(port.is_free());
        let number = port.number();
        assert!(Port::try_claim(number).is_none());
        drop(port);
        assert!(Port::try_claim(number).is_some());
    }

    #[test]
    fn a_port_that_is_listened_on_is_not_claimed() {
        let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
        assert!(Port::try_claim(taken.local_addr().expect("its address").port()).is_none());
    }
}
