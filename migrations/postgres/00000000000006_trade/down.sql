DROP TABLE payouts;
DROP TABLE orders;
DROP TABLE quote_vehicles;
DROP TABLE quotes;
