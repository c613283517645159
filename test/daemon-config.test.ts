/** Configuration files with mistakes: each refused whole, with the line and the reason; and the page of the keys. */
import { readFileSync } from 'node:fs';
import t from 'tap';
import { parseConfig } from '../lib/daemon/config.js';
import { DEFAULTS, KEYS, type Key, type KeyRow } from '../lib/daemon/config-keys.js';
import { CtiError } from '../lib/errors.js';
import { random } from './support/brute-force.js';

/** Every key as by default, a line each, as docs/daemon.md shows it. */
function wholeFile(): string[] {
  const lines: string[] = [];
  let group = '';
  for (const [key, row] of Object.entries(KEYS) as [Key, KeyRow<unknown>][]) {
    const [of = '', name = ''] = key.split('.');
    if (of !== group) lines.push(`${of}:`);
    group = of;
    lines.push(`  ${name}: ${row.shown}`);
  }
  return lines;
}

const refusal = (text: string): CtiError | undefined => {
  try {
    parseConfig(text, 'test.yaml');
    return undefined;
  } catch (error) {
    if (error instanceof CtiError && error.code === 'CONFIG') return error;
    throw error;
  }
};

t.test('what is right', (t) => {
  t.same(parseConfig(wholeFile().join('\n'), 'test.yaml'), DEFAULTS);
  t.same(parseConfig('', 'test.yaml'), DEFAULTS);
  t.same(parseConfig('# nothing\n', 'test.yaml'), DEFAULTS);
  const some = parseConfig('snapshots: { bytes: 64M, max_age: 1500ms }\nlog:\n  file: /var/log/c.log\n', 'test.yaml');
  t.match(some, {
    'snapshots.bytes': 64 << 20,
    'snapshots.max_age': 1500,
    'log.file': '/var/log/c.log',
    'reply.rows': 1000,
  });
  t.end();
});

t.test('what is wrong, by its line', (t) => {
  for (const [text, says] of [
    [
      'reply:\n  rows: many\n',
      /^test\.yaml, line 2: reply\.rows: expected a whole number from 1 to 1000000; received 'many'$/,
    ],
    ['reply:\n  rows: 0\n', /line 2: reply\.rows/],
    ['reply:\n  rowz: 5\n', /line 2: there is no key 'rowz' in reply; there is rows, bytes/],
    ['\nrepli:\n  rows: 5\n', /line 2: there is no group 'repli'; there is switch, socket/],
    ['reply: 5\n', /line 1: reply: expected its keys, indented/],
    ['- reply\n', /line 1: expected groups of keys/],
    ['reply:\n  rows: 5\n  rows: 6\n', /line 3: Map keys must be unique/],
    ['reply: {rows: 5\nlog:\n', /line \d/],
    ['reply:\n\trows: 5\n', /line 2/],
    ['reply:\n  rows: [5]\n', /line 2: reply\.rows: .* received 'a list or a map'/],
    ['a: &a [1]\nreply:\n  rows: *a\n', /line 1: there is no group 'a'/],
    ['reply:\n  rows: !!js/function "x"\n', /line 2/],
    ['socket:\n  mode: 750\n', /line 2: socket\.mode: expected rights in quotes/],
    ['log:\n  file: relative.log\n', /line 2: log\.file: expected an absolute path/],
    [
      'reply:\n  rows: 0\n  bytes: 1\nlog:\n  level: loud\n',
      /line 2: .*\n.*line 3: .*\n.*line 5: log\.level: expected one of off, emer/,
    ],
    [`reply:\n  rows: "\u001b[31m"\n`, /received '\\x1b\[31m'/],
  ] as const)
    t.match(refusal(text)?.message, says, JSON.stringify(text.slice(0, 40)));
  t.match(refusal(`reply:\n  rows: 5\n${'# x'.repeat(100_000)}`)?.message, /expected at most 262144 bytes/);
  t.end();
});

t.test('1,000 mutations of a file with every key', (t) => {
  const rand = random(7);
  const lines = wholeFile();
  const keyLines = lines.map((line, at) => ({ line, at })).filter(({ line }) => line.startsWith(' '));
  const garbage = [
    'maybe',
    '-1',
    '[1, 2]',
    '{ a: 1 }',
    '1e99',
    '"',
    "'",
    '!!binary x',
    '*none',
    '12 parsecs',
    '~~',
    '99999999999999999999',
    '@',
    '`',
  ];
  let nRefused = 0;
  for (let i = 0; i < 1000; i++) {
    const changed = [...lines];
    const { line, at } = keyLines[rand(keyLines.length)]!;
    const [name = '', value = ''] = line.split(': ');
    const key = `${lines
      .slice(0, at)
      .findLast((one) => !one.startsWith(' '))!
      .slice(0, -1)}.${name.trim()}` as Key;
    const kind = rand(6);
    // Where the mistake is to be seen; a quote or bracket that is not closed may be seen further down.
    if (kind === 0) changed[at] = `${name}: ${garbage[rand(garbage.length)]}`;
    else if (kind === 1) changed[at] = `${name}x: ${value}`;
    else if (kind === 2) changed.splice(at, 0, line);
    else if (kind === 3) changed[at] = `\t${line.trim()}`;
    else if (kind === 4) changed[at] = `${name} ${value}`;
    else changed[at] = `${name}: ${value}${String.fromCharCode(33 + rand(90))}`;
    const text = changed.join('\n');
    const error = refusal(text);
    if (!error) {
      // It may still mean something: then it means what the row reads, and all else is as it was.
      const config = parseConfig(text, 'test.yaml');
      const others = (Object.keys(KEYS) as Key[]).filter((other) => other !== key);
      if (kind >= 1 && kind <= 4) t.fail(`taken: ${changed[at]}`);
      for (const other of others) if (config[other] !== DEFAULTS[other]) t.fail(`${changed[at]} changed ${other}`);
      continue;
    }
    nRefused++;
    const numbers = [...error.message.matchAll(/^test\.yaml, line (\d+): (.+)$/gm)];
    if (numbers.length === 0 || numbers.length < error.message.split('\n').length - 1)
      t.fail(`no line: ${error.message}`);
    const first = Math.min(...numbers.map(([, n]) => Number(n)));
    if (first < at || first > changed.length + 1)
      t.fail(`line ${first} for a change in line ${at + 1}: ${error.message}`);
  }
  t.comment(`${nRefused} of 1000 refused`);
  t.ok(nRefused > 850, 'most are refused');
  t.end();
});

t.test('docs/daemon.md has every key as it is', (t) => {
  const page = readFileSync('docs/daemon.md', 'utf8');
  for (const [key, row] of Object.entries(KEYS) as [Key, KeyRow<unknown>][])
    t.ok(page.includes(`| \`${key}\` | \`${row.shown}\` | ${row.doc} |`), key);
  t.end();
});
