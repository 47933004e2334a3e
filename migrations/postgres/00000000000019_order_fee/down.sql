ALTER TABLE orders DROP COLUMN fee_basis_points;
