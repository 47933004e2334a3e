//! The only file that names the tables of identity.

use diesel::prelude::*;
use ed25519_dalek::VerifyingKey;
use telematics::ids::{Id, Kind};
use telematics::{BuyerId, OwnerId, Powertrain, Timestamp, VehicleDescription, VehicleId};
use zk::{ClassNumbers, IdentityCommitment};

use super::IdentityError;
use super::accounts::AccountRecord;
use super::key::ApiKey;
use super::labels::Labels;
use super::vehicles::{Prover, VehicleRecord, VehicleStatus};
use crate::db::Conn;
use crate::schema::{api_keys, buyers, enrolment_codes, owners, vehicles};

/// Rows that one answer has at most.
const ROWS_MAX: i64 = 10_000;
/// Ids in one `IN (…)`; both engines allow many more.
const IDS_MAX: usize = 500;

/// A row of `api_keys`.
pub(super) struct KeyRow {
    hash: Vec<u8>,
    pub(super) role: String,
    pub(super) principal_id: Option<Vec<u8>>,
}

impl KeyRow {
    pub(super) fn operator(key: &ApiKey) -> Self {
        Self { hash: key.hash(), role: "operator".to_owned(), principal_id: None }
    }

    pub(super) fn owner(key: &ApiKey, id: OwnerId) -> Self {
        Self { hash: key.hash(), role: "owner".to_owned(), principal_id: Some(id.to_vec()) }
    }

    pub(super) fn buyer(key: &ApiKey, id: BuyerId) -> Self {
        Self { hash: key.hash(), role: "buyer".to_owned(), principal_id: Some(id.to_vec()) }
    }
}

/// A row of `enrolment_codes`.
pub(super) struct CodeRow {
    pub(super) owner: OwnerId,
    pub(super) consent: String,
    pub(super) expires_at: Timestamp,
    pub(super) used: bool,
}

pub(super) fn insert_owner(
    conn: &mut Conn,
    id: OwnerId,
    name: &str,
    now: Timestamp,
) -> QueryResult<()> {
    let row =
        (owners::id.eq(id.to_vec()), owners::name.eq(name), owners::created_at.eq(now.as_micros()));
    diesel::insert_into(owners::table).values(row).execute(conn).map(drop)
}

pub(super) fn insert_buyer(
    conn: &mut Conn,
    id: BuyerId,
    name: &str,
    now: Timestamp,
) -> QueryResult<()> {
    let row =
        (buyers::id.eq(id.to_vec()), buyers::name.eq(name), buyers::created_at.eq(now.as_micros()));
    diesel::insert_into(buyers::table).values(row).execute(conn).map(drop)
}

pub(super) fn insert_key(conn: &mut Conn, key: &KeyRow, now: Timestamp) -> QueryResult<()> {
    let row = (
        api_keys::hash.eq(key.hash.clone()),
        api_keys::role.eq(key.role.clone()),
        api_keys::principal_id.eq(key.principal_id.clone()),
        api_keys::created_at.eq(now.as_micros()),
    );
    diesel::insert_into(api_keys::table).values(row).execute(conn).map(drop)
}

pub(super) fn key(conn: &mut Conn, key: &ApiKey) -> QueryResult<Option<KeyRow>> {
    let hash = key.hash();
    let row = api_keys::table
        .filter(api_keys::hash.eq(hash.clone()))
        .select((api_keys::role, api_keys::principal_id))
        .first::<(String, Option<Vec<u8>>)>(conn)
        .optional()?;
    Ok(row.map(|(role, principal_id)| KeyRow { hash, role, principal_id }))
}

pub(super) fn count_operators(conn: &mut Conn) -> QueryResult<i64> {
    api_keys::table.filter(api_keys::role.eq("operator")).count().get_result(conn)
}

pub(super) fn owners(conn: &mut Conn) -> Result<Vec<AccountRecord<OwnerId>>, IdentityError> {
    let rows = owners::table
        .order(owners::id)
        .limit(ROWS_MAX)
        .select((owners::id, owners::name, owners::created_at))
        .load::<AccountRow>(conn)?;
    rows.into_iter().map(|row| account("owners", row)).collect()
}

pub(super) fn buyers(conn: &mut Conn) -> Result<Vec<AccountRecord<BuyerId>>, IdentityError> {
    let rows = buyers::table
        .order(buyers::id)
        .limit(ROWS_MAX)
        .select((buyers::id, buyers::name, buyers::created_at))
        .load::<AccountRow>(conn)?;
    rows.into_iter().map(|row| account("buyers", row)).collect()
}

pub(super) fn buyer(
    conn: &mut Conn,
    id: BuyerId,
) -> Result<Option<AccountRecord<BuyerId>>, IdentityError> {
    let row = buyers::table
        .find(id.to_vec())
        .select((buyers::id, buyers::name, buyers::created_at))
        .first::<AccountRow>(conn)
        .optional()?;
    row.map(|row| account("buyers", row)).transpose()
}

