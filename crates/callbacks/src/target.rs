use std::fmt;
use std::net::{IpAddr, Ipv4Addr};

use thiserror::Error;
use url::{Host, Url};

use crate::AddressGuard;

const LONGEST: usize = 2_048;

/// Where a callback goes: `http://` or `https://`, absolute, without credentials.
#[derive(Clone, PartialEq, Eq)]
pub struct CallbackUrl {
    url: Url,
}

/// What is wrong with an address for callbacks.
#[derive(Debug, Clone, Copy, Error, PartialEq, Eq)]
pub enum UrlFault {
    #[error("has more than {LONGEST} bytes")]
    TooLong,
    #[error("is not an absolute URL; give one like https://lab.example/done")]
    NotAbsolute,
    #[error("begins with neither http:// nor https://")]
    Scheme,
    #[error("names a user or password; leave them out, callbacks are signed")]
    Credentials,
    #[error("has a port of another protocol; give 80, 443 or one from 1024 on")]
    Port,
    #[error("leads to an address that is not public; ask an operator to allow its network")]
    Address,
}

impl CallbackUrl {
    /// Reads an address. One that is written as a number is judged at once; a name is when it is
    /// called.
    pub fn parse(text: &str, guard: &AddressGuard) -> Result<Self, UrlFault> {
        if text.len() > LONGEST {
            return Err(UrlFault::TooLong);
        }
        let url = Url::parse(text.trim()).map_err(|_| UrlFault::NotAbsolute)?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(UrlFault::Scheme);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(UrlFault::Credentials);
        }
        if !matches!(url.port_or_known_default(), Some(80 | 443 | 1_024..)) {
            return Err(UrlFault::Port);
        }
        match literal(&url) {
            Some(address) if !guard.admits(address) => Err(UrlFault::Address),
            _ => Ok(Self { url }),
        }
    }

    pub fn as_str(&self) -> &str {
        self.url.as_str()
    }

    pub(crate) fn is_https(&self) -> bool {
        self.url.scheme() == "https"
    }

    pub(crate) fn host(&self) -> Option<Host<&str>> {
        self.url.host()
    }

    pub(crate) fn port(&self) -> u16 {
        self.url.port_or_known_default().unwrap_or_default()
    }

    /// Host and port, as the `Host` header has them: a usual port is left out.
    pub(crate) fn authority(&self) -> &str {
        &self.url[url::Position::BeforeHost..url::Position::AfterPort]
    }

    /// Path and query.
    pub(crate) fn resource(&self) -> &str {
        &self.url[url::Position::BeforePath..url::Position::AfterQuery]
    }
}

/// Paths and queries may hold secrets of the receiver.
impl fmt::Debug for CallbackUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}/…", self.url.scheme(), self.authority())
    }
}

/// The address a host spells out. `localhost` means the same everywhere.
fn literal(url: &Url) -> Option<IpAddr> {
    match url.host()? {
        Host::Ipv4(address) => Some(address.into()),
        Host::Ipv6(address) => Some(address.into()),
        Host::Domain(name) => {
            let name = name.trim_end_matches('.');
            let is_local = name == "localhost" || name.ends_with(".localhost");
            is_local.then_some(Ipv4Addr::LOCALHOST.into())
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn parse(text: &str) -> Result<CallbackUrl, UrlFault> {
        CallbackUrl::parse(text, &AddressGuard::default())
    }

    #[test]
    fn public_urls_are_read() {
        let url = parse("https://lab.example/hooks/done?key=a%20b#part").unwrap();
        assert_eq!((url.authority(), url.port()), ("lab.example", 443));
        assert_eq!(url.resource(), "/hooks/done?key=a%20b");
        assert!(!format!("{url:?}").contains("key"), "{url:?}");
        let url = parse("http://[2606:4700::1]:8080").unwrap();
        assert_eq!((url.authority(), url.resource()), ("[2606:4700::1]:8080", "/"));
        assert!(!url.is_https());
    }

    #[test]
    fn others_are_refused() {
        let long = format!("https://lab.example/{}", "x".repeat(2_048));
        for (text, fault) in [
            (long.as_str(), UrlFault::TooLong),
            ("", UrlFault::NotAbsolute),
            ("/done", UrlFault::NotAbsolute),
            ("lab.example/done", UrlFault::NotAbsolute),
            ("https://", UrlFault::NotAbsolute),
            ("http://lab.example:99999/", UrlFault::NotAbsolute),
            ("ftp://lab.example/", UrlFault::Scheme),
            ("file:///etc/passwd", UrlFault::Scheme),
            ("gopher://lab.example/", UrlFault::Scheme),
            ("https://me@lab.example/", UrlFault::Credentials),
            ("https://me:secret@lab.example/", UrlFault::Credentials),
            ("https://:secret@lab.example/", UrlFault::Credentials),
            ("http://lab.example:0/", UrlFault::Port),
            ("http://lab.example:25/", UrlFault::Port),
            ("http://127.0.0.1/", UrlFault::Address),
            ("http://127.1/", UrlFault::Address),
            ("http://2130706433/", UrlFault::Address),
            ("http://0x7f.0.0.1/", UrlFault::Address),
            ("http://0177.0.0.1/", UrlFault::Address),
            ("http://①②⑦.0.0.1/", UrlFault::Address),
            ("http://169.254.169.254/latest/meta-data", UrlFault::Address),
            ("http://[::1]/", UrlFault::Address),
            ("http://[::ffff:127.0.0.1]/", UrlFault::Address),
            ("http://[fd00::1]/", UrlFault::Address),
            ("http://localhost/", UrlFault::Address),
            ("http://LOCALHOST./", UrlFault::Address),
            ("http://x.localhost:8080/", UrlFault::Address),
        ] {
            assert_eq!(parse(text), Err(fault), "{text}");
        }
    }

    #[test]
    fn what_an_operator_allowed_is_read() {
        let guard = AddressGuard::new(&["127.0.0.0/8".to_owned()]).unwrap();
        for text in ["http://127.0.0.1:8080/", "http://localhost:8080/"] {
            CallbackUrl::parse(text, &guard).unwrap();
        }
    }
}
