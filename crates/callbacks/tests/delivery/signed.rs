use alphafleet_callbacks::WebhookSecrets;
use alphafleet_domain::ports::CallbackState;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::Utc;
use hmac::{Hmac, KeyInit, Mac};
use secrecy::ExposeSecret;
use serde_json::Value;
use sha2::Sha256;

use crate::fleet::{Fleet, KEY, settings};
use crate::receiver::{OK, Received, Receiver};

/// Checks a signature as a receiver does that has nothing but its secret.
fn is_signed(received: &Received, secret: &str) -> bool {
    let key = STANDARD.decode(secret.strip_prefix("whsec_").unwrap()).unwrap();
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).unwrap();
    let (id, timestamp) = (received.header("webhook-id"), received.header("webhook-timestamp"));
    mac.update(format!("{id}.{timestamp}.").as_bytes());
    mac.update(&received.body);
    let signature = received.header("webhook-signature").strip_prefix("v1,").unwrap();
    mac.verify_slice(&STANDARD.decode(signature).unwrap()).is_ok()
}

#[tokio::test]
async fn a_task_is_posted_once_and_signed_for_its_owner() {
    let fleet = Fleet::start().await;
    let receiver = Receiver::start(vec![OK]).await;
    let job = fleet.ended(&receiver.url("/hooks/done?key=a%20b")).await;
    let delivery = fleet.deliver(settings());
    let callback = fleet.settled(job.id).await;
    assert_eq!((callback.state, callback.tries), (CallbackState::Delivered, 1));
    assert_eq!(callback.last_error, None);
    assert_eq!((delivery.stats.delivered(), delivery.stats.retried()), (1, 0));
    delivery.stop().await;
    let [received] = receiver.received().try_into().unwrap();
    assert_eq!(received.line(), "POST /hooks/done?key=a%20b HTTP/1.1");
    assert_eq!(received.header("host"), receiver.address.to_string());
    assert_eq!(received.header("content-type"), "application/json");
    assert_eq!(received.header("webhook-id"), format!("msg_{}", job.id));
    let sent: i64 = received.header("webhook-timestamp").parse().unwrap();
    assert!((Utc::now().timestamp() - sent).abs() < 60);
    let body: Value = serde_json::from_slice(&received.body).unwrap();
    assert_eq!(body["id"], format!("task-{}", job.id));
    assert_eq!((&body["status"], &body["progress"]), (&"completed".into(), &100.0.into()));
    assert_eq!(body["result"]["metrics"]["ic"], 0.04);
    let secrets = WebhookSecrets::new(KEY.into()).unwrap();
    let other = fleet.user("bob").await;
    assert!(is_signed(&received, secrets.of(fleet.owner).expose_secret()));
    assert!(!is_signed(&received, secrets.of(other).expose_secret()));
    let mut forged = received;
    forged.body[0] ^= 1;
    assert!(!is_signed(&forged, secrets.of(fleet.owner).expose_secret()));
}

#[tokio::test]
async fn several_deliverers_share_the_work() {
    let fleet = Fleet::start().await;
    let receiver = Receiver::start(vec![OK]).await;
    let mut jobs = Vec::new();
    for n in 0..40 {
        jobs.push(fleet.ended(&receiver.url(&format!("/{n}"))).await.id);
    }
    let mut wide = settings();
    wide.per_target = 100;
    let both = [fleet.deliver(wide.clone()), fleet.deliver(wide)];
    for job in jobs {
        fleet.settled(job).await;
    }
    let delivered: u64 = both.iter().map(|one| one.stats.delivered()).sum();
    for one in both {
        one.stop().await;
    }
    assert_eq!((delivered, receiver.received().len()), (40, 40));
}
