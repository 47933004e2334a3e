// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.26;

/// Verifies Groth16 proofs of the circuit "{circuit}" over BN254, under the key
/// {fingerprint}.
///
/// A proof says that its inputs hold, and nothing about who sends it or how often: a contract that
/// pays for one must check the payee among the inputs, and keep the nullifiers it has seen.
contract {name} {
    /// The input of this index is not below the order of the group, so it is an alias of another.
    error InputNotInField(uint256 index);

    /// Not a proof of these inputs under this key.
    error ProofInvalid();

    /// How many public inputs the circuit has.
    uint256 public constant INPUTS = {inputs};

    uint256 private constant ORDER =
        0x30644e72e131a029b85045b68181585d2833e84879b9709143e1f593f0000001;

    {constants}

    /// Returns if `proof` proves `inputs`, and reverts otherwise.
    /// @param proof the points A, B and C; the imaginary parts of B come first, as in EIP-197.
    /// @param inputs the public inputs, in the order of the circuit.
    function verify(uint256[8] calldata proof, uint256[INPUTS] calldata inputs) external view {
        // The decoder refuses fewer inputs and ignores further ones.
        if (msg.data.length != {calldata}) revert ProofInvalid();
        for (uint256 index = 0; index < INPUTS; ++index) {
            if (inputs[index] >= ORDER) revert InputNotInField(index);
        }

        // Where the terms are added: the sum, then a point, then its factor.
        uint256[5] memory sum;
        sum[0] = IC0_X;
        sum[1] = IC0_Y;
        {sum}

        // e(A, B) e(alpha, -beta) e(sum, -gamma) e(C, -delta) = 1
        uint256[24] memory pairs = [
            proof[0], proof[1], proof[2], proof[3], proof[4], proof[5],
            ALPHA_X, ALPHA_Y, MINUS_BETA_X1, MINUS_BETA_X0, MINUS_BETA_Y1, MINUS_BETA_Y0,
            sum[0], sum[1], MINUS_GAMMA_X1, MINUS_GAMMA_X0, MINUS_GAMMA_Y1, MINUS_GAMMA_Y0,
            proof[6], proof[7], MINUS_DELTA_X1, MINUS_DELTA_X0, MINUS_DELTA_Y1, MINUS_DELTA_Y0
        ];
        bool isProof;
        assembly ("memory-safe") {
            let done := staticcall(gas(), 0x08, pairs, 0x300, pairs, 0x20)
            isProof := and(and(done, eq(returndatasize(), 0x20)), eq(mload(pairs), 1))
        }
        if (!isProof) revert ProofInvalid();
    }

    /// Adds `factor` times the point to `sum`.
    function _addTerm(uint256[5] memory sum, uint256 x, uint256 y, uint256 factor) private view {
        bool done;
        assembly ("memory-safe") {
            let point := add(sum, 0x40)
            mstore(point, x)
            mstore(add(point, 0x20), y)
            mstore(add(point, 0x40), factor)
            done := staticcall(gas(), 0x07, point, 0x60, point, 0x40)
            done := and(staticcall(gas(), 0x06, sum, 0x80, sum, 0x40), done)
        }
        // The points are on the curve, so only a chain without these precompiles gets here.
        if (!done) revert ProofInvalid();
    }
}
