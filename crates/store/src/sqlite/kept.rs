//! What is kept outside of runs: agents, contracts, API keys.
//!
//! A row is replaced as a whole. Whether it may be is asked in the transaction that replaces it, so of
//! two writers that saw the same row one finds it changed.

use std::sync::Arc;

use handclasp_core::id::Tenant;
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::columns::Stored;
use super::queries;
use super::read::{all, tenants};
use super::write::once;
use crate::{Expected, Kept, KeptOf, StoreError};

/// Writes a thing, if what is there is what was expected.
pub(super) fn keep(connection: &Connection, kept: &Kept, expected: &Expected) -> rusqlite::Result<bool> {
    let found = one(connection, &kept.tenant, &kept.kind, &kept.name)?;
    let keeps = expected.met_by(found.as_deref());
    if keeps {
        once(connection, queries::PUT_KEPT, params![kept.tenant.as_str(), kept.kind, kept.name, &kept.bytes[..]])?;
    }
    Ok(keeps)
}

/// Deletes a thing.
pub(super) fn discard(connection: &Connection, tenant: &Tenant, kind: &str, name: &str) -> rusqlite::Result<bool> {
    Ok(once(connection, queries::DISCARD_KEPT, params![tenant.as_str(), kind, name])? == 1)
}

/// The thing under a name.
pub(super) fn one(connection: &Connection, tenant: &Tenant, kind: &str, name: &str) -> rusqlite::Result<Option<Arc<[u8]>>> {
    let mut statement = connection.prepare_cached(queries::KEPT_ONE)?;
    statement.query_row(params![tenant.as_str(), kind, name], |row| row.get(0)).optional()
}

/// Things of a kind, tenant by tenant.
pub(super) fn list(connection: &Connection, of: &KeptOf) -> Result<Vec<Kept>, StoreError> {
    let mut found = Vec::new();
    for tenant in tenants(connection, of.tenant.as_ref(), queries::TENANTS_KEEPING)? {
        let left = of.limit.saturating_sub(u32::try_from(found.len()).unwrap_or(u32::MAX));
        let from = match &of.after {
            Some((after, _)) if tenant < *after => continue,
            Some((after, name)) if tenant == *after => behind(name),
            _ => String::new(),
        };
        found.extend(all(connection, queries::KEPT, params![tenant.as_str(), of.kind, from, left], kept)?);
    }
    Ok(found)
}

/// The first text that sorts behind this one.
fn behind(name: &str) -> String {
    format!("{name}\0")
}

fn kept(row: &Row<'_>) -> rusqlite::Result<Kept> {
    let Stored(tenant) = row.get(0)?;
    Ok(Kept { tenant, kind: row.get(1)?, name: row.get(2)?, bytes: row.get(3)? })
}
