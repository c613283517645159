// The compiler's passes one by one: syntax tree, exact sets, normal form, plan, assembler; and explain.
import { readFileSync } from 'node:fs';
import t from 'tap';
import { checkQuestion as checkAnyTable } from '../lib/cli/check-question.js';
import { Assembler } from '../lib/compiler/assembler.js';
import { checkQuestion } from '../lib/compiler/check.js';
import { factsOf } from '../lib/compiler/codegen-tests.js';
import { relationOf, resolve } from '../lib/compiler/columns.js';
import { type Cube, complement, fromIntervals, intersect, isSubset, prefixesOf, union } from '../lib/compiler/cubes.js';
import { nearest } from '../lib/compiler/diagnostics.js';
import { ranks } from '../lib/compiler/dictionaries.js';
import { compileQuestion, NO_DICTIONARIES } from '../lib/compiler/index.js';
import { literals, type Normal, normalForm } from '../lib/compiler/normal-form.js';
import { parseCondition, parseQuestion } from '../lib/compiler/parse.js';
import { planOf } from '../lib/compiler/plan.js';
import { parseIpv4, parseIpv6, parseMac } from '../lib/compiler/values.js';
import { explain } from '../lib/query/explain.js';
import { runQuestion } from '../lib/query/run.js';
import { Program } from '../lib/runner/program.js';
import { DP_FLOWS } from '../lib/tables/generated/dp-flows.js';
import { random } from './support/brute-force.js';
import { makeSnapshot } from './support/snapshot.js';

const RELATION = relationOf(DP_FLOWS);
const HW = RELATION.columns.get('hw')!.values!;

t.test('parse: shape and precedence, with places', async (t) => {
  t.match(parseCondition('a or b and not c'), {
    kind: 'or',
    terms: [
      { kind: 'bare' },
      { kind: 'and', terms: [{ kind: 'bare' }, { kind: 'not', term: { field: { text: 'c' } } }] },
    ],
  });
  t.match(parseCondition('a, b && c || d'), {
    kind: 'or',
    terms: [{ kind: 'and', terms: [{}, {}, {}] }, { kind: 'bare' }],
  });
  t.match(parseCondition('not not a'), { kind: 'bare' });
  t.match(parseCondition('!a=b'), { kind: 'not', term: { kind: 'compare', op: '=', value: { text: 'b' } } });
  t.match(parseCondition('x in {1..2, 3 .. 4, fe80::1, a-b@if3}'), {
    values: [
      { kind: 'range', lo: { text: '1' }, hi: { text: '2' } },
      { kind: 'range' },
      { text: 'fe80::1' },
      { text: 'a-b@if3' },
    ],
  });
  t.match(parseCondition('in_port = "a \\" b"'), { value: { text: 'a " b', quoted: true } });
  t.match(parseCondition('android = 1 and notes = 2'), {
    terms: [{ field: { text: 'android' } }, { field: { text: 'notes' } }],
  });
  t.match(parseQuestion('T|where a=1|top 3 by b|sort c desc|limit 9|show d,e|count by f'), {
    stages: [
      { kind: 'where', span: { start: 2, end: 11 } },
      { kind: 'top', n: { text: '3' } },
      { kind: 'sort', descending: true },
      { kind: 'limit' },
      { kind: 'show' },
      {
        kind: 'aggregate',
        aggregates: [{ fn: 'count', fields: [] }],
        keys: [{ text: 'f', span: { start: 61, end: 62 } }],
      },
    ],
  });
});

t.test('names: aliases, parts, what they require', async (t) => {
  const at = (text: string) => resolve('', RELATION, { text, span: { start: 0, end: 0 } }, []);
  t.equal(at('dl_dst'), at('eth_dst'));
  t.equal(at('DL_VLAN').name, 'vlan_vid');
  t.match(at('vlan_pcp'), { shift: 13, width: 3, base: 'match' });
  t.match(at('tcp_dst').requires, [
    { column: { name: 'eth_type' } },
    { column: { name: 'nw_proto' }, cubes: [{ value: 6n }] },
  ]);
  t.match(at('ipv6_dst'), { base: 'ipv6', size: 16, maskAt: Number });
  t.throws(() => at('packet_type'), { code: 'QUERY_NAME' }, 'internal fields have no name');
  for (const column of RELATION.columns.values()) t.ok(column.doc.length > 0, column.name);
});

t.test('nearest names', async (t) => {
  t.same(nearest('nw_dts', RELATION.columns.keys()), ['nw_dst']);
  t.same(nearest('pakcets', ['packets', 'bytes']), ['packets']);
  t.same(nearest('zzzzzz', RELATION.columns.keys()), []);
});

