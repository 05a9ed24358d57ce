use std::time::Duration;

use alphafleet_domain::UserId;
use alphafleet_domain::ports::PassHash;
use chrono::TimeDelta;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::{Connection, now};
use crate::error::Answer;
use crate::schema::passes;
use crate::values::{At, Uid};

pub(crate) async fn keep(
    connection: &mut Connection,
    pass: PassHash,
    user: UserId,
    ttl: Duration,
) -> Answer<()> {
    let now = now(connection).await?;
    let expires_at = now + TimeDelta::from_std(ttl).unwrap_or(TimeDelta::minutes(1));
    diesel::delete(passes::table.filter(passes::expires_at.le(At(now))))
        .execute(connection)
        .await?;
    diesel::insert_into(passes::table)
        .values((
            passes::hash.eq(pass.0.as_slice()),
            passes::user_id.eq(Uid(user.as_uuid())),
            passes::expires_at.eq(At(expires_at)),
        ))
        .execute(connection)
        .await?;
    Ok(())
}

/// The row that is deleted is the pass: of two that redeem it one deletes it.
pub(crate) async fn redeem(connection: &mut Connection, pass: PassHash) -> Answer<Option<UserId>> {
    let now = now(connection).await?;
    let found: Option<(Uid, At)> =
        diesel::delete(passes::table.filter(passes::hash.eq(pass.0.as_slice())))
            .returning((passes::user_id, passes::expires_at))
            .get_result(connection)
            .await
            .optional()?;
    Ok(found.filter(|(_, expires)| expires.0 > now).map(|(user, _)| UserId::from_uuid(user.0)))
}
