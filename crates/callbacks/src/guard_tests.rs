#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::*;

fn guard(allowed: &[&str]) -> AddressGuard {
    let allowed: Vec<String> = allowed.iter().map(|network| (*network).to_owned()).collect();
    AddressGuard::new(&allowed).unwrap()
}

fn admits(text: &str) -> bool {
    AddressGuard::default().admits(text.parse().unwrap())
}

#[test]
fn public_addresses_alone_are_admitted() {
    for public in [
        "1.1.1.1",
        "8.8.8.8",
        "9.255.255.255",
        "11.0.0.0",
        "100.63.255.255",
        "100.128.0.0",
        "126.255.255.255",
        "128.0.0.0",
        "169.253.255.255",
        "169.255.0.0",
        "172.15.255.255",
        "172.32.0.0",
        "192.167.255.255",
        "192.169.0.0",
        "198.17.255.255",
        "198.20.0.0",
        "223.255.255.255",
        "2606:4700:4700::1111",
        "2001:200::1",
        "2a00::1",
        "64:ff9b::8.8.8.8",
        "::ffff:8.8.8.8",
    ] {
        assert!(admits(public), "{public}");
    }
    for other in [
        "0.0.0.0",
        "0.1.2.3",
        "10.0.0.0",
        "10.255.255.255",
        "100.64.0.1",
        "100.127.255.255",
        "127.0.0.1",
        "127.255.255.255",
        "168.63.129.16",
        "169.254.0.1",
        "169.254.169.254",
        "172.16.0.1",
        "172.31.255.255",
        "192.0.0.8",
        "192.0.2.1",
        "192.88.99.1",
        "192.168.0.1",
        "198.18.0.1",
        "198.19.255.255",
        "198.51.100.7",
        "203.0.113.7",
        "224.0.0.1",
        "239.255.255.255",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "::127.0.0.1",
        "64:ff9b::10.0.0.1",
        "64:ff9b::a9fe:a9fe",
        "64:ff9b:1::1",
        "100::1",
        "fe80::1",
        "febf::1",
        "fec0::1",
        "fc00::1",
        "fd00:ec2::254",
        "ff02::1",
        "2001::1",
        "2001:10::1",
        "2001:20::1",
        "2001:db8::1",
        "2002:7f00:1::1",
        "2002:808:808::1",
        "3fff::1",
        "5f00::1",
    ] {
        assert!(!admits(other), "{other}");
    }
}

#[test]
fn an_operator_allows_networks() {
    let guard = guard(&["10.20.0.0/16", " 127.0.0.1 ", "fd00::/8"]);
    for allowed in ["10.20.1.1", "::ffff:10.20.1.1", "127.0.0.1", "fd00::7", "8.8.8.8"] {
        assert!(guard.admits(allowed.parse().unwrap()), "{allowed}");
    }
    for other in ["10.21.0.1", "127.0.0.2", "fc00::7", "169.254.169.254"] {
        assert!(!guard.admits(other.parse().unwrap()), "{other}");
    }
    for bad in ["", "10.0.0.0/33", "localhost", "10.0.0.0/8,11.0.0.0/8"] {
        assert!(AddressGuard::new(&[bad.to_owned()]).is_err(), "{bad}");
    }
}

/// What the standard library can tell of an address, put together without our table.
fn is_surely_special(address: Ipv4Addr) -> bool {
    let [a, b, ..] = address.octets();
    address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_multicast()
        || address.is_broadcast()
        || address.is_documentation()
        || address.is_unspecified()
        || a == 0
        || a >= 240
        || (a, b & 0xc0) == (100, 64)
        || (a, b & 0xfe) == (198, 18)
}

/// Any address, those near the borders of special ranges more often.
fn address() -> impl Strategy<Value = Ipv4Addr> {
    let border = (0..SPECIAL_V4.len(), -2i64..=2, any::<bool>()).prop_map(|(at, off, top)| {
        let network = SPECIAL_V4[at];
        let edge = if top { network.broadcast() } else { network.network() };
        Ipv4Addr::from_bits((i64::from(edge.to_bits()) + off) as u32)
    });
    prop_oneof![any::<u32>().prop_map(Ipv4Addr::from_bits), border]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn special_addresses_are_refused_in_every_form(address in address()) {
        let guard = AddressGuard::default();
        let [a, b, c, d] = address.octets();
        let (high, low) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
        let admitted = guard.admits(address.into());
        prop_assert!(!(admitted && is_surely_special(address)), "{address}");
        prop_assert_eq!(guard.admits(address.to_ipv6_mapped().into()), admitted);
        let nat64 = Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, high, low);
        prop_assert_eq!(guard.admits(nat64.into()), admitted);
        let six_to_four = Ipv6Addr::new(0x2002, high, low, 0, 0, 0, 0, 1);
        prop_assert!(!guard.admits(six_to_four.into()));
        let compatible = Ipv6Addr::new(0, 0, 0, 0, 0, 0, high, low);
        prop_assert!(!guard.admits(compatible.into()));
        let teredo = Ipv6Addr::new(0x2001, 0, high, low, 0, 0, !high, !low);
        prop_assert!(!guard.admits(teredo.into()));
    }

    #[test]
    fn of_ipv6_only_global_unicast_is_admitted(bits in any::<u128>()) {
        let address = Ipv6Addr::from_bits(bits);
        let is_mapped = address.to_ipv4_mapped().is_some() || NAT64.contains(&address);
        let is_global = address.octets()[0] >> 5 == 1;
        prop_assert!(is_mapped || is_global || !AddressGuard::default().admits(address.into()));
    }

    #[test]
    fn allowed_networks_add_themselves_and_nothing_else(
        network in (any::<u32>(), 8u8..=32), address in address()
    ) {
        let network = Ipv4Net::new(Ipv4Addr::from_bits(network.0), network.1).unwrap();
        let guard = guard(&[&network.to_string()]);
        let usual = AddressGuard::default().admits(address.into());
        prop_assert_eq!(guard.admits(address.into()), usual || network.contains(&address));
    }
}