t.test('values: addresses', async (t) => {
  t.equal(parseIpv4('10.0.0.255'), 0x0a0000ffn);
  t.equal(parseMac('0:1:2:3:4:ff'), 0x0001020304ffn);
  t.equal(parseIpv6('fd00::1'), (0xfd00n << 112n) | 1n);
  t.equal(parseIpv6('::ffff:10.0.0.1'), (0xffffn << 32n) | 0x0a000001n);
  t.equal(parseIpv6('::'), 0n);
  t.equal(parseIpv6('1:2:3:4:5:6:7:8'), 0x0001_0002_0003_0004_0005_0006_0007_0008n);
  for (const wrong of ['1::2::3', ':::', '1:2:3', 'fffff::', '1:2:3:4:5:6:7:8:9', '::10.0.0.256', '10.0.0.1', 'g::'])
    t.equal(parseIpv6(wrong), undefined, wrong);
  for (const wrong of ['10.0.0', '256.0.0.1', '1.2.3.4.5', '']) t.equal(parseIpv4(wrong), undefined, wrong);
});

t.test('sets are exact: every value of 8 bits', async (t) => {
  const rand = random(21);
  const has = (cubes: readonly Cube[], v: number): boolean =>
    cubes.some(({ value, mask }) => (BigInt(v) & mask) === value);
  const all = Array.from({ length: 256 }, (_, v) => v);
  const someCubes = (): Cube[] =>
    Array.from({ length: 1 + rand(5) }, () => {
      const mask = BigInt(rand(256));
      return { value: BigInt(rand(256)) & mask, mask };
    });
  for (let i = 0; i < 300; i++) {
    const [lo, hi] = [rand(256), rand(256)].sort((a, b) => a - b) as [number, number];
    const prefixes = prefixesOf({ lo: BigInt(lo), hi: BigInt(hi) }, 8);
    t.ok(
      all.every((v) => has(prefixes, v) === (v >= lo && v <= hi)),
      `${lo}..${hi}`,
    );
    t.ok(
      prefixes.length <= 14 && prefixes.every(({ mask }) => ((mask ^ 255n) & ((mask ^ 255n) + 1n)) === 0n),
      'few, and prefixes',
    );
    const range = fromIntervals([{ lo: BigInt(lo), hi: BigInt(hi) }], 8);
    const [a, b] = [someCubes(), someCubes()];
    t.ok(
      all.every((v) => has(complement({ cubes: a }, 8), v) !== has(a, v)),
      'complement of cubes',
    );
    t.ok(
      all.every((v) => has(complement(range, 8), v) !== has(prefixes, v)),
      'complement of a range',
    );
    t.ok(
      all.every((v) => has(intersect(a, b), v) === (has(a, v) && has(b, v))),
      'intersection',
    );
    t.ok(
      all.every(
        (v) =>
          has(union([{ cubes: a }, { cubes: b }, range], 8).cubes, v) === (has(a, v) || has(b, v) || has(prefixes, v)),
      ),
      'union',
    );
    t.equal(
      isSubset(a, b),
      all.every((v) => !has(a, v) || has(b, v)),
      'subset',
    );
  }
  const scattered = Array.from({ length: 40 }, (_, i) => ({ value: 0n, mask: 0b1001n << BigInt(i * 3) }));
  t.throws(() => complement({ cubes: scattered }, 128), { name: 'TooManyCubes' });
});

const check = (question: string) => checkQuestion(question, parseQuestion(question), RELATION, NO_DICTIONARIES);

function normal(condition: string): Normal {
  const [step] = check(`dp_flows | where ${condition}`).steps;
  if (step?.kind !== 'filter') throw new Error('no filter');
  return normalForm(step.formula);
}

const shape = (form: Normal): string => {
  if (form.kind === 'constant') return `${form.value}`;
  if (form.kind === 'literal') return `${form.negated ? '!' : ''}${'column' in form.test ? form.test.column.name : ''}`;
  return `${form.kind}(${form.terms.map(shape).join(' ')})`;
};

