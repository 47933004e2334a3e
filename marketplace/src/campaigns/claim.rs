//! Claims: from a submission to a row.

use rand::CryptoRng;
use telematics::{CampaignId, Timestamp};
use zk::{Circuit, Fingerprint, Nullifier, Payee, Proof, Root, Statement};

use super::{CampaignsError, ClaimRefusal, queries, verbs};
use crate::config::Rules;
use crate::db::Conn;
use crate::epochs;
use crate::identity::Buyer;
use crate::keys::Keys;

/// A claim as it was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Submission {
    /// To which campaign.
    pub campaign: CampaignId,
    /// Of an epoch tree.
    pub root: Root,
    /// Stands for the vehicle.
    pub nullifier: Nullifier,
    /// Who is to be paid.
    pub payee: Payee,
    /// Not looked at yet.
    pub proof: [u8; Proof::BYTES],
}

/// What [`admit`] says of a submission.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Admission {
    /// It was kept before.
    Kept,
    /// Its proof decides.
    Pending(Box<PendingClaim>),
}

/// A claim whose proof is to be verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PendingClaim {
    statement: Statement,
    proof: [u8; Proof::BYTES],
}

/// A claim that is proven.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedClaim {
    claim: PendingClaim,
    key: Fingerprint,
}

/// What [`keep`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// It is kept now.
    Now,
    /// It was kept before.
    Before,
}

/// A claim as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Of an epoch tree.
    pub root: Root,
    /// Stands for the vehicle.
    pub nullifier: Nullifier,
    /// Who is to be paid.
    pub payee: Payee,
    /// The key that it was verified under.
    pub verifying_key: Fingerprint,
    /// As it was sent.
    pub proof: [u8; Proof::BYTES],
}

/// Decides about a submission all that needs no curve arithmetic.
///
/// A claim that was kept is answered the same as long as the campaign is known, also after it closed.
///
/// # Errors
/// Fails when the database does; the inner error is the refusal.
pub fn admit(
    conn: &mut Conn,
    submission: &Submission,
    rules: &Rules,
    now: Timestamp,
) -> Result<Result<Admission, ClaimRefusal>, CampaignsError> {
    let Submission { campaign, root, nullifier, payee, proof } = *submission;
    let Some(record) = queries::campaign(conn, campaign)? else {
        return Ok(Err(ClaimRefusal::UnknownCampaign { campaign }));
    };
    if let Some(known) = queries::payee(conn, campaign, nullifier)? {
        let refusal = ClaimRefusal::OtherPayee { nullifier };
        return Ok(if known == payee { Ok(Admission::Kept) } else { Err(refusal) });
    }
    let closed_at = record.campaign.closes_at;
    if closed_at <= now {
        return Ok(Err(ClaimRefusal::Closed { campaign, closed_at }));
    }
    let (vehicles, vehicles_min) = (record.vehicles_in_scope, rules.vehicles_min);
    if vehicles < vehicles_min {
        return Ok(Err(ClaimRefusal::TooFewToHide { campaign, vehicles, vehicles_min }));
    }
    if queries::is_payee(conn, payee)? {
        return Ok(Err(ClaimRefusal::PayeeUsed));
    }
    if !epochs::is_published(conn, root)? {
        return Ok(Err(ClaimRefusal::UnknownRoot { root }));
    }
    let (scope, question) = (record.campaign.scope, record.campaign.question);
    let statement = Statement { root, campaign, nullifier, payee, scope, question };
    Ok(Ok(Admission::Pending(Box::new(PendingClaim { statement, proof }))))
}

