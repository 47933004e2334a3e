//! Which refusal each error of a module is.
//!
//! **Invariant:** this file alone decides the status of an error.

use actix_web::error::{JsonPayloadError, QueryPayloadError};
use telematics::ids::NotAnId;
use zk::text::NotText;

use super::{Problem, kinds};
use crate::answers::AnswersError;
use crate::archive::ArchiveError;
use crate::campaigns::CampaignsError;
use crate::catalog::{CatalogError, SearchError};
use crate::consent::{ConsentError, NotADecision};
use crate::data_campaigns::DataCampaignsError;
use crate::delivery::DeliveryError;
use crate::epochs::EpochsError;
use crate::erasure::ErasureError;
use crate::identity::IdentityError;
use crate::lake::LakeError;
use crate::ledger::{LedgerError, NotAKey, NotAnAmount};
use crate::live::LiveError;
use crate::questions::QuestionError;
use crate::rewards::RewardsError;
use crate::subscriptions::SubscriptionsError;
use crate::trade::TradeError;

impl From<diesel::result::Error> for Problem {
    fn from(error: diesel::result::Error) -> Self {
        Self::internal(error)
    }
}

impl From<IdentityError> for Problem {
    fn from(error: IdentityError) -> Self {
        match error {
            IdentityError::Storage(_) | IdentityError::Corrupt { .. } => Self::internal(error),
            IdentityError::NotYours { .. } => Self::not_found(error),
            refusal => Self::new(kinds::CONFLICT, refusal),
        }
    }
}

impl From<ConsentError> for Problem {
    fn from(error: ConsentError) -> Self {
        match error {
            ConsentError::NotYours { .. } => Self::not_found(error),
            ConsentError::Identity(error) => error.into(),
            failure => Self::internal(failure),
        }
    }
}

impl From<LedgerError> for Problem {
    fn from(error: LedgerError) -> Self {
        let kind = match &error {
            LedgerError::InsufficientFunds { .. } => kinds::FUNDS,
            LedgerError::KeyReused { .. } => kinds::KEY_REUSED,
            LedgerError::NothingDeposited { .. } | LedgerError::NothingReserved { .. } => {
                kinds::INVALID
            }
            LedgerError::UnknownBuyer { .. } | LedgerError::UnknownPending { .. } => {
                kinds::NOT_FOUND
            }
            LedgerError::PendingEnded { .. } | LedgerError::NotWhatIsPending { .. } => {
                kinds::CONFLICT
            }
            LedgerError::NotAnEntry(_) | LedgerError::Identity(_) | LedgerError::Storage(_) => {
                return Self::internal(error);
            }
        };
        Self::new(kind, error)
    }
}

impl From<AnswersError> for Problem {
    fn from(error: AnswersError) -> Self {
        match error {
            AnswersError::KeyReused { .. } => Self::new(kinds::KEY_REUSED, error),
            AnswersError::InFlight { .. } => Self::new(kinds::IN_FLIGHT, error),
            failure => Self::internal(failure),
        }
    }
}

impl From<CatalogError> for Problem {
    fn from(error: CatalogError) -> Self {
        match error {
            CatalogError::Unknown { .. } => Self::not_found(error),
            CatalogError::BadWish { .. } => Self::invalid(error),
            failure => Self::internal(failure),
        }
    }
}

impl From<EpochsError> for Problem {
    fn from(error: EpochsError) -> Self {
        match error {
            EpochsError::UnknownEpoch { .. }
            | EpochsError::NoRoot { .. }
            | EpochsError::NoBucket { .. } => Self::not_found(error),
            EpochsError::Unpublished { .. } => Self::invalid(error),
            failure => Self::internal(failure),
        }
    }
}

impl From<CampaignsError> for Problem {
    fn from(error: CampaignsError) -> Self {
        match error {
            CampaignsError::Unknown { .. } | CampaignsError::NotYours { .. } => {
                Self::not_found(error)
            }
            CampaignsError::BadTitle { .. }
            | CampaignsError::ControlInTitle
            | CampaignsError::ClosesInThePast { .. }
            | CampaignsError::PaysNothing { .. }
            | CampaignsError::BadVehiclesMax { .. }
            | CampaignsError::TooLarge { .. }
            | CampaignsError::NotExact => Self::invalid(error),
            CampaignsError::TooFewVehicles { .. } | CampaignsError::TellsApart { .. } => {
                Self::new(kinds::TOO_FEW, error)
            }
            CampaignsError::Ledger(error) => error.into(),
            failure => Self::internal(failure),
        }
    }
}

impl From<DataCampaignsError> for Problem {
    fn from(error: DataCampaignsError) -> Self {
        match error {
            DataCampaignsError::Unknown { .. } | DataCampaignsError::NotYours { .. } => {
                Self::not_found(error)
            }
            DataCampaignsError::BadTitle { .. }
            | DataCampaignsError::BadDays { .. }
            | DataCampaignsError::ClosesTooEarly { .. } => Self::invalid(error),
            DataCampaignsError::Terms(error) => error.into(),
            DataCampaignsError::Catalog(error) => error.into(),
            DataCampaignsError::Consent(error) => error.into(),
            DataCampaignsError::Ledger(error) => error.into(),
            failure => Self::internal(failure),
        }
    }
}