t.test('normal form: negations at the tests, flat, without constants', async (t) => {
  t.equal(
    shape(normal('not (hw and (packets > 1 or not bytes > 2))')),
    'or(hw and(!packets bytes))'.replace('hw', 'hw'),
  );
  t.equal(shape(normal('tp_dst = 1 and (tp_src = 2 and nw_ttl = 3)')), 'and(tp_dst tp_src nw_ttl)');
  t.equal(shape(normal('packets < 0 or hw is unknown')), '!hw');
  t.equal(shape(normal('packets < 0 and hw')), 'false');
  t.equal(shape(normal('not packets < 0')), 'true');
  t.equal(shape(normal('not tcp')), 'or(!eth_type !nw_proto)');
  t.equal([...literals(normal('tcp or hw'))].length, 3);
});

t.test('what a test shows makes a requirement needless', async (t) => {
  const [ethType] = literals(normal('tcp'));
  t.match(factsOf(ethType!.test), [{ field: /^match\+/, cubes: [{ value: 0x800n }, { value: 0x86ddn }] }]);
  const size = (question: string): number =>
    Program.load(compileQuestion(question, { schema: DP_FLOWS, dictionaries: NO_DICTIONARIES, nRows: 1 }).spec).nSlots;
  const alone = size('dp_flows | where tcp_dst = 80') + size('dp_flows | where tcp');
  t.ok(size('dp_flows | where tcp and tcp_dst = 80') < alone - 40, 'tcp, then tcp_dst');
});

const listingOf = (question: string): string => explain(question, { schema: DP_FLOWS }).listing;

t.test(
  'a test that ends the evaluation leads into the second one; only what an or goes on after is noted',
  async (t) => {
    const notes = (condition: string): boolean => / r5 /.test(listingOf(`dp_flows | where ${condition}`));
    t.notOk(notes('tcp and nw_dst = 10.0.0.1 and not (tp_dst in {80, 443})'));
    t.notOk(notes('hw and tp_dst = 80'));
    t.notOk(notes('tp_src = 80 and (packets > 5 or tp_dst = 80)'), 'soft in the last term only');
    t.ok(notes('tp_dst = 80 or packets > 5'));
    t.ok(notes('tp_src = 80 and (tp_dst = 80 or packets > 5)'));
    t.notOk(notes('not tp_dst = 80 or packets > 5'), 'a negation cannot carry');
    t.ok(notes('not hw or packets > 5'), 'but can be unknown');
  },
);

t.test('rows that only could pass, entered at each test of a conjunction', async (t) => {
  // What a flow matches of tp_src, nw_ttl and nw_tos: the value asked for, another, or it does not look; hw: yes, no, not known.
  const rows = Array.from({ length: 81 }, (_, i) => {
    const [a, b, c, d] = [i % 3, Math.floor(i / 3) % 3, Math.floor(i / 9) % 3, Math.floor(i / 27)] as const;
    const field = (n: number, all: number) => (n === 2 ? [0, 0] : [n === 0 ? 7 : 8, all]) as [number, number];
    return {
      eth_type: [0x0800, 0xffff],
      nw_proto: [6, 255],
      tp_src: field(a, 0xffff),
      nw_ttl: field(b, 255),
      nw_tos: field(c, 255),
      ...(d < 2 && { hw: d === 0 ? HW.yes! : HW.no! }),
    } as const;
  });
  const { answer, facts } = await runQuestion(
    'dp_flows | where tp_src = 7 and nw_ttl = 7 and hw and nw_tos = 7',
    makeSnapshot({ rows }),
  );
  t.same(answer.kind === 'rows' && [...answer.rows], [0]);
  t.equal(facts.undecided, 1, 'all fields as asked, hw not known');
  // With hw each field as asked or not looked at, less the one that passes.
  t.match(facts.couldCarry, { rows: 7, byField: { tp_src: 4, nw_ttl: 4, nw_tos: 4 } });
});

t.test('a set is compared as values where the flow looks at all bits', async (t) => {
  const listing = listingOf('dp_flows | where tp_dst in {80, 443, 1000..2000}');
  for (const line of ['r1 != 0xffff', 'r0 == 0x50', 'r0 == 0x1bb', 'r0 <= 0x7d0']) t.match(listing, line);
  t.notMatch(listingOf('dp_flows | where tp_dst = 80'), 'r1 != 0xffff', 'one value is one test as it is');
  const port = (key: number, mask: number) =>
    ({ eth_type: [0x0800, 0xffff], nw_proto: [6, 255], tp_dst: [key, mask] }) as const;
  const rows = [
    port(80, 0xffff),
    port(81, 0xffff),
    port(1000, 0xffff),
    port(2000, 0xffff),
    port(2001, 0xffff),
    port(999, 0xffff),
    port(0, 0),
    port(64, 0xffc0),
    port(0, 0xffc0),
  ];
  const shown = async (condition: string) => {
    const { answer } = await runQuestion(`dp_flows | where ${condition}`, makeSnapshot({ rows }));
    return answer.kind === 'rows' && [...answer.rows];
  };
  t.same(await shown('tp_dst in {80, 443, 1000..2000}'), [0, 2, 3, 7]);
  t.same(await shown('tp_dst not in {80, 443, 1000..2000}'), [1, 4, 5, 8]);
  t.same(await shown('covers(tp_dst = 1000..2000)'), [2, 3, 6]);
});