type AccountRow = (Vec<u8>, String, i64);

fn account<K: Kind>(
    table: &'static str,
    (id, name, created_at): AccountRow,
) -> Result<AccountRecord<Id<K>>, IdentityError> {
    let created_at = Timestamp::from_micros(created_at);
    Ok(AccountRecord { id: read_id(table, &id)?, name, created_at })
}

pub(super) fn insert_code(
    conn: &mut Conn,
    hash: &[u8],
    owner: OwnerId,
    consent: &str,
    (created_at, expires_at): (Timestamp, Timestamp),
) -> QueryResult<()> {
    let row = (
        enrolment_codes::hash.eq(hash),
        enrolment_codes::owner_id.eq(owner.to_vec()),
        enrolment_codes::consent.eq(consent),
        enrolment_codes::created_at.eq(created_at.as_micros()),
        enrolment_codes::expires_at.eq(expires_at.as_micros()),
    );
    diesel::insert_into(enrolment_codes::table).values(row).execute(conn).map(drop)
}

pub(super) fn code(conn: &mut Conn, hash: &[u8]) -> Result<Option<CodeRow>, IdentityError> {
    use enrolment_codes as codes;
    let row = codes::table
        .filter(codes::hash.eq(hash))
        .select((codes::owner_id, codes::consent, codes::expires_at, codes::vehicle_id))
        .first::<(Vec<u8>, String, i64, Option<Vec<u8>>)>(conn)
        .optional()?;
    let read = |(owner, consent, expires_at, vehicle): (Vec<u8>, _, _, Option<Vec<u8>>)| {
        Ok(CodeRow {
            owner: read_id("enrolment_codes", &owner)?,
            consent,
            expires_at: Timestamp::from_micros(expires_at),
            used: vehicle.is_some(),
        })
    };
    row.map(read).transpose()
}

/// Returns the number of codes used up: 0 when somebody else was first.
pub(super) fn use_code(conn: &mut Conn, hash: &[u8], vehicle: VehicleId) -> QueryResult<usize> {
    let unused = enrolment_codes::table
        .filter(enrolment_codes::hash.eq(hash))
        .filter(enrolment_codes::vehicle_id.is_null());
    diesel::update(unused).set(enrolment_codes::vehicle_id.eq(Some(vehicle.to_vec()))).execute(conn)
}

pub(super) fn is_key_taken(conn: &mut Conn, key: &VerifyingKey) -> QueryResult<bool> {
    let count: i64 = vehicles::table
        .filter(vehicles::public_key.eq(key.as_bytes().to_vec()))
        .count()
        .get_result(conn)?;
    Ok(count > 0)
}

pub(super) fn insert_vehicle(
    conn: &mut Conn,
    vehicle: &VehicleRecord,
    key: &VerifyingKey,
    identity: IdentityCommitment,
) -> QueryResult<()> {
    let row = (
        vehicles::id.eq(vehicle.id.to_vec()),
        vehicles::owner_id.eq(vehicle.owner.to_vec()),
        vehicles::make.eq(vehicle.description.make()),
        vehicles::model.eq(vehicle.description.model()),
        vehicles::model_year.eq(i32::from(vehicle.description.year())),
        vehicles::powertrain.eq(vehicle.description.powertrain().as_str()),
        vehicles::public_key.eq(key.as_bytes().to_vec()),
        vehicles::status.eq(vehicle.status.as_str()),
        vehicles::enrolled_at.eq(vehicle.enrolled_at.as_micros()),
        vehicles::identity_commitment.eq(Some(identity.to_bytes().to_vec())),
    );
    diesel::insert_into(vehicles::table).values(row).execute(conn).map(drop)
}

pub(super) fn vehicles_of(
    conn: &mut Conn,
    owner: OwnerId,
) -> Result<Vec<VehicleRecord>, IdentityError> {
    let rows = vehicles::table
        .filter(vehicles::owner_id.eq(owner.to_vec()))
        .order(vehicles::id)
        .limit(ROWS_MAX)
        .select(VehicleRow::as_select())
        .load(conn)?;
    rows.into_iter().map(VehicleRecord::try_from).collect()
}

pub(super) fn fleet_version(conn: &mut Conn, owner: OwnerId) -> QueryResult<i64> {
    owners::table.find(owner.to_vec()).select(owners::fleet_version).first(conn)
}

