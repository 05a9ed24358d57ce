use alphafleet_domain::ports::{NewUser, PasswordHash};
use alphafleet_domain::{AuditRecord, User, UserId, UserLimits, Username};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::{Connection, Gate, audit, now, pass};
use crate::error::{Answer, taken};
use crate::rows::UserRow;
use crate::schema::users;
use crate::values::Uid;

pub(crate) async fn create(
    connection: &mut Connection,
    user: NewUser,
    record: AuditRecord,
) -> Answer<User> {
    let row = UserRow::new(&user, now(connection).await?);
    diesel::insert_into(users::table)
        .values(&row)
        .execute(connection)
        .await
        .map_err(|error| taken(error, "user", user.username.as_str()))?;
    audit::append(connection, record).await?;
    Ok(row.try_into()?)
}

pub(crate) async fn create_first_admin(
    connection: &mut Connection,
    user: NewUser,
    record: AuditRecord,
) -> Answer<Option<User>> {
    pass(connection, Gate::FirstAdministrator).await?;
    let existing: i64 = users::table.count().get_result(connection).await?;
    if existing > 0 {
        return Ok(None);
    }
    create(connection, user, record).await.map(Some)
}

pub(crate) async fn user(connection: &mut Connection, id: UserId) -> Answer<Option<User>> {
    let row: Option<UserRow> = users::table
        .find(Uid(id.as_uuid()))
        .select(UserRow::as_select())
        .get_result(connection)
        .await
        .optional()?;
    Ok(row.map(User::try_from).transpose()?)
}

pub(crate) async fn credentials(
    connection: &mut Connection,
    username: Username,
) -> Answer<Option<(User, PasswordHash)>> {
    let row: Option<UserRow> = users::table
        .filter(users::username.eq(username.as_str()))
        .select(UserRow::as_select())
        .get_result(connection)
        .await
        .optional()?;
    Ok(row.map(UserRow::credentials).transpose()?)
}

pub(crate) async fn set_password(
    connection: &mut Connection,
    id: UserId,
    hash: PasswordHash,
    record: AuditRecord,
) -> Answer<bool> {
    let changed = diesel::update(users::table.find(Uid(id.as_uuid())))
        .set(users::password_hash.eq(hash.expose()))
        .execute(connection)
        .await?;
    noted(connection, changed, record).await
}

pub(crate) async fn set_limits(
    connection: &mut Connection,
    id: UserId,
    limits: UserLimits,
    record: AuditRecord,
) -> Answer<bool> {
    let changed = diesel::update(users::table.find(Uid(id.as_uuid())))
        .set((
            users::max_concurrent_sessions.eq(i64::from(limits.max_concurrent_sessions)),
            users::max_websocket_connections.eq(i64::from(limits.max_websocket_connections)),
        ))
        .execute(connection)
        .await?;
    noted(connection, changed, record).await
}

async fn noted(connection: &mut Connection, changed: usize, record: AuditRecord) -> Answer<bool> {
    if changed > 0 {
        audit::append(connection, record).await?;
    }
    Ok(changed > 0)
}

pub(crate) async fn all(connection: &mut Connection) -> Answer<Vec<User>> {
    let rows: Vec<UserRow> = users::table
        .select(UserRow::as_select())
        .order((users::created_at, users::id))
        .load(connection)
        .await?;
    Ok(rows.into_iter().map(User::try_from).collect::<Result<_, _>>()?)
}
