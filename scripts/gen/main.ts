// Generates everything that follows from schema/*.yaml, and the kernel's program from its C. `npm run generate` writes the files; with --check nothing is written and the
// status is 1 if one of them would change (scripts/check calls it so).
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { generateImageControl } from './image-control.js';
import { generateErrors, generateKernelFunctions, generateTraps } from './lists.js';
import { generateManPages } from './man.js';
import { generatePageWalk } from './page-walk.js';
import { generateProgramHeader } from './program-header.js';
import { readSchemas } from './schema.js';
import { generateSignatures } from './signatures.js';
import { generateTable, generateTableList } from './tables.js';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '../..');
const check = process.argv.includes('--check');
const schemas = readSchemas(join(root, 'schema'));
const outputs = new Map<string, string>([
  ...generateErrors(schemas.errors),
  ...generateTraps(schemas.traps),
  ...generateImageControl(schemas.imageControl),
  ...generateKernelFunctions(schemas.kernelFunctions),
  ...generateSignatures(schemas.kernelFunctions),
  ...generateProgramHeader(schemas.kernelFunctions, schemas.tables),
  ...schemas.tables.flatMap((table) => [...generateTable(table)]),
  ...generateTableList(schemas.tables),
  ...generateManPages(),
  ...generatePageWalk(root),
]);

let stale = 0;
for (const [path, text] of outputs) {
  const file = join(root, path);
  if (existsSync(file) && readFileSync(file, 'utf8') === text) continue;
  stale++;
  if (check) {
    console.error(`${path}: not what its sources generate; run \`npm run generate\` and commit it`);
  } else {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
    console.log(`wrote ${path}`);
  }
}
if (check && stale > 0) process.exit(1);
