use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use actix_web::{HttpResponse, web};
use alphafleet_domain::Instant;
use alphafleet_protocol::api::SocketTicket;
use chrono::TimeDelta;
use sha2::{Digest, Sha256};

use crate::access::{Authenticated, Claims};
use crate::error::ApiError;
use crate::gateway::Gateway;
use crate::request::Answer;

/// Most tickets that may be open at once.
const MOST_OPEN: usize = 100_000;

pub(crate) async fn issue_ticket(gateway: web::Data<Gateway>, user: Authenticated) -> Answer {
    let claims = Claims { user: user.id, expires_at: user.expires_at };
    let ticket = gateway.tickets.issue(claims, gateway.parts.clock.now());
    let ticket = ticket.ok_or_else(|| {
        ApiError::too_many("too_many_tickets", "Too many tickets are open; use them first.", 30)
    })?;
    let expires_in = gateway.tickets.ttl.as_secs();
    Ok(HttpResponse::Ok().json(SocketTicket { ticket, expires_in }))
}

/// One-time tickets, of this gateway alone.
pub(crate) struct Tickets {
    ttl: Duration,
    open: Mutex<HashMap<[u8; 32], Ticket>>,
}

#[derive(Clone, Copy)]
struct Ticket {
    claims: Claims,
    until: Instant,
}

impl Tickets {
    pub fn new(ttl: Duration) -> Self {
        Self { ttl, open: Mutex::default() }
    }

    /// A ticket that stands for these claims once. `None` while too many are open.
    fn issue(&self, claims: Claims, now: Instant) -> Option<String> {
        let secret: [u8; 32] = rand::random();
        let text: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
        let until = now + TimeDelta::from_std(self.ttl).unwrap_or(TimeDelta::seconds(30));
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|_, ticket| now < ticket.until);
        if open.len() >= MOST_OPEN {
            return None;
        }
        open.insert(digest(&text), Ticket { claims, until });
        Some(text)
    }

    /// What the ticket stands for, the first time it is shown.
    pub fn redeem(&self, text: &str, now: Instant) -> Option<Claims> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let ticket = open.remove(&digest(text))?;
        (now < ticket.until && now < ticket.claims.expires_at).then_some(ticket.claims)
    }
}

/// Looked up by digest, so that the time a look-up takes says nothing about open tickets.
fn digest(text: &str) -> [u8; 32] {
    Sha256::digest(text.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use alphafleet_domain::UserId;
    use chrono::Utc;

    use super::*;

    #[test]
    fn a_ticket_is_good_once_and_for_a_while() {
        let tickets = Tickets::new(Duration::from_secs(30));
        let now = Utc::now();
        let claims = Claims { user: UserId::new(), expires_at: now + TimeDelta::hours(1) };
        let ticket = tickets.issue(claims, now).unwrap();
        assert_eq!(tickets.redeem(&ticket, now), Some(claims));
        assert_eq!(tickets.redeem(&ticket, now), None);
        let ticket = tickets.issue(claims, now).unwrap();
        assert_eq!(tickets.redeem(&ticket, now + TimeDelta::seconds(30)), None);
        assert_eq!(tickets.redeem("", now), None);
    }
}
