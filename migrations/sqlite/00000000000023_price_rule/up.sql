-- What the price of a quote follows from. Owned by marketplace::trade.

-- JSON, as trade::price writes it; null for quotes of before there was a rule.
ALTER TABLE quotes ADD COLUMN price_inputs TEXT;
