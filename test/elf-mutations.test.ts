// Damaged object files: refused with a reason, or run in the sandbox. Nothing else happens, and it costs little.
//
//   CTI_ELF_MUTATIONS=20000 npx tsx test/elf-mutations.test.ts          as many as that
//   CTI_ELF_MUTATION=123 npx tsx test/elf-mutations.test.ts             this one only, and what became of it
//   CTI_ELF_MUTATIONS=20000 scripts/asan-node --import tsx test/elf-mutations.test.ts
import { readdirSync, readFileSync } from 'node:fs';
import t from 'tap';
import { CtiError } from '../lib/errors.js';
import { link } from '../lib/linker/link.js';
import { loadObject } from '../lib/loader/load-object.js';
import { Program } from '../lib/runner/program.js';
import { mutateElf } from './support/mutate-elf.js';

t.setTimeout(600_000); // as many as one asks for

const OBJECTS = 'test/fixtures/elf/objects';
const COUNT = Number(process.env.CTI_ELF_MUTATIONS ?? 3000);
const ONLY = process.env.CTI_ELF_MUTATION === undefined ? undefined : Number(process.env.CTI_ELF_MUTATION);
const FUEL = 100_000n;
/** Generous, for machines that are busy: a case takes well under a millisecond. */
const MAX_MS = 5000;
const MAX_GROWTH = 700 * 2 ** 20;

const objects = readdirSync(OBJECTS)
  .sort()
  .map((name) => ({ name, bytes: new Uint8Array(readFileSync(`${OBJECTS}/${name}`)) }));

/** Loads, links and runs; the outcome in a few words. Anything but a CtiError is thrown. */
function outcomeOf(bytes: Uint8Array, name: string): string {
  try {
    // Every function that is global can be asked for as the entry, so that objects without vm_main run too.
    const object = loadObject(bytes, name);
    const others = name.startsWith('multi_')
      ? objects.filter((o) => o.name.startsWith('multi_') && o.name !== name)
      : [];
    const entry = object.symbols.find(
      (s) => s.binding === 'global' && s.kind === 'function' && s.place === 'section',
    )?.name;
    const all = [object, ...others.map((other) => loadObject(other.bytes, other.name))];
    const linked = link(all, entry === undefined ? {} : { entry });
    const result = Program.load(linked.spec).run({ args: [3n, 4n], fuel: FUEL, memory: new Uint8Array(4096) });
    linked.debug.describe(result.pc);
    return result.kind;
  } catch (error) {
    if (!(error instanceof CtiError)) throw error;
    if (error.code === 'OBJECT_MALFORMED' && !/: .*offset 0x[0-9a-f]+: .*expected .*received /s.test(error.message)) {
      throw new Error(`a refusal that does not say enough: ${error.message}`);
    }
    return error.code;
  }
}

t.test('damaged objects are refused or run', async (t) => {
  const outcomes = new Map<string, number>();
  const before = process.memoryUsage.rss();
  let slowest = 0;
  for (let seed = ONLY ?? 0; seed < (ONLY === undefined ? COUNT : ONLY + 1); seed++) {
    const original = objects[seed % objects.length]!;
    const bytes = mutateElf(original.bytes, seed);
    const begin = performance.now();
    let outcome: string;
    try {
      outcome = outcomeOf(bytes, original.name);
    } catch (error) {
      t.fail(`seed ${seed} (${original.name}): ${(error as Error).stack}`);
      continue;
    }
    slowest = Math.max(slowest, performance.now() - begin);
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
    if (ONLY !== undefined) t.comment(outcome);
  }
  t.comment(`${[...outcomes].map(([outcome, n]) => `${n} ${outcome}`).join(', ')}; slowest ${slowest.toFixed(1)} ms`);
  t.ok(slowest < MAX_MS, `the slowest took ${slowest} ms`);
  const growth = process.memoryUsage.rss() - before;
  t.ok(growth < MAX_GROWTH, `memory grew by ${growth} bytes`);
  if (ONLY === undefined && COUNT >= 1000) {
    t.ok(outcomes.get('exited'), 'some still run');
    t.ok(outcomes.get('trapped'), 'some trap');
    t.ok(outcomes.get('OBJECT_MALFORMED'), 'some are refused by the loader');
    t.ok(outcomes.get('PROGRAM_MALFORMED'), 'some are refused by the checker');
  }
});
