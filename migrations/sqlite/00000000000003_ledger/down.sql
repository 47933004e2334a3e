DROP TABLE postings;
DROP TABLE entries;
DROP TABLE seals;
DROP TABLE accounts;
