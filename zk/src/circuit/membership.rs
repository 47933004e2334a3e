//! Membership: "I know the secret of a vehicle of this class, whose commitment reached the market on
//! one of these days; this is its nullifier in this campaign."

use ark_bn254::Fr;
use ark_ff::Zero as _;
use ark_r1cs_std::eq::EqGadget as _;
use ark_r1cs_std::fields::FieldVar as _;
use ark_r1cs_std::fields::fp::FpVar;
use ark_relations::gr1cs::{ConstraintSystemRef, SynthesisError};

use super::assignment::{LevelAssignment, MembershipAssignment};
use super::{Rule, Rules, private, privates};
use crate::encoding::{
    CLASS_AT, CLASS_PARTS, DAY_BITS, LEAF_CLASS_AT, POWERTRAIN_BITS, SCOPE_CLASS_AT,
    SCOPE_LAST_DAY_AT, SCOPE_MASK_AT, Tag, WORD_BITS, YEAR_BITS, power_of_two,
};
use crate::gadgets::{enforce_bit, enforce_fits, hash, pack};

/// The public inputs that all circuits share.
pub(super) struct SharedInputs {
    pub(super) root: FpVar<Fr>,
    pub(super) campaign: FpVar<Fr>,
    pub(super) nullifier: FpVar<Fr>,
    pub(super) payee: FpVar<Fr>,
    pub(super) scope: FpVar<Fr>,
}

/// Enforces that `commitment` is in the tree, for a vehicle and a day of the scope.
///
/// # Constraints
/// 1. `nullifier = Poseidon(tag, secret, campaign)`.
/// 2. The parts of the class, and the first and last day, have their widths.
/// 3. `first day <= day <= last day`.
/// 4. The scope is packed of the days, the mask, which is made of bits, and the parts of the class
///    that the mask selects.
/// 5. `leaf = Poseidon(tag class day, Poseidon(tag, secret), commitment)` leads to the root.
///
/// # Soundness
/// By 2 and 3 everything that the leaf and the scope are packed of has its width, so both packings are
/// injective. By 4 and the verifier's own packing, days and mask are the verifier's, and so is each
/// selected part of the class. By 5 that class, that day and that commitment are in one leaf of the tree
/// (or Poseidon collides), together with the hash of a secret, which by 1 is the one of the nullifier.
///
/// The payee stands in one constraint that any payee satisfies. It binds nothing to anything: that a
/// proof is of one payee only is the work of the proof system, for which every public input counts.
pub(super) fn enforce(
    cs: &ConstraintSystemRef<Fr>,
    rules: Rules,
    public: &SharedInputs,
    assigned: &MembershipAssignment,
    commitment: FpVar<Fr>,
) -> Result<(), SynthesisError> {
    let secret = private(cs, assigned.secret)?;
    let nullifier =
        hash(&[constant(Tag::Nullifier.number()), secret.clone(), public.campaign.clone()])?;
    rules.enforce(Rule::Nullifier, || nullifier.enforce_equal(&public.nullifier))?; // 1

    let class = privates(cs, &assigned.class)?;
    rules.enforce(Rule::ClassFits, || enforce_class_fits(&class))?; // 2
    let day = private(cs, assigned.day)?;
    enforce_scope(cs, rules, public, assigned, &class, &day)?;

    let class = place(&class, &CLASS_AT);
    let header = constant(Tag::leaf()) + class * power_of_two(LEAF_CLASS_AT) + day;
    let vehicle = hash(&[constant(Tag::Identity.number()), secret])?;
    let leaf = hash(&[header, vehicle, commitment])?;
    let end = climb(cs, rules, leaf, &assigned.levels)?;
    rules.enforce(Rule::Root, || end.enforce_equal(&public.root))?; // 5

    public.payee.square().map(drop)
}

fn enforce_class_fits(class: &[FpVar<Fr>; CLASS_PARTS]) -> Result<(), SynthesisError> {
    let [make, model, year, powertrain] = class;
    enforce_fits::<WORD_BITS>(make)?;
    enforce_fits::<WORD_BITS>(model)?;
    enforce_fits::<YEAR_BITS>(year)?;
    enforce_fits::<POWERTRAIN_BITS>(powertrain)
}

/// Constraints 2 to 4, for the days and the scope.
fn enforce_scope(
    cs: &ConstraintSystemRef<Fr>,
    rules: Rules,
    public: &SharedInputs,
    assigned: &MembershipAssignment,
    class: &[FpVar<Fr>; CLASS_PARTS],
    day: &FpVar<Fr>,
) -> Result<(), SynthesisError> {
    let (first, last) = (private(cs, assigned.first_day)?, private(cs, assigned.last_day)?);
    rules.enforce(Rule::FirstDayFits, || enforce_fits::<DAY_BITS>(&first))?; // 2
    rules.enforce(Rule::LastDayFits, || enforce_fits::<DAY_BITS>(&last))?; // 2
    rules.enforce(Rule::NotBeforeFirstDay, || enforce_fits::<DAY_BITS>(&(day - &first)))?; // 3
    rules.enforce(Rule::NotAfterLastDay, || enforce_fits::<DAY_BITS>(&(&last - day)))?; // 3

    let mask = privates(cs, &assigned.mask)?;
    rules.enforce(Rule::MaskIsBits, || mask.iter().try_for_each(enforce_bit))?; // 4
    let mut selected = class.clone();
    for (part, bit) in selected.iter_mut().zip(&mask) {
        *part *= bit;
    }
    let scope = first
        + last * power_of_two(SCOPE_LAST_DAY_AT)
        + pack(&mask, 1) * power_of_two(SCOPE_MASK_AT)
        + place(&selected, &CLASS_AT) * power_of_two(SCOPE_CLASS_AT);
    rules.enforce(Rule::Scope, || scope.enforce_equal(&public.scope)) // 4
}

/// The node that the path leads to from `leaf`.
///
/// # Constraints
/// 1. The number of the child is made of two bits.
/// 2. The node is the child of that number.
/// 3. The next node is the hash of the four children.
fn climb(
    cs: &ConstraintSystemRef<Fr>,
    rules: Rules,
    leaf: FpVar<Fr>,
    levels: &[LevelAssignment],
) -> Result<FpVar<Fr>, SynthesisError> {
    levels.iter().try_fold(leaf, |node, level| {
        let (low, high) = (private(cs, level.child_low)?, private(cs, level.child_high)?);
        rules.enforce(Rule::PositionIsBits, || enforce_bit(&low).and(enforce_bit(&high)))?; // 1
        let children = privates(cs, &level.children)?;
        let [a, b, c, d] = &children;
        let left = a + &low * (b - a);
        let right = c + &low * (d - c);
        let chosen = &left + high * (right - &left);
        rules.enforce(Rule::PathIsConnected, || chosen.enforce_equal(&node))?; // 2
        hash(&children) // 3
    })
}

/// Parts at their places in one element.
fn place(parts: &[FpVar<Fr>], at: &[usize]) -> FpVar<Fr> {
    let zero = constant(Fr::zero());
    parts.iter().zip(at).fold(zero, |packed, (part, at)| packed + part * power_of_two(*at))
}

fn constant(number: Fr) -> FpVar<Fr> {
    FpVar::constant(number)
}
