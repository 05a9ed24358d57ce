use std::time::Duration;

use actix_web::{HttpResponse, web};
use alphafleet_domain::Instant;
use alphafleet_domain::ports::{PassHash, PassStore, StoreError};
use alphafleet_protocol::api::SocketTicket;
use chrono::DateTime;
use sha2::{Digest, Sha256};

use crate::access::{Authenticated, Claims};
use crate::gateway::Gateway;
use crate::request::Answer;

/// Issues a ticket that any gateway takes once.
pub(crate) async fn issue_ticket(gateway: web::Data<Gateway>, user: Authenticated) -> Answer {
    let left = (user.expires_at - gateway.parts.clock.now()).to_std().unwrap_or_default();
    let ttl = gateway.settings.sockets.ticket_ttl.min(left);
    let claims = Claims { user: user.id, expires_at: user.expires_at };
    let ticket = issue(&*gateway.parts.passes, claims, ttl).await?;
    Ok(HttpResponse::Ok().json(SocketTicket { ticket, expires_in: ttl.as_secs() }))
}

/// A ticket that stands for these claims once. It says itself when the token it was got with ends;
/// its hash, which alone is kept, covers that.
async fn issue(
    passes: &dyn PassStore,
    claims: Claims,
    ttl: Duration,
) -> Result<String, StoreError> {
    let secret: [u8; 32] = rand::random();
    let secret: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
    let ticket = format!("{secret}-{}", claims.expires_at.timestamp());
    passes.keep_pass(hash(&ticket), claims.user, ttl).await?;
    Ok(ticket)
}

/// What the ticket stands for, the first time it is shown at any gateway.
pub(crate) async fn redeem(
    passes: &dyn PassStore,
    ticket: &str,
    now: Instant,
) -> Result<Option<Claims>, StoreError> {
    let Some(expires_at) = expiry(ticket).filter(|expires_at| now < *expires_at) else {
        return Ok(None);
    };
    let user = passes.redeem_pass(hash(ticket)).await?;
    Ok(user.map(|user| Claims { user, expires_at }))
}

fn expiry(ticket: &str) -> Option<Instant> {
    let (_, seconds) = ticket.split_once('-')?;
    DateTime::from_timestamp(seconds.parse().ok()?, 0)
}

fn hash(ticket: &str) -> PassHash {
    PassHash(Sha256::digest(ticket.as_bytes()).into())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::collections::HashMap;
    use std::sync::Mutex;

    use alphafleet_domain::UserId;
    use async_trait::async_trait;
    use chrono::{TimeDelta, Utc};

    use super::*;

    /// Keeps passes for ever.
    #[derive(Default)]
    struct Passes(Mutex<HashMap<PassHash, UserId>>);

    #[async_trait]
    impl PassStore for Passes {
        async fn keep_pass(
            &self,
            pass: PassHash,
            user: UserId,
            _: Duration,
        ) -> Result<(), StoreError> {
            self.0.lock().unwrap().insert(pass, user);
            Ok(())
        }

        async fn redeem_pass(&self, pass: PassHash) -> Result<Option<UserId>, StoreError> {
            Ok(self.0.lock().unwrap().remove(&pass))
        }
    }

    #[tokio::test]
    async fn a_ticket_is_good_once_and_as_it_was_issued() {
        let (passes, now) = (Passes::default(), Utc::now());
        let expires_at = DateTime::from_timestamp(now.timestamp() + 3_600, 0).unwrap();
        let claims = Claims { user: UserId::new(), expires_at };
        let ticket = issue(&passes, claims, Duration::from_secs(30)).await.unwrap();
        // Nobody makes it last longer, and trying to does not use it up.
        for wrong in [String::new(), format!("{ticket}0"), ticket.replace('-', "-1")] {
            assert_eq!(redeem(&passes, &wrong, now).await.unwrap(), None, "{wrong}");
        }
        let late = now + TimeDelta::hours(2);
        assert_eq!(redeem(&passes, &ticket, late).await.unwrap(), None);
        assert_eq!(redeem(&passes, &ticket, now).await.unwrap(), Some(claims));
        assert_eq!(redeem(&passes, &ticket, now).await.unwrap(), None);
    }
}
