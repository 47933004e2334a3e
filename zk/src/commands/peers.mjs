// Times snarkjs inside one process: node peers.mjs MODULES ZKEY WTNS KEY.json RUNS
// Prints {"prove": [ms], "verify": [ms]}; a proof that does not verify is an error.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const [modules, zkey, wtns, keyFile, runs] = process.argv.slice(2);
const { groth16 } = createRequire(`${modules}/`)("snarkjs");
const key = JSON.parse(readFileSync(keyFile, "utf8"));
const times = { prove: [], verify: [] };

async function timed(list, work) {
  const started = performance.now();
  const result = await work();
  list.push(performance.now() - started);
  return result;
}

// Once more than measured, so that the curve is built and the code is warm.
for (let run = 0; run <= Number(runs); run += 1) {
  const { proof, publicSignals } = await timed(times.prove, () => groth16.prove(zkey, wtns));
  if (!(await timed(times.verify, () => groth16.verify(key, publicSignals, proof)))) {
    throw new Error("snarkjs does not accept its own proof");
  }
}
console.log(JSON.stringify({ prove: times.prove.slice(1), verify: times.verify.slice(1) }));
process.exit(0); // its worker threads would keep the process alive
