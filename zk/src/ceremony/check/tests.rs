//! Each way to forge a key, and the check that it breaks.

use std::io::Cursor;

use super::*;
use crate::ceremony::testing::{Secrets, ptau, secrets};
use crate::ceremony::{BadFile, NotPowers, Rehearsal};
use crate::testing::rng;
use crate::{Circuit, ClaimCircuit};

type Forge = fn(&mut Zkey);
type Spoil = fn(&mut Powers);

fn layout() -> Layout {
    Layout::of(Rehearsal::default()).unwrap()
}

fn verdict(layout: &Layout, zkey: &Zkey) -> Result<(), NotThisKey> {
    check_circuit(layout, zkey)?;
    check_record(zkey)?;
    let file = Cursor::new(ptau(&secrets().powers(layout.domain())));
    let powers = Powers::read(file, layout.domain(), &mut rng(1)).unwrap();
    check_points(layout, &zkey.key, &powers, &mut rng(2))
}

#[test]
fn an_honest_key_is_accepted_after_its_journey() {
    let layout = layout();
    let zkey = secrets().zkey(&layout);

    let read = Zkey::read(&zkey.write()[..]).unwrap();

    assert_eq!(read, zkey);
    assert_eq!(verdict(&layout, &read), Ok(()));
}

#[test]
fn each_forgery_is_refused_for_its_own_reason() {
    let layout = layout();
    let honest = secrets().zkey(&layout);
    let points = |list| NotThisKey::WrongPoints { list };
    let (private, coefficients) = (honest.key.l_query.len(), honest.coefficients.len());
    #[rustfmt::skip] // a table is read by column
    let cases: [(Forge, NotThisKey); 16] = [
        (|zkey| zkey.record.contributions.clear(),          NotThisKey::BrokenChain(BrokenChain::Empty)),
        (|zkey| zkey.record.circuit_hash[0] ^= 1,           NotThisKey::BrokenChain(BrokenChain::Transcript { number: 1 })),
        (|zkey| zkey.key.delta_g1 = zkey.key.beta_g1,       NotThisKey::BrokenChain(BrokenChain::OtherDelta)),
        (|zkey| zkey.key.vk.gamma_g2 = zkey.key.vk.beta_g2, NotThisKey::OtherGamma),
        (|zkey| zkey.key.vk.delta_g2 = zkey.key.vk.gamma_g2, NotThisKey::DeltaIsGamma),
        (|zkey| zkey.key.vk.delta_g2 = zkey.key.vk.beta_g2, NotThisKey::Split { element: "delta" }),
        (|zkey| zkey.key.beta_g1 = zkey.key.delta_g1,       NotThisKey::Split { element: "beta" }),
        (|zkey| zkey.key.vk.alpha_g1 = zkey.key.delta_g1,   NotThisKey::OtherPowers { element: "alpha" }),
        (|zkey| zkey.key.a_query[5] = zkey.key.a_query[6],  points("A")),
        (|zkey| zkey.key.b_g1_query.swap(20, 200),          points("B1")),
        (|zkey| zkey.key.b_g2_query.swap(20, 200),          points("B2")),
        (|zkey| zkey.key.vk.gamma_abc_g1.swap(1, 2),        points("IC")),
        (|zkey| zkey.key.l_query.swap(0, 1),                points("L")),
        (|zkey| zkey.key.h_query.swap(0, 1),                points("H")),
        (|zkey| { zkey.key.l_query.pop(); },                NotThisKey::OtherShape { what: "private wires", found: private - 1, expected: private }),
        (|zkey| { zkey.coefficients.pop(); },               NotThisKey::OtherShape { what: "coefficients", found: coefficients - 1, expected: coefficients }),
    ];
    for (forge, expected) in cases {
        let mut zkey = honest.clone();
        forge(&mut zkey);
        let error = verdict(&layout, &zkey).unwrap_err();
        assert_eq!(error, expected);
    }
}

