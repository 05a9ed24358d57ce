use alphafleet_domain::ports::{NewUser, PasswordHash, StoreError, UserStore};
use alphafleet_domain::{AuditRecord, User, UserId, UserLimits, Username};
use async_trait::async_trait;

use crate::Store;
use crate::store::{read, write};

#[async_trait]
impl UserStore for Store {
    async fn create_user(&self, user: NewUser, audit: AuditRecord) -> Result<User, StoreError> {
        write!(self, |connection, q| q::users::create(connection, user, audit))
    }

    async fn create_first_admin(
        &self,
        user: NewUser,
        audit: AuditRecord,
    ) -> Result<Option<User>, StoreError> {
        write!(self, |connection, q| q::users::create_first_admin(connection, user, audit))
    }

    async fn user(&self, id: UserId) -> Result<Option<User>, StoreError> {
        read!(self, |connection, q| q::users::user(connection, id))
    }

    async fn credentials(
        &self,
        username: &Username,
    ) -> Result<Option<(User, PasswordHash)>, StoreError> {
        let username = username.clone();
        read!(self, |connection, q| q::users::credentials(connection, username))
    }

    async fn set_password(
        &self,
        id: UserId,
        hash: PasswordHash,
        audit: AuditRecord,
    ) -> Result<bool, StoreError> {
        write!(self, |connection, q| q::users::set_password(connection, id, hash, audit))
    }

    async fn set_limits(
        &self,
        id: UserId,
        limits: UserLimits,
        audit: AuditRecord,
    ) -> Result<bool, StoreError> {
        write!(self, |connection, q| q::users::set_limits(connection, id, limits, audit))
    }

    async fn users(&self) -> Result<Vec<User>, StoreError> {
        read!(self, |connection, q| q::users::all(connection))
    }
}
