DROP TABLE quarantine;
DROP TABLE commitments;
DROP TABLE latest_values;
DROP TABLE chains;
DROP TABLE batches;
