// Makes lib/compiler/generated/parser.js from lib/compiler/grammar.peggy (part of `npm run build`; not checked in).
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import peggy from 'peggy';

const dir = join(resolve(dirname(fileURLToPath(import.meta.url)), '../..'), 'lib/compiler');
const source = peggy.generate(readFileSync(join(dir, 'grammar.peggy'), 'utf8'), {
  output: 'source',
  format: 'es',
  allowedStartRules: ['Question', 'ConditionOnly', 'DefinitionOnly'],
  grammarSource: 'grammar.peggy',
});
mkdirSync(join(dir, 'generated'), { recursive: true });
writeFileSync(join(dir, 'generated/parser.js'), source);