impl From<LiveError> for Problem {
    fn from(error: LiveError) -> Self {
        match error {
            LiveError::Unknown { .. } => Self::not_found(error),
            LiveError::BadHours { .. } | LiveError::NotInDataset { .. } => Self::invalid(error),
            LiveError::Over { .. } | LiveError::CapReached { .. } => {
                Self::new(kinds::CONFLICT, error)
            }
            LiveError::Catalog(error) => error.into(),
            LiveError::Ledger(error) => error.into(),
            failure => Self::internal(failure),
        }
    }
}

impl From<SubscriptionsError> for Problem {
    fn from(error: SubscriptionsError) -> Self {
        match error {
            SubscriptionsError::Unknown { .. } => Self::not_found(error),
            SubscriptionsError::BadPeriod { .. } | SubscriptionsError::NothingPutIn { .. } => {
                Self::invalid(error)
            }
            SubscriptionsError::Closed { .. } => Self::new(kinds::CONFLICT, error),
            SubscriptionsError::Catalog(error) => error.into(),
            SubscriptionsError::Ledger(error) => error.into(),
            SubscriptionsError::Trade(error) => error.into(),
            failure => Self::internal(failure),
        }
    }
}

impl From<NotText> for Problem {
    fn from(error: NotText) -> Self {
        Self::invalid(error)
    }
}

impl From<TradeError> for Problem {
    fn from(error: TradeError) -> Self {
        let kind = match error {
            TradeError::Ledger(error) => return error.into(),
            TradeError::Catalog(error) => return error.into(),
            TradeError::TooFewVehicles { .. } => kinds::TOO_FEW,
            TradeError::TooLarge { .. } => kinds::INVALID,
            TradeError::UnknownQuote { .. } | TradeError::UnknownOrder { .. } => kinds::NOT_FOUND,
            TradeError::Expired { .. } => kinds::EXPIRED,
            TradeError::AlreadyBought { .. }
            | TradeError::NotOpen { .. }
            | TradeError::TooLate { .. } => kinds::CONFLICT,
            TradeError::KeyReused { .. } => kinds::KEY_REUSED,
            TradeError::NotInQuote { .. }
            | TradeError::Damaged { .. }
            | TradeError::Consent(_)
            | TradeError::Identity(_)
            | TradeError::Storage(_) => return Self::internal(error),
        };
        Self::new(kind, error)
    }
}

impl From<DeliveryError> for Problem {
    fn from(error: DeliveryError) -> Self {
        match error {
            DeliveryError::Trade(error) => error.into(),
            DeliveryError::NoVersion { .. } => Self::not_found(error),
            failure => Self::internal(failure),
        }
    }
}

impl From<RewardsError> for Problem {
    fn from(error: RewardsError) -> Self {
        match error {
            RewardsError::Unknown { .. } => Self::not_found(error),
            failure => Self::internal(failure),
        }
    }
}

impl From<ErasureError> for Problem {
    fn from(error: ErasureError) -> Self {
        match error {
            ErasureError::Consent(error) => error.into(),
            failure => Self::internal(failure),
        }
    }
}

impl From<LakeError> for Problem {
    fn from(error: LakeError) -> Self {
        Self::internal(error)
    }
}

impl From<QuestionError> for Problem {
    fn from(error: QuestionError) -> Self {
        let kind = match error {
            QuestionError::Invalid { .. } => kinds::INVALID,
            QuestionError::NotYours { .. } => kinds::NOT_FOUND,
            QuestionError::TooMuch { .. }
            | QuestionError::TooSlow { .. }
            | QuestionError::TooMuchMemory { .. } => kinds::LIMIT,
            QuestionError::Busy { .. } | QuestionError::CatchingUp { .. } => kinds::BUSY,
            QuestionError::Delivery(error) => return error.into(),
            failure => return Self::internal(failure),
        };
        Self::new(kind, error)
    }
}

impl From<SearchError> for Problem {
    fn from(error: SearchError) -> Self {
        match error {
            SearchError::Folder { .. } | SearchError::Index(_) => Self::internal(error),
            refusal => Self::invalid(refusal),
        }
    }
}

impl From<NotAnId> for Problem {
    fn from(error: NotAnId) -> Self {
        Self::invalid(error)
    }
}

impl From<NotAnAmount> for Problem {
    fn from(error: NotAnAmount) -> Self {
        Self::invalid(error)
    }
}

impl From<NotAKey> for Problem {
    fn from(error: NotAKey) -> Self {
        Self::invalid(format!("{error}; send one in the header `Idempotency-Key`"))
    }
}

impl From<NotADecision> for Problem {
    fn from(error: NotADecision) -> Self {
        Self::invalid(error)
    }
}

impl From<JsonPayloadError> for Problem {
    fn from(error: JsonPayloadError) -> Self {
        match error {
            JsonPayloadError::Overflow { limit }
            | JsonPayloadError::OverflowKnownLength { limit, .. } => {
                Self::new(kinds::TOO_LARGE, format!("a request body has at most {limit} bytes"))
            }
            other => Self::invalid(other),
        }
    }
}

impl From<QueryPayloadError> for Problem {
    fn from(error: QueryPayloadError) -> Self {
        Self::invalid(error)
    }
}

impl From<ArchiveError> for Problem {
    fn from(error: ArchiveError) -> Self {
        Self::internal(error)
    }
}
