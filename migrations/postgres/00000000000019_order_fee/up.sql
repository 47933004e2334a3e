-- The share of the market is agreed when an order is placed, and can be recomputed ever after. Owned by marketplace::trade.

-- Hundredths of a percent; null for orders of before.
ALTER TABLE orders ADD COLUMN fee_basis_points INTEGER;