pub(super) fn vehicles(
    conn: &mut Conn,
    ids: &[VehicleId],
) -> Result<Vec<VehicleRecord>, IdentityError> {
    let mut found = Vec::new();
    for ids in ids.chunks(IDS_MAX) {
        let ids = ids.iter().map(Id::to_vec).collect::<Vec<_>>();
        let rows = vehicles::table
            .filter(vehicles::id.eq_any(ids))
            .select(VehicleRow::as_select())
            .load(conn)?;
        for row in rows {
            found.push(VehicleRecord::try_from(row)?);
        }
    }
    found.sort_by_key(|vehicle| vehicle.id);
    Ok(found)
}

pub(super) fn vehicles_after(
    conn: &mut Conn,
    after: Option<VehicleId>,
    limit: u32,
) -> Result<Vec<VehicleRecord>, IdentityError> {
    let rows = vehicles::table
        .filter(vehicles::id.gt(after.map(|id| id.to_vec()).unwrap_or_default()))
        .order(vehicles::id)
        .limit(i64::from(limit))
        .select(VehicleRow::as_select())
        .load(conn)?;
    rows.into_iter().map(VehicleRecord::try_from).collect()
}

/// The key and the status of a vehicle: what its door asks.
pub(super) fn vehicle_access(
    conn: &mut Conn,
    id: VehicleId,
) -> Result<Option<(Vec<u8>, VehicleStatus)>, IdentityError> {
    let row = vehicles::table
        .filter(vehicles::id.eq(id.to_vec()))
        .select((vehicles::public_key, vehicles::status))
        .first::<(Vec<u8>, String)>(conn)
        .optional()?;
    let read = |(key, status): (Vec<u8>, String)| {
        Ok((key, VehicleStatus::parse(&status).ok_or_else(|| damaged_vehicle(id.as_bytes()))?))
    };
    row.map(read).transpose()
}

pub(super) fn prover(conn: &mut Conn, id: VehicleId) -> Result<Option<Prover>, IdentityError> {
    let row = vehicles::table
        .find(id.to_vec())
        .select((VehicleRow::as_select(), vehicles::identity_commitment))
        .first::<(VehicleRow, Option<Vec<u8>>)>(conn)
        .optional()?;
    let Some((row, Some(commitment))) = row else { return Ok(None) };
    let commitment = IdentityCommitment::from_bytes(&commitment);
    Ok(Some(Prover {
        commitment: commitment.or(Err(damaged_vehicle(id.as_bytes())))?,
        class: ClassNumbers::of(&VehicleRecord::try_from(row)?.description),
    }))
}

/// Sets the labels of a vehicle of `owner`; whether there is one.
pub(super) fn set_labels(
    conn: &mut Conn,
    owner: OwnerId,
    id: VehicleId,
    labels: &str,
) -> QueryResult<bool> {
    let own = vehicles::id.eq(id.to_vec()).and(vehicles::owner_id.eq(owner.to_vec()));
    let set = diesel::update(vehicles::table.filter(own)).set(vehicles::labels.eq(labels));
    Ok(set.execute(conn)? == 1)
}

pub(super) fn set_status(
    conn: &mut Conn,
    id: VehicleId,
    status: VehicleStatus,
) -> Result<(), IdentityError> {
    diesel::update(vehicles::table.filter(vehicles::id.eq(id.to_vec())))
        .set(vehicles::status.eq(status.as_str()))
        .execute(conn)?;
    Ok(())
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = vehicles)]
struct VehicleRow {
    id: Vec<u8>,
    owner_id: Vec<u8>,
    make: String,
    model: String,
    model_year: i32,
    powertrain: String,
    status: String,
    enrolled_at: i64,
    labels: String,
}

impl TryFrom<VehicleRow> for VehicleRecord {
    type Error = IdentityError;

    fn try_from(row: VehicleRow) -> Result<Self, IdentityError> {
        let year = u32::try_from(row.model_year).unwrap_or_default();
        let damaged = || damaged_vehicle(&row.id);
        let description = Powertrain::parse(&row.powertrain)
            .and_then(|powertrain| VehicleDescription::new(&row.make, &row.model, year, powertrain))
            .map_err(|_refused| damaged())?;
        Ok(Self {
            id: read_id("vehicles", &row.id)?,
            owner: read_id("vehicles", &row.owner_id)?,
            description,
            status: VehicleStatus::parse(&row.status).ok_or_else(damaged)?,
            enrolled_at: Timestamp::from_micros(row.enrolled_at),
            labels: Labels::parse(&row.labels).map_err(|_refused| damaged())?,
        })
    }
}

fn read_id<K: Kind>(table: &'static str, bytes: &[u8]) -> Result<Id<K>, IdentityError> {
    let damaged = |_| IdentityError::Corrupt { table, what: hex::encode(bytes) };
    Id::from_bytes(bytes).map_err(damaged)
}

fn damaged_vehicle(id: &[u8]) -> IdentityError {
    IdentityError::Corrupt { table: "vehicles", what: hex::encode(id) }
}
