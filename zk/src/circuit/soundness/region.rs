//! Forgeries of places.

use super::*;

fn of_places(place: u64, tiles: &[&str]) -> Assignment {
    changed(Circuit::Region, |statement, witness| {
        let tiles = tiles.iter().map(|tile| tile.parse().unwrap()).collect();
        statement.question = Question::Region(Region::new(Presence::Inside, tiles).unwrap());
        let Committable::Places(places) = &mut witness.committed else { panic!("not places") };
        places.places = [Place::from_quadkey(place).unwrap(); Window::LENGTH];
    })
}

pub(super) fn forgeries() -> Vec<Forgery> {
    // In places of the smallest zoom but one: 0 to 3, and 8 to 11.
    let two_runs = ["21/0/0", "21/0/1"];
    let select = |assignment: &mut Assignment, weights: [Fr; 2]| {
        let [one, other] = weights;
        for selected in &mut assignment.places().selected {
            *selected = [Fr::from(0); Region::RUNS_MAX];
            (selected[0], selected[1]) = (one, other);
        }
    };
    vec![
        (Rule::TimeFits, "a time before all times", forged_header_of_places()),
        (
            // Three quarters of the first run and a quarter of the second: 2 to 5.
            Rule::SelectionIsBits,
            "a place between two runs, in a mixture of both",
            {
                let mut assignment = of_places(5, &two_runs);
                let quarter = Fr::from(4).inverse().unwrap();
                select(&mut assignment, [Fr::ONE - quarter, quarter]);
                assignment
            },
        ),
        (
            // No run at all: from 0 to 0.
            Rule::OneIsSelected,
            "a place in no run",
            {
                let mut assignment = of_places(0, &["21/0/1"]);
                select(&mut assignment, [Fr::from(0); 2]);
                assignment
            },
        ),
        (Rule::NotBeforeRun, "a place before the run", of_places(7, &["21/0/1"])),
        (Rule::NotAfterRun, "a place after the run", of_places(12, &["21/0/1"])),
        (Rule::Runs, "other runs than those stated", {
            let mut assignment = of_places(12, &["21/0/1"]);
            assignment.places().lasts[0] += Fr::from(1);
            assignment
        }),
    ]
}

/// Places whose first part of the header is less by what the time is more.
fn forged_header_of_places() -> Assignment {
    let mut assignment = forged(Circuit::Region, |assignment| {
        assignment.places().time = -Fr::ONE;
    });
    assignment.recommit_places();
    assignment
}

impl Assignment {
    /// Commits to the places as they are assigned, whatever they are, and puts the leaf into the tree.
    fn recommit_places(&mut self) {
        let opening = self.places().clone();
        let mut inputs = vec![crate::encoding::Tag::Places.header() + opening.time];
        let packed: [Fr; crate::encoding::PLACE_ELEMENTS] =
            crate::encoding::pack(&opening.places, 5, crate::encoding::PLACE_BITS);
        inputs.extend(packed);
        inputs.push(opening.blinding);
        let commitment = crate::poseidon::hash::<{ crate::commitment::PLACES_INPUTS }>(
            &inputs.try_into().unwrap(),
        );
        self.rebuild_path(commitment);
    }

    /// Makes the path lead from the leaf of `commitment` to a root that is stated anew.
    fn rebuild_path(&mut self, commitment: Fr) {
        let secret = Secret::from_bytes(&crate::field::to_bytes(self.membership.secret)).unwrap();
        let commitment = telematics::window::Commitment(crate::field::to_bytes(commitment));
        let class = ClassNumbers::of(&crate::testing::vehicle());
        let leaf = crate::leaf(secret.identity_commitment(), class, DAY, commitment).unwrap();
        let mut node = leaf.number();
        for level in &mut self.membership.levels {
            level.child_low = Fr::from(0);
            level.child_high = Fr::from(0);
            level.children[0] = node;
            node = crate::poseidon::hash(&level.children);
        }
        self.public[0] = node;
    }
}
