DROP TABLE reward_shares;
DROP TABLE reward_facts;
DROP TABLE reward_weeks;
DROP TABLE vehicle_days;
