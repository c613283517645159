// A program that would run for ever, under control: slices of fuel, with time for other things between them, and a limit.
// Run it in a built checkout: node examples/slices.mjs
import { setImmediate } from 'node:timers/promises';
import { Program, stopError } from 'ctinspector';

const code = Buffer.from('07000000010000000500feff00000000', 'hex'); // r0 += 1; goto -2
const run = Program.load({ code, kernelFunctions: 'ctinspector' }).start();
try {
  let used = 0n;
  let stop = run.step(1_000_000n);
  while (stop.kind === 'out_of_fuel' && (used += stop.fuelUsed) < 10_000_000n) {
    await setImmediate();
    stop = run.step(1_000_000n);
  }
  console.log(stop.kind === 'exited' ? stop.r0 : stopError(stop).message);
} finally {
  run.close();
}
