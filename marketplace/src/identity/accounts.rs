//! Accounts of people and companies: opened by the operator, entered with a key.

use telematics::{BuyerId, OwnerId, Timestamp};

use super::IdentityError;
use super::key::ApiKey;
use super::principal::{Buyer, Operator, Owner, Principal};
use super::queries::{self, KeyRow};
use crate::db::Conn;

/// An account as the operator lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountRecord<Id> {
    /// Who.
    pub id: Id,
    /// As it was given when the account was opened.
    pub name: String,
    /// When that was.
    pub created_at: Timestamp,
}

/// Opens an owner's account, entered with `key`.
///
/// # Errors
/// Fails when the database does, also when `id` or `key` is taken.
pub fn create_owner(
    conn: &mut Conn,
    _operator: &Operator,
    name: &str,
    id: OwnerId,
    key: &ApiKey,
    now: Timestamp,
) -> Result<Owner, IdentityError> {
    queries::insert_owner(conn, id, name, now)?;
    queries::insert_key(conn, &KeyRow::owner(key, id), now)?;
    Ok(Owner { id })
}

/// Opens a buyer's account, entered with `key`.
///
/// # Errors
/// Fails when the database does, also when `id` or `key` is taken.
pub fn create_buyer(
    conn: &mut Conn,
    _operator: &Operator,
    name: &str,
    id: BuyerId,
    key: &ApiKey,
    now: Timestamp,
) -> Result<Buyer, IdentityError> {
    queries::insert_buyer(conn, id, name, now)?;
    queries::insert_key(conn, &KeyRow::buyer(key, id), now)?;
    Ok(Buyer { id })
}

/// Makes `key` an operator's. For the command line only: who can open the database runs the market.
///
/// # Errors
/// Fails when the database does, also when `key` is taken.
pub fn create_operator(
    conn: &mut Conn,
    key: &ApiKey,
    now: Timestamp,
) -> Result<Operator, IdentityError> {
    queries::insert_key(conn, &KeyRow::operator(key), now)?;
    Ok(Operator(()))
}

/// Whether anybody can run this market yet.
///
/// # Errors
/// Fails when the database does.
pub fn has_operator(conn: &mut Conn) -> Result<bool, IdentityError> {
    Ok(queries::count_operators(conn)? > 0)
}

/// Whoever `key` belongs to.
///
/// # Errors
/// Fails when the database does, or when the key's row is damaged. An unknown key is `None`.
pub fn authenticate(conn: &mut Conn, key: &ApiKey) -> Result<Option<Principal>, IdentityError> {
    let Some(row) = queries::key(conn, key)? else { return Ok(None) };
    let damaged = || IdentityError::Corrupt { table: "api_keys", what: row.role.clone() };
    let id = row.principal_id.as_deref().unwrap_or_default();
    let principal = match row.role.as_str() {
        "operator" => Principal::Operator(Operator(())),
        "owner" => Principal::Owner(Owner { id: OwnerId::from_bytes(id).or(Err(damaged()))? }),
        "buyer" => Principal::Buyer(Buyer { id: BuyerId::from_bytes(id).or(Err(damaged()))? }),
        _ => return Err(damaged()),
    };
    Ok(Some(principal))
}

/// Every owner, oldest first, at most 10,000.
///
/// # Errors
/// Fails when the database does, or when a row is damaged.
pub fn owners(
    conn: &mut Conn,
    _operator: &Operator,
) -> Result<Vec<AccountRecord<OwnerId>>, IdentityError> {
    queries::owners(conn)
}

/// Every buyer, oldest first, at most 10,000.
///
/// # Errors
/// Fails when the database does, or when a row is damaged.
pub fn buyers(
    conn: &mut Conn,
    _operator: &Operator,
) -> Result<Vec<AccountRecord<BuyerId>>, IdentityError> {
    queries::buyers(conn)
}

/// One buyer's account, if there is such a buyer.
///
/// # Errors
/// Fails when the database does, or when the row is damaged.
pub fn buyer(
    conn: &mut Conn,
    id: BuyerId,
) -> Result<Option<AccountRecord<BuyerId>>, IdentityError> {
    queries::buyer(conn, id)
}

#[cfg(test)]
mod tests {
    use telematics::testing::T0;

    use super::*;
    use crate::db::Db;

    #[tokio::test]
    async fn a_key_opens_the_account_it_was_given_for() {
        let folder = tempfile::tempdir().unwrap();
        let db = Db::of_test(folder.path());
        let keys = [1, 2, 3].map(|byte| ApiKey::new([byte; 32]));
        let (owner, buyer) = (OwnerId::new(T0, [1; 10]), BuyerId::new(T0, [2; 10]));

        let given = keys.clone();
        db.write::<_, IdentityError, _>(move |conn| {
            let operator = create_operator(conn, &given[0], T0)?;
            create_owner(conn, &operator, "Ada", owner, &given[1], T0)?;
            create_buyer(conn, &operator, "Acme", buyer, &given[2], T0)
        })
        .await
        .unwrap();

        let found = db
            .read(move |conn| {
                keys.iter().map(|key| authenticate(conn, key)).collect::<Result<Vec<_>, _>>()
            })
            .await
            .unwrap();
        assert!(matches!(found[0], Some(Principal::Operator(_))));
        assert!(matches!(found[1], Some(Principal::Owner(found)) if found.id == owner));
        assert!(matches!(found[2], Some(Principal::Buyer(found)) if found.id == buyer));
    }

    #[tokio::test]
    async fn a_key_never_given_opens_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let db = Db::of_test(folder.path());

        let found = db.read(|conn| authenticate(conn, &ApiKey::new([9; 32]))).await.unwrap();

        assert!(found.is_none());
    }
}
