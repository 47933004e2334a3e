DROP TABLE reads;
DROP TABLE versions;
