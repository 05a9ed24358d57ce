use std::fmt;

use async_trait::async_trait;

use super::StoreError;
use crate::{AuditRecord, Role, User, UserId, UserLimits, Username};

#[async_trait]
pub trait UserStore: Send + Sync {
    /// `StoreError::Conflict` when the name is taken.
    async fn create_user(&self, user: NewUser, audit: AuditRecord) -> Result<User, StoreError>;

    /// Creates the first administrator, or answers `None` when there is any user already. Racing
    /// calls create one.
    async fn create_first_admin(
        &self,
        user: NewUser,
        audit: AuditRecord,
    ) -> Result<Option<User>, StoreError>;

    async fn user(&self, id: UserId) -> Result<Option<User>, StoreError>;

    /// The user of that name, for a login.
    async fn credentials(
        &self,
        username: &Username,
    ) -> Result<Option<(User, PasswordHash)>, StoreError>;

    async fn set_password(
        &self,
        id: UserId,
        hash: PasswordHash,
        audit: AuditRecord,
    ) -> Result<bool, StoreError>;

    async fn set_limits(
        &self,
        id: UserId,
        limits: UserLimits,
        audit: AuditRecord,
    ) -> Result<bool, StoreError>;

    async fn users(&self) -> Result<Vec<User>, StoreError>;
}

#[derive(Debug, Clone)]
pub struct NewUser {
    pub id: UserId,
    pub username: Username,
    pub password: PasswordHash,
    pub role: Role,
    pub limits: UserLimits,
}

/// An argon2id hash in PHC form. Not shown by `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(String);

impl PasswordHash {
    pub const fn new(phc: String) -> Self {
        Self(phc)
    }

    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(…)")
    }
}
