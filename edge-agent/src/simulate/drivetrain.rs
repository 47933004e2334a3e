//! From the speed that the driver wants to the power that the battery has to give.
//!
//! The forces on the car (inertia, air, rolling, slope) decide the force at the wheels. The motor gives
//! it, with losses, or takes what it can of it when braking; friction brakes take the rest, which
//! nobody measures.
//!
//! **Invariant:** power is conserved: what goes into the motor is what comes out at its shaft plus heat.

/// Standard gravity.
pub(super) const GRAVITY: f64 = 9.806_65;

const MASS_KG: f64 = 1_850.0;
/// Wheels, gears and rotor turn along: they act like this much more mass.
const ROTATING_MASS: f64 = 1.04;
const ROLLING_RESISTANCE: f64 = 0.0095;
/// Drag coefficient times frontal area.
const DRAG_AREA_M2: f64 = 0.60;
const WHEEL_RADIUS_M: f64 = 0.33;
const GEAR_RATIO: f64 = 9.1;
const GEAR_EFFICIENCY: f64 = 0.97;

/// Most torque that the motor gives; beyond its corner speed its power is the limit.
const MOTOR_TORQUE_MAX: f64 = 310.0;
const MOTOR_POWER_MAX_W: f64 = 150_000.0;
/// Most power that the motor takes back, at its shaft.
const REGENERATION_MAX_W: f64 = 60_000.0;
/// Below this speed friction brakes do everything.
const REGENERATION_SPEED_MIN: f64 = 2.0;
/// What friction and motor together brake with at most.
const BRAKE_FORCE_MAX_N: f64 = MASS_KG * GRAVITY * 0.9;

/// Losses of motor and inverter: copper grows with torque squared, iron with speed.
const COPPER_LOSS: f64 = 0.067;
const IRON_LOSS: f64 = 0.8;
const INVERTER_LOSS_W: f64 = 60.0;

/// What the car meets at one moment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Demand {
    /// Speed in m/s.
    pub(super) speed: f64,
    /// Acceleration in m/s².
    pub(super) acceleration: f64,
    /// Slope of the road, rise over run.
    pub(super) grade: f64,
    /// Outside temperature, which makes air thin or thick.
    pub(super) ambient_celsius: f64,
}

/// What the drivetrain does at one moment.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Drivetrain {
    /// Speed of the motor in rad/s.
    pub(super) motor_speed: f64,
    /// Torque at its shaft in Nm, negative when it takes energy back.
    pub(super) motor_torque: f64,
    /// Electric power that it takes in W, negative when it gives some back.
    pub(super) electric_w: f64,
    /// Heat in motor and inverter in W.
    pub(super) heat_w: f64,
    /// Accelerator pedal, from 0 to 1.
    pub(super) accelerator: f64,
    /// Brake pedal, from 0 to 1.
    pub(super) brake: f64,
}

impl Drivetrain {
    /// Meets `demand`.
    #[must_use]
    pub(super) fn meet(demand: Demand) -> Self {
        let force = wheel_force(demand);
        let motor_speed = demand.speed / WHEEL_RADIUS_M * GEAR_RATIO;
        let wanted = shaft_torque(force);
        let motor_torque = wanted.max(-regeneration_torque_max(demand.speed, motor_speed));
        let (copper, iron) = (COPPER_LOSS * motor_torque.powi(2), IRON_LOSS * motor_speed);
        let heat_w = copper + iron + INVERTER_LOSS_W;
        let braking_n = if force < 0.0 { -force } else { 0.0 };
        Self {
            motor_speed,
            motor_torque,
            electric_w: motor_torque * motor_speed + heat_w,
            heat_w,
            accelerator: (wanted / driving_torque_max(motor_speed)).clamp(0.0, 1.0),
            brake: (braking_n / BRAKE_FORCE_MAX_N).min(1.0),
        }
    }

