DROP TABLE dataset_profiles;
