//! Users and their passwords.

use alphafleet_domain::ports::{PasswordHash, StoreError};
use alphafleet_domain::{RiskLevel, Role, UserId, UserLimits};

use super::AnyStore;
use super::support::*;

pub async fn users_are_kept(store: AnyStore) {
    let new = new_user("ada@example.org", 7);
    let ada = store.create_user(new.clone(), audit("user.create")).await.unwrap();
    assert_eq!((ada.id, &ada.username, ada.role), (new.id, &new.username, Role::Researcher));
    assert_eq!(
        (ada.limits, ada.trading_enabled, ada.risk_level),
        (new.limits, false, RiskLevel::Low)
    );
    assert_eq!(store.user(ada.id).await.unwrap().as_ref(), Some(&ada));
    assert_eq!(store.user(UserId::new()).await.unwrap(), None);
    let twin = store.create_user(new_user("ada@example.org", 1), audit("user.create")).await;
    assert!(
        matches!(&twin, Err(StoreError::Conflict { what: "user", name }) if name == "ada@example.org"),
        "{twin:?}"
    );
    let found = store.credentials(&new.username).await.unwrap();
    assert_eq!(found, Some((ada.clone(), new.password)));
    assert_eq!(store.credentials(&"nobody".parse().unwrap()).await.unwrap(), None);

    let hash = PasswordHash::new("$argon2id$other".to_owned());
    assert!(store.set_password(ada.id, hash.clone(), audit("user.password")).await.unwrap());
    assert_eq!(store.credentials(&new.username).await.unwrap().unwrap().1, hash);
    let limits = UserLimits { max_concurrent_sessions: 0, max_websocket_connections: u32::MAX };
    assert!(store.set_limits(ada.id, limits, audit("user.limits")).await.unwrap());
    assert_eq!(store.user(ada.id).await.unwrap().unwrap().limits, limits);
    let ghost = UserId::new();
    assert!(!store.set_password(ghost, hash, audit("user.password")).await.unwrap());
    assert!(!store.set_limits(ghost, limits, audit("user.limits")).await.unwrap());
    assert_eq!(store.users().await.unwrap().len(), 1);
    assert_eq!(audited(&store).await, ["user.create", "user.password", "user.limits"]);
}

pub async fn one_first_administrator_wins(store: AnyStore) {
    let racing: Vec<_> = (0..20)
        .map(|n| {
            let store = store.clone();
            let mut admin = new_user(&format!("admin-{n}"), 3);
            admin.role = Role::Admin;
            tokio::spawn(async move { store.create_first_admin(admin, audit("user.first")).await })
        })
        .collect();
    let mut winners = Vec::new();
    for creation in racing {
        winners.extend(creation.await.unwrap().unwrap());
    }
    assert_eq!(winners.len(), 1);
    assert_eq!(store.users().await.unwrap(), winners);
    assert_eq!(audited(&store).await, ["user.first"]);
}