    /// Power at the motor's shaft in W.
    #[must_use]
    pub(super) fn shaft_w(&self) -> f64 {
        self.motor_torque * self.motor_speed
    }
}

/// The force that the wheels have to put on the road, in N.
fn wheel_force(demand: Demand) -> f64 {
    let Demand { speed, acceleration, grade, ambient_celsius } = demand;
    let air_density = 101_325.0 / (287.05 * (ambient_celsius + 273.15));
    let angle = grade.atan();
    let inertia = MASS_KG * ROTATING_MASS * acceleration;
    let drag = 0.5 * air_density * DRAG_AREA_M2 * speed.powi(2);
    let rolling = MASS_KG * GRAVITY * ROLLING_RESISTANCE * angle.cos();
    let slope = MASS_KG * GRAVITY * angle.sin();
    // A car that stands is held by its brakes and wants nothing of its motor.
    if speed > 0.0 { inertia + drag + rolling + slope } else { 0.0 }
}

/// The torque of the motor behind a force at the wheels. Gears lose a part either way.
fn shaft_torque(force: f64) -> f64 {
    let lossless = force * WHEEL_RADIUS_M / GEAR_RATIO;
    if force >= 0.0 { lossless / GEAR_EFFICIENCY } else { lossless * GEAR_EFFICIENCY }
}

fn driving_torque_max(motor_speed: f64) -> f64 {
    MOTOR_TORQUE_MAX.min(MOTOR_POWER_MAX_W / motor_speed.max(1.0))
}

fn regeneration_torque_max(speed: f64, motor_speed: f64) -> f64 {
    if speed < REGENERATION_SPEED_MIN {
        return 0.0;
    }
    (MOTOR_TORQUE_MAX / 2.0).min(REGENERATION_MAX_W / motor_speed.max(1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(speed: f64, acceleration: f64) -> Drivetrain {
        Drivetrain::meet(Demand { speed, acceleration, grade: 0.0, ambient_celsius: 20.0 })
    }

    /// Electric cars of this size take 14 to 17 kW at a steady 100 km/h.
    #[test]
    fn a_steady_speed_costs_what_it_costs_real_cars() {
        let cruising = at(100.0 / 3.6, 0.0);

        assert!((12_000.0..18_000.0).contains(&cruising.electric_w), "{cruising:?}");
        assert_eq!((cruising.accelerator > 0.0, cruising.brake > 0.0), (true, false));
    }

    #[test]
    fn braking_gives_energy_back_up_to_a_limit() {
        let gentle = at(15.0, -1.0);
        let hard = at(30.0, -5.0);

        let limited = hard.shaft_w() + REGENERATION_MAX_W;

        assert!((-26_000.0..-20_000.0).contains(&gentle.electric_w), "{gentle:?}");
        assert!(limited.abs() < 1e-6, "{hard:?}");
        assert!(gentle.accelerator <= 0.0 && 0.0 < gentle.brake && gentle.brake < hard.brake);
    }

    #[test]
    fn at_walking_pace_only_friction_brakes() {
        let slow = at(1.0, -1.0);

        assert!(slow.motor_torque.abs() < 1e-9 && slow.brake > 0.05, "{slow:?}");
    }

    #[test]
    fn a_slope_costs_its_height() {
        let demand = Demand { speed: 20.0, acceleration: 0.0, grade: 0.02, ambient_celsius: 20.0 };
        let climb = Drivetrain::meet(demand).shaft_w() - at(20.0, 0.0).shaft_w();
        let lifting = MASS_KG * GRAVITY * 20.0 * 0.02 / GEAR_EFFICIENCY;

        assert!((climb / lifting - 1.0).abs() < 0.01, "{climb} {lifting}");
    }

    #[test]
    fn a_standing_car_presses_no_pedal() {
        let standing = at(0.0, 0.0);

        let quantities = [standing.accelerator, standing.brake, standing.motor_torque];

        assert!(quantities.iter().all(|quantity| quantity.abs() < 1e-9), "{standing:?}");
    }
}