t.test('plan: loops', async (t) => {
  const steps = (question: string): string[] =>
    planOf(check(question)).steps.map((step) =>
      'sink' in step ? `${step.over} ${step.source.kind} ${step.sink.kind}` : `truncate ${step.truncate}`,
    );
  t.same(steps('dp_flows'), ['all table list']);
  t.same(
    steps('dp_flows | where hw | where tcp | top 3 by packets'),
    ['all table top'],
    'conditions one after another are one filter',
  );
  t.same(steps('dp_flows | top 3 by packets | where hw | limit 2'), ['all table top', 'list table list']);
  t.same(steps('dp_flows | sort by packets | limit 2 | count'), ['all table sort', 'truncate 2', 'list table count']);
  t.same(steps('dp_flows | count by hw'), ['all table group', 'all groups sort']);
  t.same(steps('dp_flows | count by hw | top 2 by count | count by hw'), [
    'all table group',
    'all groups top',
    'list groups group',
    'all groups sort',
  ]);
});

t.test('ranks of names', async (t) => {
  t.same([...ranks(['b', undefined, 'a', 'b'])], [2, 0, 1, 2]);
  t.same([...ranks([10, 9, undefined])], [2, 1, 0]);
});

/** Runs a program that leaves its result in r0. */
function run(build: (asm: Assembler) => void): { r0: bigint; nSlots: number } {
  const asm = new Assembler();
  build(asm);
  asm.exit();
  const program = Program.load({ code: asm.finish().code, kernelFunctions: 'ctinspector' });
  const result = program.run();
  if (result.kind !== 'exited') throw new Error(result.kind);
  return { r0: result.r0, nSlots: program.nSlots };
}

t.test('assembler: constants of every size', async (t) => {
  for (const value of [
    0n,
    1n,
    -1n,
    0x7fff_ffffn,
    0x8000_0000n,
    0xffff_ffffn,
    0x1_0000_0000n,
    0xffff_ffff_8000_0000n,
    0x0123_4567_89ab_cdefn,
    (1n << 64n) - 1n,
  ]) {
    t.equal(run((asm) => asm.constant(0, value)).r0, BigInt.asUintN(64, value), `${value}`);
    const xor = run((asm) => {
      asm.constant(0, 5n);
      asm.aluConstant('xor', 0, value, 1);
    });
    t.equal(xor.r0, BigInt.asUintN(64, value ^ 5n), `5 ^ ${value}`);
  }
  for (const [value, nSlots] of [
    [0x7fff_ffffn, 3],
    [0xff00_0000n, 3],
  ] as const) {
    const narrow = run((asm) => {
      asm.constant(0, 0x0a01_0203n);
      asm.aluConstant('xor', 0, value, 1, 32);
    });
    t.same(narrow, { r0: 0x0a01_0203n ^ value, nSlots }, `32 bits: ${value}`);
  }
  for (const [a, b] of [
    [5n, 6n],
    [0xffff_fff0n, 0xffff_fff1n],
    [1n << 40n, (1n << 40n) + 1n],
  ] as const) {
    const taken = (op: 'lt' | 'ge' | 'eq' | 'set', x: bigint, y: bigint, width: number): bigint =>
      run((asm) => {
        const yes = asm.label();
        asm.constant(1, x);
        asm.constant(0, 1n);
        asm.jumpConstant(op, 1, y, yes, 2, width);
        asm.constant(0, 0n);
        asm.bind(yes);
      }).r0;
    for (const width of a < 1n << 32n ? [32, 64] : [64]) {
      t.equal(taken('lt', a, b, width), 1n);
      t.equal(taken('lt', b, a, width), 0n);
      t.equal(taken('ge', a, b, width), 0n);
      t.equal(taken('eq', a, a, width), 1n);
      t.equal(taken('set', a, a, width), 1n);
    }
  }
});

