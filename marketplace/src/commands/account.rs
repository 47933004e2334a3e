//! `marketplace account`: opens accounts at the machine itself.
//!
//! Whoever can open the database runs the market, so these commands need no key.

use std::io::Write;

use clap::Subcommand;
use telematics::{BuyerId, OwnerId};

use super::Settings;
use crate::clock::Clock;
use crate::config::Config;
use crate::db::Db;
use crate::identity::{self, ApiKey, IdentityError, Operator};
use crate::ledger::{self, Amount, IdempotencyKey, LedgerError};

/// Opens accounts and credits deposits.
///
/// Keys are shown once: only their hashes are kept.
#[derive(Debug, Subcommand)]
pub(super) enum Account {
    /// Makes another operator key.
    CreateOperator {
        #[command(flatten)]
        settings: Settings,
    },
    /// Opens the account of a person who owns vehicles.
    CreateOwner {
        /// How the owner is called.
        name: String,
        #[command(flatten)]
        settings: Settings,
    },
    /// Opens the account of a company that buys data.
    CreateBuyer {
        /// How the buyer is called.
        name: String,
        #[command(flatten)]
        settings: Settings,
    },
    /// Credits tokens to a buyer.
    Deposit {
        /// Such as `buyer_0190a5b8c3d27e4f8a9b0c1d2e3f4a5b`.
        buyer: BuyerId,
        /// Tokens, such as 250 or 0.5.
        #[arg(value_parser = Amount::parse)]
        amount: Amount,
        /// Names this deposit, so that repeating the command does not credit it twice.
        #[arg(long, value_parser = IdempotencyKey::parse)]
        key: Option<IdempotencyKey>,
        #[command(flatten)]
        settings: Settings,
    },
    /// Lists owners and buyers.
    List {
        #[command(flatten)]
        settings: Settings,
    },
}

impl Account {
    pub(super) async fn run(self, out: &mut impl Write) -> anyhow::Result<()> {
        match self {
            Self::CreateOperator { settings } => create_operator(&settings.load()?, out).await,
            Self::CreateOwner { name, settings } => {
                create_owner(&settings.load()?, name, out).await
            }
            Self::CreateBuyer { name, settings } => {
                create_buyer(&settings.load()?, name, out).await
            }
            Self::Deposit { buyer, amount, key, settings } => {
                let random = || IdempotencyKey::parse(&hex::encode(rand::random::<[u8; 16]>()));
                let key = key.map_or_else(random, Ok)?;
                deposit(&settings.load()?, buyer, amount, key, out).await
            }
            Self::List { settings } => list(&settings.load()?, out).await,
        }
    }
}

fn open(config: &Config) -> anyhow::Result<Db> {
    std::fs::create_dir_all(&config.data_dir)?;
    let db = Db::open(&config.database_url())?;
    db.migrate()?;
    Ok(db)
}

async fn create_operator(config: &Config, out: &mut impl Write) -> anyhow::Result<()> {
    let (key, now) = (ApiKey::new(rand::random()), Clock::System.now());
    let stored = key.clone();
    open(config)?.write(move |conn| identity::create_operator(conn, &stored, now)).await?;
    writeln!(out, "key {}", key.reveal())?;
    Ok(())
}

async fn create_owner(config: &Config, name: String, out: &mut impl Write) -> anyhow::Result<()> {
    let (key, now) = (ApiKey::new(rand::random()), Clock::System.now());
    let (id, stored) = (OwnerId::new(now, rand::random()), key.clone());
    let create = move |conn: &mut _| {
        identity::create_owner(conn, &Operator::at_the_machine(), &name, id, &stored, now)
    };
    open(config)?.write(create).await?;
    writeln!(out, "id  {id}\nkey {}", key.reveal())?;
    Ok(())
}

async fn create_buyer(config: &Config, name: String, out: &mut impl Write) -> anyhow::Result<()> {
    let (key, now) = (ApiKey::new(rand::random()), Clock::System.now());
    let (id, stored) = (BuyerId::new(now, rand::random()), key.clone());
    let create = move |conn: &mut _| {
        identity::create_buyer(conn, &Operator::at_the_machine(), &name, id, &stored, now)
    };
    open(config)?.write(create).await?;
    writeln!(out, "id  {id}\nkey {}", key.reveal())?;
    Ok(())
}

async fn deposit(
    config: &Config,
    buyer: BuyerId,
    amount: Amount,
    key: IdempotencyKey,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let now = Clock::System.now();
    let credit = move |conn: &mut _| {
        let operator = Operator::at_the_machine();
        ledger::deposit(conn, &operator, buyer, amount, &key, now)?;
        ledger::balance(conn, ledger::Account::Buyer(buyer))
    };
    let balance = open(config)?.write::<_, LedgerError, _>(credit).await?;
    writeln!(out, "{buyer} has {} tokens", balance.posted)?;
    Ok(())
}

async fn list(config: &Config, out: &mut impl Write) -> anyhow::Result<()> {
    let operator = Operator::at_the_machine();
    let (owners, buyers) = open(config)?
        .read::<_, IdentityError, _>(move |conn| {
            Ok((identity::owners(conn, &operator)?, identity::buyers(conn, &operator)?))
        })
        .await?;
    for owner in owners {
        writeln!(out, "{}  {}  {}", owner.id, owner.created_at, owner.name)?;
    }
    for buyer in buyers {
        writeln!(out, "{}  {}  {}", buyer.id, buyer.created_at, buyer.name)?;
    }
    Ok(())
}