/// Verifies claims together, in the order given. `rng` must not be known to those who made them.
pub fn verify(
    keys: &Keys,
    claims: Vec<PendingClaim>,
    rng: &mut impl CryptoRng,
) -> Vec<Result<VerifiedClaim, ClaimRefusal>> {
    let mut verdicts: Vec<_> = claims.iter().map(|_| None).collect();
    for circuit in Circuit::ALL {
        let of_circuit = claims.iter().enumerate();
        let mut of_circuit: Vec<_> =
            of_circuit.filter(|(_, claim)| claim.statement.circuit() == circuit).collect();
        // The verifier hashes the question of neighbours once.
        of_circuit.sort_by_key(|(_, claim)| claim.statement.campaign);
        if of_circuit.is_empty() {
            continue;
        }
        let batch: Vec<(&Statement, &[u8])> = of_circuit
            .iter()
            .map(|(_, claim)| (&claim.statement, claim.proof.as_slice()))
            .collect();
        for ((place, _), verdict) in of_circuit.iter().zip(keys.verify(circuit, &batch, rng)) {
            if let Some(slot) = verdicts.get_mut(*place) {
                *slot = Some(verdict);
            }
        }
    }
    let unverified = |claim: &PendingClaim| {
        let circuit = claim.statement.circuit();
        ClaimRefusal::WrongProof(zk::DoesNotVerify::Wrong { circuit }.into())
    };
    let decide = |(claim, verdict): (PendingClaim, Option<Result<Fingerprint, zk::Refused>>)| {
        // A claim without a verdict was not verified.
        let key = verdict.ok_or_else(|| unverified(&claim))??;
        Ok(VerifiedClaim { claim, key })
    };
    claims.into_iter().zip(verdicts).map(decide).collect()
}

/// Keeps `verified` and pays for it, unless that is not possible any more: the campaign may have closed meanwhile, and the
/// vehicle may have claimed over another connection. The last claim that a campaign can pay closes it.
///
/// # Errors
/// Fails when the database does; the inner error is the refusal.
pub fn keep(
    conn: &mut Conn,
    verified: &VerifiedClaim,
    rules: &Rules,
    now: Timestamp,
) -> Result<Result<Kept, ClaimRefusal>, CampaignsError> {
    let Statement { root, campaign, nullifier, payee, .. } = verified.claim.statement;
    let proof = verified.claim.proof;
    match admit(conn, &Submission { campaign, root, nullifier, payee, proof }, rules, now)? {
        Ok(Admission::Pending(_)) => {
            let key = verified.key;
            let claim = Claim { root, nullifier, payee, verifying_key: key, proof };
            queries::insert_claim(conn, campaign, &claim, now)?;
            verbs::pay(conn, campaign, &claim, now)?;
            Ok(Ok(Kept::Now))
        }
        Ok(Admission::Kept) => Ok(Ok(Kept::Before)),
        Err(refusal) => Ok(Err(refusal)),
    }
}

/// Claims to a campaign of `buyer` with nullifiers after `after`, by nullifier, at most `limit`.
///
/// Not by time: when a car claims is no business of the buyer's.
///
/// # Errors
/// A campaign that does not exist, or is another's, is refused.
pub fn claims(
    conn: &mut Conn,
    buyer: &Buyer,
    campaign: CampaignId,
    after: Option<Nullifier>,
    limit: u32,
) -> Result<Vec<Claim>, CampaignsError> {
    verbs::owned(conn, buyer, campaign)?;
    queries::claims(conn, campaign, after, limit)
}

/// A claim that nothing was checked of, for tests of what is done with claims.
#[cfg(test)]
pub(crate) fn pending_for_tests(campaign: CampaignId) -> PendingClaim {
    use telematics::question::{Above, Bounds, ClassPattern, Fact};
    let scope = telematics::Scope::new(ClassPattern::default(), 0, 1).unwrap();
    let question = telematics::Question::Fact(Fact {
        signal: telematics::Signal::SPEED,
        values: Bounds::ANY_VALUE,
        sum: Bounds::ANY_SUM,
        above: Above::ANY,
    });
    let root = Root::from_bytes(&[1; 32]).unwrap();
    let nullifier = Nullifier::from_bytes(&[1; 32]).unwrap();
    let payee = Payee::from_bytes(&[1; 32]).unwrap();
    let statement = Statement { root, campaign, nullifier, payee, scope, question };
    PendingClaim { statement, proof: [0; Proof::BYTES] }
}
