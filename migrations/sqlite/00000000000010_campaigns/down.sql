DROP TABLE claims;
DROP TABLE campaigns;
