//! Trade: quotes, orders, licences, and how a sale is paid. The only module that knows price, right and money
//! together. Owns the tables `quotes`, `quote_vehicles`, `orders` and `payouts`.
//!
//! A sale has three steps. [`quote()`] freezes vehicles, rows and price. [`purchase()`] moves the price
//! from the buyer to escrow. [`settle()`] moves it on to the owners and the market when the rows were
//! delivered, or [`refund`] moves it back when they were not: [`lapse()`] does, when they never can be.
//!
//! **Invariant:** of each order that is not *paid* any more, fee, pay-outs and refund sum to the
//! price, and its escrow is empty. Each step is one transaction and one balanced entry.
//!
//! **Not here:** how revenue is split ([`crate::rewards`]) and the files ([`crate::delivery`]).

mod audit;
mod error;
mod lapse;
mod licence;
mod order;
mod price;
mod purchase;
mod queries;
mod quote;
mod settle;
mod shares;

pub use audit::audit;
pub use error::TradeError;
pub use lapse::lapse;
pub use licence::{LICENCE_TERMS, LICENCE_TERMS_VERSION, Licence, licence_terms_sha256};
pub use order::{Order, OrderId, OrderStatus, Payout};
pub use price::{Factors, PRICE_FORMULA, PRICE_RULE, PriceInputs};
pub use purchase::purchase;
pub use queries::{
    each_order, earned_by, earned_of, order, orders, overdue, payout_count, payouts_for,
    payouts_of, quote_of_order, undelivered,
};
pub use quote::{Ask, Quote, QuoteId, price_now, quote, quoted};
pub use settle::{refund, settle};
pub use shares::{Shares, shares};
