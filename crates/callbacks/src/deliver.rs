use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use alphafleet_domain::ports::{Callback, CallbackStore, CallbackTry};
use alphafleet_domain::{Clock, SystemClock, UserId};
use alphafleet_protocol::api::TaskView;
use hyper::StatusCode;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use crate::post::{Letter, Poster};
use crate::{
    AddressGuard, CallbackError, CallbackSettings, CallbackStats, CallbackUrl, WebhookSecrets, tls,
};

/// Callbacks taken at once.
const BATCH: usize = 32;

/// Beyond one try's own time: to note how it went.
const MARGIN: Duration = Duration::from_secs(20);

/// Delivers callbacks: each at least once, in no order. Several deliverers share the work.
pub struct Deliverer {
    store: Arc<dyn CallbackStore>,
    settings: CallbackSettings,
    secrets: WebhookSecrets,
    poster: Poster,
    stats: Arc<CallbackStats>,
    underway: Underway,
}

impl Deliverer {
    pub fn new(
        store: Arc<dyn CallbackStore>,
        settings: CallbackSettings,
    ) -> Result<Self, CallbackError> {
        let poster = Poster {
            guard: AddressGuard::new(&settings.allowed_networks)?,
            tls: tls::client_config(settings.ca_file.as_deref())?,
            timeout: settings.timeout,
        };
        let secrets = WebhookSecrets::new(settings.key.clone())?;
        let (stats, underway) = (Arc::default(), Underway::default());
        Ok(Self { store, settings, secrets, poster, stats, underway })
    }

    pub fn stats(&self) -> Arc<CallbackStats> {
        self.stats.clone()
    }

    /// Delivers until `shutdown`, then lets tries under way end.
    pub async fn run(self, shutdown: CancellationToken) {
        info!("callbacks are delivered");
        let deliverer = Arc::new(self);
        let slots = Arc::new(Semaphore::new(deliverer.settings.concurrency.max(1)));
        let mut tries = JoinSet::new();
        loop {
            while tries.try_join_next().is_some() {}
            let looked = deliverer.look(&slots, &mut tries);
            let more = tokio::select! {
                () = shutdown.cancelled() => break,
                more = looked => more,
            };
            if !more {
                let pause = sleep(deliverer.settings.interval);
                if shutdown.run_until_cancelled(pause).await.is_none() {
                    break;
                }
            }
        }
        let rest = async { while tries.join_next().await.is_some() {} };
        // What is broken off now comes again when its lease has run out.
        let _ = timeout(deliverer.settings.timeout, rest).await;
        info!("callbacks are no longer delivered");
    }

    /// Takes what is due, as far as there are free slots; answers whether there may be more.
    async fn look(self: &Arc<Self>, slots: &Arc<Semaphore>, tries: &mut JoinSet<()>) -> bool {
        let Ok(first) = slots.clone().acquire_owned().await else { return false };
        let room = BATCH.min(slots.available_permits() + 1);
        drop(first);
        let lease = self.settings.timeout + MARGIN;
        let taken = match self.store.take_callbacks(room as u32, lease).await {
            Ok(taken) => taken,
            Err(error) => {
                warn!(%error, "callbacks cannot be taken");
                return false;
            }
        };
        let more = taken.len() == room;
        for callback in taken {
            // A busy target's are left alone: they come again when the lease has run out.
            let Some(place) = self.underway.enter(&callback, self.settings.per_target) else {
                continue;
            };
            let Ok(slot) = slots.clone().acquire_owned().await else { return false };
            let deliverer = self.clone();
            tries.spawn(async move {
                deliverer.deliver(callback).await;
                drop((place, slot));
            });
        }
        more
    }

    async fn deliver(&self, callback: Callback) {
        let tried = self.try_once(&callback).await;
        let (job, tries) = (callback.job.id, callback.tries + 1);
        match &tried {
            CallbackTry::Delivered => debug!(%job, tries, "a callback was delivered"),
            CallbackTry::Again { error, wait } => {
                debug!(%job, tries, error, ?wait, "a callback is tried again");
            }
            CallbackTry::GivenUp { error } => info!(%job, tries, error, "a callback is given up"),
        }
        self.stats.count(&tried);
        if let Err(error) = self.store.note_callback(callback.id, &tried).await {
            warn!(%job, %error, "a callback's try cannot be noted; it will be made again");
        }
    }

    async fn try_once(&self, callback: &Callback) -> CallbackTry {
        let url = match CallbackUrl::parse(&callback.url, &self.poster.guard) {
            Ok(url) => url,
            Err(fault) => return CallbackTry::GivenUp { error: format!("the URL {fault}") },
        };
        let letter = match self.letter(callback) {
            Ok(letter) => letter,
            Err(error) => return CallbackTry::GivenUp { error: error.to_string() },
        };
        match self.poster.post(&url, letter).await {
            Ok(status) if status.is_success() => CallbackTry::Delivered,
            Ok(StatusCode::GONE) => {
                CallbackTry::GivenUp { error: "answered 410: callbacks are not wanted".to_owned() }
            }
            Ok(status) if status.is_redirection() => self.again(
                callback,
                format!("answered {}; redirects are not followed", status.as_u16()),
            ),
            Ok(status) => self.again(callback, format!("answered {}", status.as_u16())),
            Err(error) => self.again(callback, error.to_string()),
        }
    }

    fn again(&self, callback: &Callback, error: String) -> CallbackTry {
        match self.settings.retries.wait(callback.tries.saturating_add(1)) {
            Some(wait) => CallbackTry::Again { error, wait },
            None => CallbackTry::GivenUp { error },
        }
    }

    fn letter(&self, callback: &Callback) -> Result<Letter, serde_json::Error> {
        let owner = callback.job.owner;
        // The same for every try, so that the receiver can tell a repetition.
        let id = format!("msg_{}", callback.job.id);
        let body = serde_json::to_vec(&TaskView::from(callback.job.clone()))?;
        let timestamp = SystemClock.now().timestamp();
        let signature = self.secrets.sign(owner, &id, timestamp, &body);
        Ok(Letter { id, timestamp, signature, body: body.into() })
    }
}

/// Tries under way by target and by user.
#[derive(Debug, Clone, Default)]
struct Underway(Arc<Mutex<HashMap<Whose, usize>>>);

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Whose {
    Target(String),
    User(UserId),
}

/// One try's place; dropping it makes room.
struct Place {
    underway: Underway,
    whose: [Whose; 2],
}

impl Underway {
    /// A user may keep twice as many tries under way as one target takes.
    fn enter(&self, callback: &Callback, per_target: usize) -> Option<Place> {
        let target = Whose::Target(target(&callback.url));
        let whose = [target, Whose::User(callback.job.owner)];
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_full = |whose: &Whose, most: usize| all.get(whose).is_some_and(|&n| n >= most);
        if is_full(&whose[0], per_target.max(1)) || is_full(&whose[1], 2 * per_target.max(1)) {
            return None;
        }
        for whose in &whose {
            *all.entry(whose.clone()).or_default() += 1;
        }
        Some(Place { underway: self.clone(), whose })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut all = self.underway.0.lock().unwrap_or_else(PoisonError::into_inner);
        for whose in &self.whose {
            if let Some(underway) = all.get_mut(whose) {
                *underway -= 1;
                if *underway == 0 {
                    all.remove(whose);
                }
            }
        }
    }
}

/// Scheme, host and port.
fn target(url: &str) -> String {
    url::Url::parse(url)
        .map_or_else(|_| url.to_owned(), |url| url[..url::Position::BeforePath].to_owned())
}