t.test('assembler: jumps that go nowhere are gone, far ones are long', async (t) => {
  const tidy = run((asm) => {
    const [a, b, c] = [asm.label(), asm.label(), asm.label()];
    asm.constant(0, 1n);
    asm.goto(a);
    asm.bind(a);
    asm.jumpConstant('eq', 0, 1n, b, 1);
    asm.goto(c);
    asm.bind(b);
    asm.constant(0, 2n);
    asm.bind(c);
  });
  t.same(tidy, { r0: 2n, nSlots: 4 });
  for (const start of [0n, 1n]) {
    const far = run((asm) => {
      const [top, out, end] = [asm.label(), asm.label(), asm.label()];
      asm.constant(0, start);
      asm.constant(1, 3n);
      asm.bind(top);
      asm.jumpConstant('eq', 0, 1n, out, 2);
      for (let i = 0; i < 40_000; i++) asm.aluConstant('add', 0, 2n, 2);
      asm.aluConstant('sub', 1, 1n, 2);
      asm.jumpConstant('ne', 1, 0n, top, 2);
      asm.goto(end);
      asm.bind(out);
      asm.constant(0, 77n);
      asm.bind(end);
    });
    t.equal(far.r0, start === 1n ? 77n : 240_000n, `from ${start}`);
  }
});

t.test('a large question makes a large program, and that runs', async (t) => {
  const values = Array.from({ length: 6000 }, (_, i) => i * 7).join(', ');
  const row = (port: number) => ({ eth_type: [0x0800, 0xffff], nw_proto: [6, 255], tp_dst: [port, 0xffff] }) as const;
  const snapshot = makeSnapshot({ rows: [row(7 * 5999), row(7 * 5999 + 1), row(0), row(65_535)] });
  const { answer, facts } = await runQuestion(`dp_flows | where tp_dst in {${values}, 65535/0xf001}`, snapshot);
  t.same(answer.kind === 'rows' && [...answer.rows], [0, 2, 3]);
  t.ok(facts.programSlots > 70_000, 'long jumps are needed');
});

t.test('every example of docs/questions.md is a question', async (t) => {
  const text = readFileSync(new URL('../docs/questions.md', import.meta.url), 'utf8');
  const blocks = [...text.matchAll(/```\n([^`]*)```/g)].flatMap(([, block]) => block!.trim().split('\n'));
  const quoted = [...text.matchAll(/^\| (`[^|]*`[^|]*) \|/gm)].flatMap(([, cell]) =>
    [...cell!.matchAll(/`([^`]+)`/g)].map(([, code]) => code!),
  );
  const isCondition = (code: string): boolean =>
    /^[a-z].*[ ()=]|^(hw|tcp|udp|sctp|icmp6?|arp|ip|ipv6)$/.test(code) && !/[A-Z]|^(sort|not in|changes)/.test(code);
  const conditions = quoted.filter(isCondition).map((code) => `dp_flows | where ${code}`);
  t.ok(blocks.length >= 3 && conditions.length >= 25, `${blocks.length} questions, ${conditions.length} conditions`);
  for (const question of blocks) t.doesNotThrow(() => checkAnyTable(question), question);
  for (const question of conditions) t.doesNotThrow(() => check(question), question);
});

t.test('every question of README.md and scripts/demo is a question', async (t) => {
  const text = (name: string): string => readFileSync(new URL(`../${name}`, import.meta.url), 'utf8');
  const asked = (name: string): string[] => [...text(name).matchAll(/'(dp_flows \|[^']+)'/g)].map(([, code]) => code!);
  const readme = [
    ...asked('README.md'),
    ...[...text('README.md').matchAll(/ flows '([^']+)'/g)].map(([, c]) => `dp_flows | where ${c}`),
  ];
  const demo = asked('scripts/demo');
  t.ok(
    readme.length >= 2 && demo.length === 5,
    `${readme.length} questions in README.md, ${demo.length} in scripts/demo`,
  );
  for (const question of [...readme, ...demo]) t.doesNotThrow(() => checkAnyTable(question), question);
});

t.test('explain: plan and program, without a switch', async (t) => {
  const { plan, listing, programSlots } = explain(
    'dp_flows | where tcp and in_port = veth1 | top 3 by packets | show in_port',
    { schema: DP_FLOWS },
  );
  t.equal(
    plan,
    '1. scan all rows -> where tcp and in_port = veth1 -> keep the 3 with the largest packets\n2. show in_port',
  );
  for (const comment of ['; tcp', '; in_port = veth1', '; for each row', '; topk_offer', '; open dp_flows'])
    t.match(listing, comment);
  t.equal(listing.split('\n').filter((line) => !line.startsWith(';')).length, programSlots);
});
