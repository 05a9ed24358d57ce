use alphafleet_domain::{AuditRecord, Page, PageRequest};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::{Connection, window};
use crate::error::Answer;
use crate::rows::{AuditRow, NewAuditRow, unsigned};
use crate::schema::audit_log;

pub(crate) async fn append_all(
    connection: &mut Connection,
    records: Vec<AuditRecord>,
) -> Answer<()> {
    let rows: Vec<NewAuditRow> = records.into_iter().map(NewAuditRow::from).collect();
    insert_all!(connection, rows, |row| diesel::insert_into(audit_log::table).values(row));
    Ok(())
}

pub(crate) async fn append(connection: &mut Connection, record: AuditRecord) -> Answer<()> {
    diesel::insert_into(audit_log::table)
        .values(NewAuditRow::from(record))
        .execute(connection)
        .await?;
    Ok(())
}

pub(crate) async fn page(
    connection: &mut Connection,
    page: PageRequest,
) -> Answer<Page<AuditRecord>> {
    let (limit, offset) = window(page);
    let total: i64 = audit_log::table.count().get_result(connection).await?;
    let rows: Vec<AuditRow> = audit_log::table
        .select(AuditRow::as_select())
        .order(audit_log::id.desc())
        .limit(limit)
        .offset(offset)
        .load(connection)
        .await?;
    let items = rows.into_iter().map(AuditRecord::from).collect();
    Ok(Page { items, total: unsigned(total, "count")? })
}
