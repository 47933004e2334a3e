DROP TABLE enrolment_codes;
DROP TABLE vehicles;
DROP TABLE api_keys;
DROP TABLE buyers;
DROP TABLE owners;