#[test]
fn a_key_with_an_identity_in_it_is_refused() {
    let layout = layout();
    let honest = secrets().zkey(&layout);
    #[rustfmt::skip] // a table is read by column
    let cases: [(Forge, &str); 5] = [
        (|zkey| zkey.key.vk.alpha_g1 = G1Affine::identity(),        "alpha"),
        (|zkey| zkey.key.vk.beta_g2 = G2Affine::identity(),         "beta"),
        (|zkey| zkey.key.vk.gamma_g2 = G2Affine::identity(),        "gamma"),
        (|zkey| zkey.key.vk.delta_g2 = G2Affine::identity(),        "delta"),
        (|zkey| zkey.key.vk.gamma_abc_g1[1] = G1Affine::identity(), "IC"),
    ];
    for (forge, element) in cases {
        let mut zkey = honest.clone();
        forge(&mut zkey);
        assert_eq!(verdict(&layout, &zkey), Err(NotThisKey::Identity { element }));
    }
}

#[test]
fn a_tampered_coefficient_is_refused_by_its_place() {
    let layout = layout();
    let mut zkey = secrets().zkey(&layout);
    zkey.coefficients[7].value += Fr::from(1_u64);
    let place = zkey.coefficients[7];

    let error = verdict(&layout, &zkey).unwrap_err();

    let (matrix, constraint, wire) = (place.matrix, place.constraint, place.wire);
    assert_eq!(error, NotThisKey::OtherCoefficient { matrix, constraint, wire });
}

#[test]
fn a_key_of_another_circuit_is_refused() {
    let other = Layout::of(ClaimCircuit::blank(Circuit::Fact)).unwrap();

    let error = verdict(&other, &secrets().zkey(&layout())).unwrap_err();

    assert_eq!(
        error,
        NotThisKey::OtherShape { what: "public inputs", found: 3, expected: 1 + other.public() }
    );
}

/// C has no coefficients in the file, so only the points can tell.
#[test]
fn another_rule_in_the_third_matrix_is_refused() {
    let layout = layout();
    let zkey = secrets().zkey(&layout.with_other_c());

    assert_eq!(check_circuit(&layout, &zkey), Ok(()));
    assert_eq!(verdict(&layout, &zkey), Err(NotThisKey::WrongPoints { list: "L" }));
}

#[test]
fn powers_that_are_none_are_refused() {
    let layout = layout();
    let domain = layout.domain();
    #[rustfmt::skip] // a table is read by column
    let cases: [(Spoil, &str); 6] = [
        (|powers| powers.tau_g1[0] = powers.tau_g1[1],     "tau"),
        (|powers| powers.tau_g1.swap(4, 5),                "tau in G1"),
        (|powers| powers.alpha_tau_g1.swap(4, 5),          "alpha tau"),
        (|powers| powers.beta_tau_g1.swap(4, 5),           "beta tau"),
        (|powers| powers.tau_g2.swap(4, 5),                "tau in G2"),
        (|powers| powers.beta_g2 = powers.tau_g2[1],       "beta"),
    ];
    for (forge, list) in cases {
        let mut powers = secrets().powers(domain);
        forge(&mut powers);
        let read = Powers::read(Cursor::new(ptau(&powers)), domain, &mut rng(3));
        assert_eq!(read.unwrap_err(), NotPowers::NotGeometric { list });
    }
}

#[test]
fn powers_that_are_cut_or_too_few_are_refused() {
    let bytes = ptau(&secrets().powers(16));

    let small = Powers::read(Cursor::new(&bytes), 32, &mut rng(3)).unwrap_err();
    assert_eq!(small, NotPowers::TooSmall { found: 4, needed: 5 });
    for length in [0, 11, 13, 40, 200, bytes.len() - 1] {
        let cut = Powers::read(Cursor::new(&bytes[..length]), 16, &mut rng(3)).unwrap_err();
        assert!(matches!(cut, NotPowers::BadFile(BadFile::Cut { .. } | BadFile::Missing { .. })));
    }
}

#[test]
fn a_key_from_other_powers_is_refused() {
    let layout = layout();
    let other = Secrets { tau: Fr::from(5_u64), ..secrets() };

    let error = verdict(&layout, &other.zkey(&layout)).unwrap_err();

    assert_eq!(error, NotThisKey::WrongPoints { list: "A" });
}
