// A raw eBPF program on a piece of memory: sums its bytes. Run it in a built checkout: node examples/sum-bytes.mjs
import { Program } from 'ctinspector';

//  r1 is the memory's guest address, r2 its length
const code = Buffer.from(
  [
    'b7 00 00 00 00 00 00 00', //    r0 = 0
    '0f 12 00 00 00 00 00 00', //    r2 += r1           the end
    '3d 21 04 00 00 00 00 00', // 2: if r1 >= r2 goto exit
    '71 13 00 00 00 00 00 00', //    r3 = *(u8 *)(r1 + 0)
    '0f 30 00 00 00 00 00 00', //    r0 += r3
    '07 01 00 00 01 00 00 00', //    r1 += 1
    '05 00 fb ff 00 00 00 00', //    goto 2
    '95 00 00 00 00 00 00 00', //    exit
  ]
    .join('')
    .replaceAll(' ', ''),
  'hex',
);

const program = Program.load({ code, kernelFunctions: 'conformance' });
console.log(program.disassemble());

const result = program.run({ memory: new Uint8Array([1, 2, 3, 250]), fuel: 10_000n });
if (result.kind === 'exited') console.log(`sum ${result.r0}, fuel used ${result.fuelUsed}`);
else console.log(`stopped: ${result.kind} at pc ${result.pc}`);
