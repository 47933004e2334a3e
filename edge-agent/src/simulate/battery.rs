//! The traction battery: cells with an internal resistance.
//!
//! **Invariant:** energy is conserved: what the store loses is what the terminals gave plus heat in
//! the resistance. Power and current are positive out of the battery here; VSS counts the other way.

/// What a new battery holds.
const ENERGY_NEW_J: f64 = 62.0 * 3.6e6;
const CELLS_IN_SERIES: f64 = 96.0;
/// Resistance of the whole pack at 25 degrees.
const RESISTANCE_OHM: f64 = 0.075;
const HEAT_CAPACITY_J_PER_K: f64 = 380_000.0;
const COOLING_W_PER_K: f64 = 28.0;

/// The state of the battery, and what it does at the moment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Battery {
    /// Energy in store.
    pub(super) energy_j: f64,
    /// What the battery holds now, as a part of what it held when new.
    pub(super) health: f64,
    /// Mean temperature of the cells.
    pub(super) celsius: f64,
    /// Voltage at the terminals.
    pub(super) volts: f64,
    /// Current out of the terminals.
    pub(super) amperes: f64,
    /// Heat in the resistance.
    pub(super) heat_w: f64,
}

impl Battery {
    /// A battery at rest, as warm as the air.
    #[must_use]
    pub(super) fn at_rest(state_of_charge: f64, health: f64, ambient_celsius: f64) -> Self {
        let mut battery = Self {
            energy_j: state_of_charge * health * ENERGY_NEW_J,
            health,
            celsius: ambient_celsius,
            volts: 0.0,
            amperes: 0.0,
            heat_w: 0.0,
        };
        battery.volts = battery.open_circuit_volts();
        battery
    }

    /// Gives `power_w` for `seconds` (takes it when negative).
    pub(super) fn give(&mut self, power_w: f64, ambient_celsius: f64, seconds: f64) {
        let (open, resistance) = (self.open_circuit_volts(), self.resistance());
        // power = (open - resistance * amperes) * amperes; of its two solutions the gentle one.
        let root = (open.powi(2) - 4.0 * resistance * power_w).max(0.0).sqrt();
        self.amperes = (open - root) / (2.0 * resistance);
        self.volts = open - resistance * self.amperes;
        self.heat_w = resistance * self.amperes.powi(2);
        self.energy_j = (self.energy_j - open * self.amperes * seconds).max(0.0);
        let cooling = COOLING_W_PER_K * (self.celsius - ambient_celsius);
        self.celsius += (self.heat_w - cooling) / HEAT_CAPACITY_J_PER_K * seconds;
    }

    /// Power out of the terminals.
    #[must_use]
    pub(super) fn power_w(&self) -> f64 {
        self.volts * self.amperes
    }

    /// Charge, as a part of what the battery holds now.
    #[must_use]
    pub(super) fn state_of_charge(&self) -> f64 {
        self.energy_j / (self.health * ENERGY_NEW_J)
    }

    /// How far from the mean the coldest and the warmest cell are: the middle of the pack keeps its
    /// heat, the edge loses it to the air.
    #[must_use]
    pub(super) fn spread_kelvin(&self, ambient_celsius: f64) -> f64 {
        0.5 + 0.15 * (self.celsius - ambient_celsius).abs()
    }

    /// Rises with charge, steeply when nearly empty.
    fn open_circuit_volts(&self) -> f64 {
        let charge = self.state_of_charge().clamp(0.0, 1.0);
        CELLS_IN_SERIES * (3.45 + 0.70 * charge - 0.45 * (-20.0 * charge).exp())
    }

    /// Cold cells resist more: twice as much at the freezing point.
    fn resistance(&self) -> f64 {
        RESISTANCE_OHM * ((25.0 - self.celsius) / 36.0).exp().clamp(0.7, 4.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_store_loses_is_what_was_given_and_heat() {
        for power_w in [40_000.0, -40_000.0, 0.0] {
            let mut battery = Battery::at_rest(0.7, 0.95, 20.0);
            let before = battery.energy_j;
            battery.give(power_w, 20.0, 0.1);

            let lost = before - battery.energy_j;
            assert!((battery.power_w() - power_w).abs() < 1e-6, "{battery:?}");
            assert!((lost - (power_w + battery.heat_w) * 0.1).abs() < 1e-6, "{battery:?}");
        }
    }

    #[test]
    fn load_lowers_the_voltage_and_charging_raises_it() {
        let rest = Battery::at_rest(0.7, 0.95, 20.0);
        let [mut loaded, mut charged] = [rest; 2];
        loaded.give(100_000.0, 20.0, 0.1);
        charged.give(-50_000.0, 20.0, 0.1);

        assert!(loaded.volts < rest.volts && rest.volts < charged.volts);
        assert!(loaded.amperes > 0.0 && charged.amperes < 0.0);
    }

    #[test]
    fn an_empty_battery_stays_empty() {
        let mut battery = Battery::at_rest(0.0, 0.95, 20.0);
        battery.give(10_000.0, 20.0, 60.0);

        assert!(battery.energy_j.abs() < 1e-9);
        assert!(battery.state_of_charge() >= 0.0);
    }

    #[test]
    fn cold_cells_waste_more() {
        let [mut cold, mut warm] = [-5.0, 25.0].map(|air| Battery::at_rest(0.7, 0.95, air));
        cold.give(50_000.0, -5.0, 0.1);
        warm.give(50_000.0, 25.0, 0.1);

        assert!(cold.heat_w > 1.5 * warm.heat_w);
    }

    #[test]
    fn a_pack_warmer_than_the_air_has_colder_edges() {
        let mut battery = Battery::at_rest(0.7, 0.95, 10.0);
        let rested = battery.spread_kelvin(10.0);
        battery.give(100_000.0, 10.0, 100.0);

        assert!(battery.celsius > 10.5, "{battery:?}");
        assert!(battery.spread_kelvin(10.0) > rested);
    }
}
