//! `axle.v1.Enrolment`: from a code to a certificate, and from a certificate to the next.

use proto::convert::{BadMessage, required};
use proto::v1;
use telematics::consent::Policy;
use telematics::enrolment::NotACode;
use telematics::{EnrolmentCode, OwnerId, Timestamp, VehicleDescription, VehicleId};
use tonic::{Request, Response, Status};
use zk::IdentityCommitment;

use super::{caller, status};
use crate::app::App;
use crate::consent::{self, ConsentError, Decision};
use crate::identity::{self, IdentityError, NewVehicle, VehicleCertificate};

/// Longer than any code.
const CODE_BYTES_MAX: usize = 64;

pub(super) struct EnrolmentService {
    pub(super) app: App,
}

#[tonic::async_trait]
impl v1::enrolment_server::Enrolment for EnrolmentService {
    async fn enroll(
        &self,
        request: Request<v1::EnrollRequest>,
    ) -> Result<Response<v1::EnrollResponse>, Status> {
        let request = request.into_inner();
        let code = self.read_code(&request.code)?;
        let description = required("vehicle", request.vehicle)
            .and_then(VehicleDescription::try_from)
            .map_err(|error: BadMessage| Status::invalid_argument(error.to_string()))?;
        let identity = IdentityCommitment::from_bytes(&request.identity_commitment)
            .map_err(|error| Status::invalid_argument(error.to_string()))?;
        let now = self.app.clock.now();
        let vehicle = VehicleId::new(now, rand::random());
        // Before the code is used up: a request that can not be signed must not cost a code.
        let certificate = self.sign(&request.csr_der, vehicle, now)?;

        let car = NewVehicle { id: vehicle, key: certificate.key, identity, description };
        let (owner, policy) = self.enrol(code.secret, car, now).await?;

        tracing::info!(%vehicle, "enrolled");
        Ok(Response::new(v1::EnrollResponse {
            vehicle_id: vehicle.to_vec(),
            certificate_der: certificate.der,
            authority_der: self.app.authority.der().to_vec(),
            policy: Some(v1::Policy::from(&policy)),
            owner_id: owner.to_vec(),
        }))
    }

    async fn renew(
        &self,
        request: Request<v1::RenewRequest>,
    ) -> Result<Response<v1::RenewResponse>, Status> {
        let vehicle = caller::vehicle(&self.app, &request).await?;
        let csr = request.into_inner().csr_der;
        let certificate = self.sign(&csr, vehicle.id, self.app.clock.now())?;
        if certificate.key != vehicle.key {
            return Err(Status::invalid_argument(
                "the certificate request holds another key than the vehicle's; renew with the same key, or enrol again",
            ));
        }
        Ok(Response::new(v1::RenewResponse { certificate_der: certificate.der }))
    }
}

impl EnrolmentService {
    fn read_code(&self, text: &str) -> Result<EnrolmentCode, Status> {
        if text.len() > CODE_BYTES_MAX {
            return Err(Status::invalid_argument(NotACode.to_string()));
        }
        let code = text.parse::<EnrolmentCode>();
        let code = code.map_err(|error| Status::invalid_argument(error.to_string()))?;
        if code.pin != self.app.authority.pin() {
            return Err(Status::not_found(
                "this enrolment code is of another market; check the address of the marketplace",
            ));
        }
        Ok(code)
    }

    fn sign(
        &self,
        csr: &[u8],
        vehicle: VehicleId,
        now: Timestamp,
    ) -> Result<VehicleCertificate, Status> {
        let signed = self.app.authority.sign_vehicle(csr, vehicle, now);
        signed.map_err(|error| status::authority(&error))
    }

    /// Makes the vehicle and grants what its owner chose with the code, in one transaction.
    async fn enrol(
        &self,
        secret: [u8; 10],
        car: NewVehicle,
        now: Timestamp,
    ) -> Result<(OwnerId, Policy), Status> {
        let enrolled = self.app.db.write::<_, ConsentError, _>(move |conn| {
            let enrolled = identity::enroll(conn, &secret, &car, now)?;
            let damaged = |_| IdentityError::Corrupt {
                table: "enrolment_codes",
                what: enrolled.consent.clone(),
            };
            let decision = Decision::parse(&enrolled.consent).map_err(damaged)?;
            Ok((enrolled.owner, consent::grant(conn, car.id, &decision, now)?))
        });
        enrolled.await.map_err(|error| match error {
            ConsentError::Identity(error) if !matches!(error, IdentityError::Storage(_)) => {
                status::identity(&error)
            }
            error => status::storage(&self.app, &error),
        })
    }
}
