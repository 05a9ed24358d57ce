use alphafleet_domain::UserId;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;

use crate::CallbackError;

/// The secrets that callbacks are signed with: one a user, each derived from the fleet's key, so
/// that none is kept anywhere.
#[derive(Clone)]
pub struct WebhookSecrets {
    key: SecretString,
}

/// So that no other use of the key comes to the same secrets.
const PURPOSE: &[u8] = b"alphafleet webhook secret 1";
const MIN_KEY_BYTES: usize = 32;

impl WebhookSecrets {
    pub fn new(key: SecretString) -> Result<Self, CallbackError> {
        let found = key.expose_secret().len();
        if found < MIN_KEY_BYTES {
            return Err(CallbackError::WeakKey { found, needed: MIN_KEY_BYTES });
        }
        Ok(Self { key })
    }

    /// The user's secret as its receiver configures it: `whsec_` and 32 bytes in base64.
    pub fn of(&self, user: UserId) -> SecretString {
        format!("whsec_{}", STANDARD.encode(self.bytes(user))).into()
    }

    /// The `webhook-signature` of a body: `v1,` and an HMAC-SHA256 in base64.
    pub(crate) fn sign(&self, user: UserId, id: &str, timestamp: i64, body: &[u8]) -> String {
        let head = format!("{id}.{timestamp}.");
        let signature = authenticate(&self.bytes(user), &[head.as_bytes(), body]);
        format!("v1,{}", STANDARD.encode(signature))
    }

    fn bytes(&self, user: UserId) -> [u8; 32] {
        let key = self.key.expose_secret().as_bytes();
        authenticate(key, &[PURPOSE, user.as_uuid().as_bytes()])
    }
}

fn authenticate(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    // HMAC takes keys of any length.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { return [0; 32] };
    parts.iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn signatures_are_those_of_the_standard() {
        // The example of the specification of Standard Webhooks.
        let key = STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let body = br#"{"test": 2432232314}"#;
        let head = b"msg_p5jXN8AQM9LWM0D4loKWxJek.1614265330.";
        let signature = STANDARD.encode(authenticate(&key, &[head, body]));
        assert_eq!(signature, "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn each_user_has_a_secret_of_their_own() {
        let secrets = WebhookSecrets::new("x".repeat(32).into()).unwrap();
        let others = WebhookSecrets::new("y".repeat(32).into()).unwrap();
        let (ann, bob) = (UserId::new(), UserId::new());
        let text = |secrets: &WebhookSecrets, user| secrets.of(user).expose_secret().to_owned();
        let secret = text(&secrets, ann);
        assert_eq!(secret, text(&secrets, ann));
        assert_ne!(secret, text(&secrets, bob));
        assert_ne!(secret, text(&others, ann));
        assert_eq!(STANDARD.decode(secret.strip_prefix("whsec_").unwrap()).unwrap().len(), 32);
        assert!(WebhookSecrets::new("x".repeat(31).into()).is_err());
    }
}
