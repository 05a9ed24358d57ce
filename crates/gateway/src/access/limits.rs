use std::hash::Hash;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU64, Ordering};

use alphafleet_domain::UserId;
use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

use crate::error::ApiError;
use crate::settings::Rates;

/// How often each client may ask.
pub(crate) struct Limiters {
    addresses: Keyed<IpAddr>,
    usernames: Keyed<String>,
    users: Keyed<UserId>,
}

impl Limiters {
    pub fn new(rates: Rates) -> Self {
        Self {
            addresses: Keyed::new(Quota::per_minute(at_least_one(
                rates.logins_per_address_per_minute,
            ))),
            usernames: Keyed::new(Quota::per_minute(at_least_one(
                rates.logins_per_username_per_minute,
            ))),
            users: Keyed::new(Quota::per_second(at_least_one(rates.requests_per_user_per_second))),
        }
    }

    /// One try to log in or set up.
    pub fn login(&self, address: Option<IpAddr>, username: &str) -> Result<(), ApiError> {
        if let Some(address) = address {
            self.addresses.check(address)?;
        }
        self.usernames.check(username.chars().take(64).collect())
    }

    /// One request of a user.
    pub fn request(&self, user: UserId) -> Result<(), ApiError> {
        self.users.check(user)
    }
}

fn at_least_one(rate: u32) -> NonZeroU32 {
    NonZeroU32::new(rate).unwrap_or(NonZeroU32::MIN)
}

struct Keyed<K: Hash + Eq + Clone> {
    limiter: DefaultKeyedRateLimiter<K>,
    checks: AtomicU64,
}

impl<K: Hash + Eq + Clone> Keyed<K> {
    fn new(quota: Quota) -> Self {
        Self { limiter: RateLimiter::keyed(quota), checks: AtomicU64::new(0) }
    }

    fn check(&self, key: K) -> Result<(), ApiError> {
        // Keys that have recovered are forgotten, so that strangers cannot fill the memory.
        if self.checks.fetch_add(1, Ordering::Relaxed) % 1_024 == 1_023 {
            self.limiter.retain_recent();
        }
        self.limiter.check_key(&key).map_err(|until| {
            let wait = until.wait_time_from(DefaultClock::default().now()).as_secs() + 1;
            let detail = format!("Too many requests; try again in {wait} s.");
            ApiError::too_many("rate_limited", detail, wait)
        })
    }
}
