// Deploys a contract on a fresh anvil, sends it calls, and tells what came of each.
//
// Input, as JSON: { anvil, bytecode, calls: [{ signature, words }], errors: [signature] }; hex without 0x.
// Output, as JSON: { results: [{ gas } or { reverted }], errors: [selector] }.

import { spawn } from "node:child_process";
import { text } from "node:stream/consumers";

const { anvil, bytecode, calls, errors } = JSON.parse(await text(process.stdin));
const node = spawn(anvil, ["--port", "0"], { stdio: ["ignore", "pipe", "inherit"] });
const address = await new Promise((resolve, reject) => {
  let printed = "";
  node.stdout.on("data", (bytes) => {
    printed += bytes;
    const listening = printed.match(/Listening on (\S+)/);
    if (listening) resolve(`http://${listening[1]}`);
  });
  node.on("exit", () => reject(new Error(`anvil ended: ${printed}`)));
});

async function ask(method, ...params) {
  const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method, params });
  const headers = { "Content-Type": "application/json" };
  return (await fetch(address, { method: "POST", headers, body })).json();
}

async function answer(method, ...params) {
  const { result, error } = await ask(method, ...params);
  if (error) throw new Error(`${method}: ${error.message}`);
  return result;
}

const hex = (string) => `0x${Buffer.from(string).toString("hex")}`;
const selector = async (signature) => (await answer("web3_sha3", hex(signature))).slice(2, 10);

async function send(transaction) {
  const hash = await answer("eth_sendTransaction", { gas: "0x989680", ...transaction });
  for (;;) {
    // The block is mined after the answer.
    const receipt = await answer("eth_getTransactionReceipt", hash);
    if (receipt) return receipt;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

try {
  const [from] = await answer("eth_accounts");
  const { contractAddress: to } = await send({ from, data: `0x${bytecode}` });
  const results = [];
  for (const { signature, words } of calls) {
    const data = `0x${await selector(signature)}${words}`;
    const { error } = await ask("eth_call", { from, to, data }, "latest");
    if (error) results.push({ reverted: (error.data ?? "0x").slice(2) });
    else results.push({ gas: Number((await send({ from, to, data })).gasUsed) });
  }
  const selectors = await Promise.all(errors.map(selector));
  process.stdout.write(JSON.stringify({ results, errors: selectors }));
} finally {
  node.removeAllListeners("exit");
  node.kill();
}
