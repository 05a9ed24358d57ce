use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use url::Host;

use crate::{AddressGuard, CallbackUrl};

/// How long one of several addresses may take.
const PATIENCE: Duration = Duration::from_secs(4);

pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// Why there is no connection. The words go to the callback's owner, so they tell nothing about
/// the network we stand in.
#[derive(Debug, Error)]
pub(crate) enum ConnectError {
    #[error("the name {0:?} leads nowhere")]
    Unknown(String),
    #[error("the name leads to an address that is not public")]
    Refused,
    #[error("no connection: {0}")]
    Connect(io::Error),
    #[error("no TLS connection: {0}")]
    Tls(io::Error),
}

/// Connects to where the host leads, if every one of its addresses may be called.
pub(crate) async fn connect(
    url: &CallbackUrl,
    guard: &AddressGuard,
    tls: &Arc<ClientConfig>,
) -> Result<Box<dyn Stream>, ConnectError> {
    let stream = reach(&resolve(url, guard).await?).await.map_err(ConnectError::Connect)?;
    if !url.is_https() {
        return Ok(Box::new(stream));
    }
    let name = server_name(url)?;
    let secured = TlsConnector::from(tls.clone()).connect(name, stream).await;
    Ok(Box::new(secured.map_err(ConnectError::Tls)?))
}

/// The addresses, each of them judged. Nobody asks for the name again: a second answer might be
/// another one.
async fn resolve(url: &CallbackUrl, guard: &AddressGuard) -> Result<Vec<SocketAddr>, ConnectError> {
    let port = url.port();
    let found: Vec<SocketAddr> = match url.host() {
        Some(Host::Ipv4(address)) => vec![(address, port).into()],
        Some(Host::Ipv6(address)) => vec![(address, port).into()],
        Some(Host::Domain(name)) => {
            let unknown = |_| ConnectError::Unknown(name.to_owned());
            lookup_host((name, port)).await.map_err(unknown)?.collect()
        }
        None => Vec::new(),
    };
    if found.is_empty() {
        return Err(ConnectError::Unknown(url.authority().to_owned()));
    }
    if found.iter().all(|address| guard.admits(address.ip())) {
        Ok(found)
    } else {
        Err(ConnectError::Refused)
    }
}

/// The first address that answers.
async fn reach(addresses: &[SocketAddr]) -> io::Result<TcpStream> {
    let mut last = io::ErrorKind::TimedOut.into();
    for address in addresses {
        match timeout(PATIENCE, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => last = error,
            Err(_) => last = io::ErrorKind::TimedOut.into(),
        }
    }
    Err(last)
}

fn server_name(url: &CallbackUrl) -> Result<ServerName<'static>, ConnectError> {
    let invalid = |_| ConnectError::Tls(io::ErrorKind::InvalidInput.into());
    match url.host() {
        Some(Host::Ipv4(address)) => Ok(std::net::IpAddr::from(address).into()),
        Some(Host::Ipv6(address)) => Ok(std::net::IpAddr::from(address).into()),
        Some(Host::Domain(name)) => {
            ServerName::try_from(name.trim_end_matches('.').to_owned()).map_err(invalid)
        }
        None => Err(ConnectError::Tls(io::ErrorKind::InvalidInput.into())),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn guard(networks: &[&str]) -> AddressGuard {
        let networks: Vec<String> = networks.iter().map(|network| (*network).to_owned()).collect();
        AddressGuard::new(&networks).unwrap()
    }

    #[tokio::test]
    async fn a_name_is_judged_by_where_it_leads() {
        let inside = guard(&["127.0.0.0/8", "::1"]);
        let url = CallbackUrl::parse("http://localhost:8080/", &inside).unwrap();
        let found = resolve(&url, &inside).await.unwrap();
        assert!(found.iter().all(|address| address.ip().is_loopback() && address.port() == 8080));
        let refused = resolve(&url, &AddressGuard::default()).await;
        assert!(matches!(refused, Err(ConnectError::Refused)), "{refused:?}");
        let url = CallbackUrl::parse("http://no-such-host.invalid/", &inside).unwrap();
        let unknown = resolve(&url, &inside).await;
        assert!(matches!(unknown, Err(ConnectError::Unknown(_))), "{unknown:?}");
    }
}
