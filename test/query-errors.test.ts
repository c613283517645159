// What is said about a wrong question: each message once, with the characters it points at; and that nothing crashes or hangs.
import t, { type Test } from 'tap';
import { compileQuestion, NO_DICTIONARIES, questionOfCondition } from '../lib/compiler/index.js';
import { MAX_DEPTH, MAX_LENGTH } from '../lib/compiler/parse.js';
import { CtiError, type ErrorCode } from '../lib/errors.js';
import { DP_FLOWS } from '../lib/tables/generated/dp-flows.js';
import { random } from './support/brute-force.js';

const DICTIONARIES = {
  ...NO_DICTIONARIES,
  ports: [
    { name: 'veth-web', number: 1 },
    { name: 'veth-db', number: 2 },
    { name: 'br-int', number: 3 },
  ],
  datapaths: ['netdev@ovs-netdev'],
};

function errorOf(question: string): CtiError {
  try {
    compileQuestion(question, { schema: DP_FLOWS, dictionaries: DICTIONARIES, nRows: 10 });
  } catch (error) {
    if (error instanceof CtiError) return error;
    throw error;
  }
  throw new Error(`no error: ${question}`);
}

const WHERE = 'dp_flows | where ';

/** The part of the question between the marks ‹ and › is what the error must point at. */
function check(t: Test, code: ErrorCode, marked: string, message: RegExp, suggestions: readonly string[] = []): void {
  const question = marked.replace(/[‹›]/g, '');
  const start = marked.indexOf('‹');
  const error = errorOf(question);
  const details = error.details as {
    offset: number;
    length: number;
    line: number;
    column: number;
    suggestions: string[];
  };
  t.equal(error.code, code, question.slice(0, 80));
  t.match(error.message, message);
  t.equal(details.offset, start, `where: ${error.message}`);
  t.equal(details.length, marked.indexOf('›') - start - 1, `how long: ${error.message}`);
  t.same(details.suggestions, suggestions);
  const [, line, caret] = error.message.split('\n');
  t.equal(error.message.split('\n').length, 3, 'a sentence, the line, the caret');
  t.equal(caret!.indexOf('^') >= 2 && caret!.indexOf('^') <= line!.length, true, 'the caret is under the line');
}

t.test('syntax', async (t) => {
  const syntax = (marked: string, message: RegExp, suggestions: readonly string[] = []): void =>
    check(t, 'QUERY_SYNTAX', marked, message, suggestions);
  syntax(
    'dp_flows | ‹whre› hw',
    /expected avg, bottom, count, distinct, limit, max, min, show, sort, sum, top or where, received "whre"; did you mean where\?/,
    ['where'],
  );
  syntax('dp_flows | where tp_dst = ‹›', /expected a value, received the end of the question/);
  syntax(`${WHERE}‹𝒳› = 3`, /received "𝒳"/);
  syntax(
    `${WHERE}in_port = h1 ‹in_port› = h2`,
    /expected "\.\.", and, "or", the end of the question or "\|", received "in_port"/,
  );
  syntax('dp_flows | show nw_dst ‹nw_src›', /expected ",", the end of the question or "\|", received "nw_src"/);
  syntax('dp_flows | top ‹ten› by packets', /expected a whole number, received "ten"/);
  syntax('dp_flows | top 10 ‹packets›', /expected by, received "packets"/);
  syntax(`${WHERE}hw ‹adn› tcp`, /expected .*and.*received "adn"; did you mean and/, ['and']);
  syntax(`${WHERE}tp_dst = ‹"443›`.replace('443›', '›443'), /this quote is not closed: expected another "/);
  syntax(`${WHERE}in_port matches ‹/›veth`, /this pattern is not closed: expected another \//);
  syntax(`${WHERE}‹(›hw and tcp`, /this parenthesis is not closed: expected \)/);
  syntax(`${WHERE}tp_dst in ‹{›80, 443`, /this brace is not closed: expected }/);
  syntax(`${WHERE}tp_dst in ‹{›80)`, /this brace is closed by \): expected }/);
  syntax(`${WHERE}hw‹)›`, /nothing is open that this \) could close/);
  syntax(`${WHERE}in_port matches ‹/(/›`, /this is not a pattern .*: /);
  syntax(`${WHERE}${'('.repeat(MAX_DEPTH)}‹(›hw${')'.repeat(MAX_DEPTH + 1)}`, /more than 200 parentheses/);
  syntax(`${' '.repeat(MAX_LENGTH)}‹x›`, /a question has at most 65536 characters/);
  t.match(errorOf('dp_flows\n  | where hw\n  | whre tcp').details, { line: 3, column: 5 }, 'lines are counted');
});

t.test('an empty question has nothing to point at', async (t) => {
  for (const question of ['', ' \n ']) {
    const { code, message } = errorOf(question);
    t.equal(code, 'QUERY_SYNTAX');
    t.match(message, /^the question is empty: expected a table and stages, for example .*$/);
    const example = message.replace(/^.*for example /, '');
    t.doesNotThrow(() => compileQuestion(example, { schema: DP_FLOWS, dictionaries: DICTIONARIES, nRows: 1 }), example);
  }
});

t.test('names', async (t) => {
  const name = (marked: string, message: RegExp, suggestions: readonly string[] = []): void =>
    check(t, 'QUERY_NAME', marked, message, suggestions);
  name('‹dp_flow›', /there is no table called "dp_flow"; did you mean dp_flows\?/, ['dp_flows']);
  name(`${WHERE}‹nw_dts› = 10.0.0.1`, /dp_flows has no field called "nw_dts"; did you mean nw_dst\?/, ['nw_dst']);
  name('‹of_rules› | count', /there is no table called "of_rules"; there is dp_flows\n/);
  name('‹tcp›', /there is no table called "tcp": a question begins with one, dp_flows \| where/);
  name(`${WHERE}‹metadata› = 1`, /no field called "metadata"; `ctinspector tables dp_flows` lists them\n/);
  name(`${WHERE}‹drop›`, /no field or word called "drop"; did you mean does drop\?/, ['does drop']);
  name(`${WHERE}does ‹nothing_like_it›`, /no action called "nothing_like_it"; there are output, .*, lb_output\n/);
  name(`${WHERE}‹tcp› = 5`, /tcp is a word for a kind of packet, not a field: write it alone/);
  name(`${WHERE}‹tpc›`, /dp_flows has no field or word called "tpc"; did you mean tcp/, ['tcp']);
  name('dp_flows | top 3 by ‹packts›', /did you mean packets/, ['packets']);
  name(`${WHERE}layer = ‹ovss›`, /layer is one of ovs, tc, dpdk; received "ovss"; did you mean ovs\?/, ['ovs']);
  name(`${WHERE}ct_state = +trk+‹ets›`, /ct_state has the flags new, est, .*; received "ets"; did you mean est/, [
    'est',
  ]);
  name(`${WHERE}does ‹outptu›`, /there is no action called "outptu"; did you mean output\?/, ['output']);
  name(`${WHERE}in_port = ‹veth-wbe›`, /no port is called "veth-wbe" in this snapshot; did you mean veth-web/, [
    'veth-web',
  ]);
  name(`${WHERE}in_port = ‹eth99999›`, /in this snapshot; there are veth-web, veth-db, br-int/);
  name(`${WHERE}dp = ‹system›`, /no datapath is called "system"/);
  name(
    'dp_flows | count by in_port | where ‹nw_dst› = 10.0.0.1',
    /the result of count by in_port has no field called "nw_dst"; it has in_port, count\n/,
  );
});

t.test('types', async (t) => {
  const type = (marked: string, message: RegExp): void => check(t, 'QUERY_TYPE', marked, message);
  type(
    `${WHERE}tp_dst = ‹10.0.0.1›`,
    /tp_dst is compared with a number, for example .*; received an IPv4 address, "10\.0\.0\.1"/,
  );
  type(`${WHERE}nw_dst = ‹80›`, /nw_dst is compared with an IPv4 address.*; received a number/);
  type(`${WHERE}nw_dst = ‹10.0.0.256›`, /nw_dst is compared with an IPv4 address/);
  type(`${WHERE}ipv6_dst = ‹1::2::3›`, /ipv6_dst is compared with an IPv6 address/);
  type(`${WHERE}eth_src = ‹fe80::1›`, /eth_src is compared with a MAC address.*; received an IPv6 address/);
  type(`${WHERE}packets = ‹5s›`, /packets is compared with a number.*; received a duration/);
  type(`${WHERE}used > ‹5›`, /used_ms is compared with a duration, for example 5s/);
  type(`${WHERE}ufid = ‹12›`, /ufid is compared with a ufid/);
  type(`${WHERE}tp_dst = ‹70000›`, /tp_dst has 16 bits: expected 0\.\.65535, received 70000/);
  type(`${WHERE}pmd = ‹3000000000›`, /pmd has 32 bits: expected -2147483648\.\.2147483647/);
  type(`${WHERE}nw_frag = ‹300›`, /nw_frag has 8 bits: expected 0\.\.255 \(no, first, later\)/);
  type(`${WHERE}nw_dst = ‹10.0.0.0/33›`, /a prefix of nw_dst has 0 to 32 bits, received \/33/);
  type(`${WHERE}tp_dst = ‹80/0x10000›`, /the mask 0x10000 has more than the 16 bits of tp_dst/);
  type(`${WHERE}tp_dst in ‹2000..1000›`, /the range 2000\.\.1000 is empty/);
  type(`${WHERE}tp_dst in 1000..‹›`, /a range has a value on both sides/);
  type(`${WHERE}nw_dst in ‹10.0.0.0/8›..11.0.0.0`, /expected one value without a mask here/);
  type(`${WHERE}ct_state = ‹trk›`, /flags are written with a sign: expected \+trk or -trk/);
  type(`${WHERE}ct_state = ‹+trk-trk›`, /trk cannot be both set and clear/);
  type(`${WHERE}ct_state < ‹0x20›`, /ct_state has no order, so < means nothing there/);
  type(`${WHERE}hw in ‹no..partial›`, /hw has no order, so a range means nothing there/);
  type(`${WHERE}tp_dst < ‹80..90›`, /< takes one value: for a range write tp_dst in LO\.\.HI/);
  type(
    `${WHERE}‹in_port < veth-web›`,
    /in_port has no order, so < means nothing there \(their numbers have: odp_port\)/,
  );
  type(`${WHERE}in_port in {‹a..b›}`, /in_port has no order, so a range means nothing/);
  type(`${WHERE}in_port = ‹3›`, /ports go by name here; the datapath's number is odp_port = 3/);
  type(`${WHERE}‹actions = drop›`, /an action list is not compared as a whole: use does ACTION/);
  type(`${WHERE}‹in_port within veth-web›`, /within is for fields with values in between/);
  type(
    `${WHERE}‹packets within 1..5›`,
    /within is about what a flow matches, and packets is not part of the match: write packets in/,
  );
  type(`${WHERE}‹exactly packets = 5›`, /exactly is about what a flow matches/);
  type(`${WHERE}exactly tp_dst = ‹1..6›`, /exactly takes one value, a prefix or VALUE\/MASK/);
  type(
    `${WHERE}‹nw_dst is unknown›`,
    /a match is never unknown; for flows that do not look at nw_dst write not has nw_dst/,
  );
  type(`${WHERE}‹packets is unknown›`, /packets is never unknown/);
  type(`${WHERE}‹nw_dst matches /10/›`, /matches is for text \(dp, actions, in_port\)/);
  type(`${WHERE}to ‹a..b›`, /to takes the name of one port/);
  type(`${WHERE}sets ‹packets›`, /sets is for fields a set action can change: eth_src/);
  type(`${WHERE}‹nw_dst›`, /nw_dst is not a condition by itself: expected a comparison, .*, or has nw_dst/);
  type(`${WHERE}‹flow› = 5`, /flow is the whole row, .*: it can be shown, not compared/);
  type('dp_flows | sort by ‹flow›', /it can be shown, not ordered or counted by/);
  type('dp_flows | sort by ‹ipv6_dst›', /ipv6_dst has 128 bits and cannot be ordered by/);
  type('dp_flows | limit ‹0›', /expected a number from 1 to 4294967295, received 0/);
  type('dp_flows | count | ‹limit 3›', /count gives one number: nothing can follow it/);
  type('dp_flows | count by in_port, ‹in_port›', /in_port is there twice/);
  type('dp_flows | count by in_port | count by ‹count›', /count is there twice: give one another name with as/);
  type('dp_flows | ‹show packets› | count by in_port', /count has columns of its own: put show after it/);
  type('dp_flows | count by in_port | where ‹does ct›', /there are no actions after count by/);
  type(`${WHERE}covers(‹not hw›)`, /covers\(\.\.\.\) describes one packet/);
  type(`${WHERE}covers(‹nw_dst›)`, /in covers\(\.\.\.\) a field needs a value: nw_dst = /);
  type(`${WHERE}covers(‹packets = 5›)`, /covers is about what a flow matches/);
  type(`${WHERE}covers(‹in_port != br-int›)`, /in covers\(\.\.\.\) a port is given by = or in/);
  type(
    `${WHERE}covers(tcp_dst = 80, ‹udp_dst = 53›)`,
    /no packet is like that: this contradicts what covers\(\.\.\.\) says of nw_proto before/,
  );
  type(
    `${WHERE}covers(in_port = br-int, ‹in_port = veth-db›)`,
    /this contradicts what covers\(\.\.\.\) says of in_port/,
  );
  const masks = Array.from(
    { length: 128 },
    (_, i) =>
      `0:0:0:0:0:0:${(i * 37).toString(16)}:0/1111:${(i * 403).toString(16)}:8421:${(i * 31).toString(16)}:aaaa:1248:ffff:${i.toString(16)}`,
  );
  type(`${WHERE}‹ipv6_dst within {${masks.join(', ')}}›`, /this has no exact answer within reasonable work/);
});

t.test('aggregates', async (t) => {
  const type = (marked: string, message: RegExp): void => check(t, 'QUERY_TYPE', marked, message);
  type('dp_flows | sum(‹nw_src›)', /sum takes numbers and durations, and nw_src is none; count distinct nw_src says/);
  type('dp_flows | min(‹in_port›) by hw', /min takes numbers, durations and addresses, and in_port is none/);
  type('dp_flows | max(‹ipv6_dst›)', /max takes numbers of up to 64 bits, and ipv6_dst has 128/);
  type('dp_flows | avg(‹pmd›)', /avg takes amounts, and pmd can be negative/);
  type('dp_flows | max(‹flow›)', /it can be shown, not ordered or counted by/);
  type('dp_flows | distinct in_port, ‹in_port›', /in_port is there twice: give one another name with as/);
  type('dp_flows | sum(bytes) as b, ‹sum(packets) as B› by hw', /b is there twice/);
  type('dp_flows | ‹show hw› | sum(bytes)', /the stage that follows has columns of its own: put show after it/);
  type(
    'dp_flows | count by hw ‹all passes›',
    /all passes says that sum\(packets\) or sum\(bytes\) counts a packet in each pass/,
  );
  type(
    'dp_flows | sum(bytes) as b by hw | sum(b) ‹all passes›',
    /all passes is about counters of megaflows: .* has none/,
  );
  type(
    'dp_flows | avg(bytes) as a by hw | where a > ‹1.23456›',
    /a has 3 digits behind its point, rounded down; received/,
  );
  type(
    'dp_flows | avg(bytes) as a by hw | where a > ‹10.0.0.1›',
    /a is compared with a number.*received an IPv4 address/,
  );
  check(
    t,
    'QUERY_NAME',
    'dp_flows | sum(bytes) as b by hw | top 3 by ‹c›',
    /has no field called "c"; did you mean b\?/,
    ['b'],
  );
  check(t, 'QUERY_NAME', 'dp_flows | count distinct hw, ‹sum(bytes)›', /dp_flows has no field called "sum_bytes"/);
  check(t, 'QUERY_SYNTAX', 'dp_flows | sum ‹by› hw', /expected "\(" or a name, received "by"/);
  check(
    t,
    'QUERY_SYNTAX',
    'dp_flows | sum(bytes) all ‹pases›',
    /expected passes, received "pases"; did you mean passes/,
    ['passes'],
  );
});

t.test('what is shown of a question cannot drive a terminal, and long lines are cut', async (t) => {
  const error = errorOf(`${WHERE}hw and\u001b[31m red`);
  t.notOk(error.message.includes('\u001b'));
  const long = errorOf(`${WHERE}${'hw and '.repeat(300)}nw_dts = 1 ${'and hw '.repeat(300)}`);
  const [, line, caret] = long.message.split('\n');
  t.ok(line!.length <= 102);
  t.equal(line!.slice(caret!.indexOf('^')).startsWith('nw_dts'), true);
});

t.test('a condition alone is reported at its own characters', async (t) => {
  t.equal(questionOfCondition('dp_flows', ' hw '), 'dp_flows | where  hw ');
  t.equal(questionOfCondition('dp_flows', ' '), 'dp_flows');
  t.throws(() => questionOfCondition('dp_flows', 'hw | count'), {
    code: 'QUERY_SYNTAX',
    message: /^this is a condition, and \| begins a stage: ask query 'dp_flows \| where CONDITION \| STAGE'\n/,
    details: { offset: 3 },
  });
});

t.test('ten thousand mutated questions: an answer or a CtiError, and soon', async (t) => {
  const seeds = [
    'dp_flows | where tcp and nw_dst within 10.0.0.0/8 and not hw | top 10 by packets | show in_port, nw_src, actions',
    'dp_flows | where covers(nw_dst=10.1.2.3, tp_dst in {80, 443, 8000..8100}) or exactly tp_dst = 80/0xfff0 | count by in_port, nw_dst',
    'dp_flows | where in_port matches /veth[0-9]+/i and ct_state = +trk-inv | sort desc by bytes | limit 5 | count',
    'dp_flows | where does ct, to veth-web, sets nw_dst && !(used > 5s || hw is not unknown) | bottom 3 by used',
    'dp_flows | where ipv6_dst = fd00::/8 and eth_src = 00:11:22:33:44:55/ff:ff:ff:00:00:00 | count by eth_type | where count > 3',
  ];
  const rand = random(99);
  const parts = [
    ...new Set(seeds.join(' ').split(/\b/)),
    '(',
    ')',
    '{',
    '}',
    '"',
    "'",
    '/',
    '..',
    '!',
    '|',
    '\\',
    '\0',
    '😀',
    '\n',
    '0x',
    '::',
    '/0',
  ];
  const codes = new Map<string, number>();
  const begin = performance.now();
  for (let i = 0; i < 10_000; i++) {
    let question = seeds[rand(seeds.length)]!;
    for (let n = 1 + rand(4); n > 0; n--) {
      const at = rand(question.length + 1);
      const cut = rand(3) === 0 ? rand(12) : 0;
      const put = rand(3) === 0 ? '' : rand(4) === 0 ? String.fromCharCode(rand(0x300)) : parts[rand(parts.length)]!;
      question = question.slice(0, at) + put + question.slice(at + cut);
    }
    let code = 'answered';
    try {
      compileQuestion(question, { schema: DP_FLOWS, dictionaries: DICTIONARIES, nRows: 10 });
    } catch (error) {
      if (!(error instanceof CtiError))
        throw new Error(`not a CtiError for ${JSON.stringify(question)}`, { cause: error });
      code = error.code;
    }
    codes.set(code, (codes.get(code) ?? 0) + 1);
  }
  t.same(
    [...codes.keys()].sort(),
    ['QUERY_NAME', 'QUERY_SYNTAX', 'QUERY_TYPE', 'answered'],
    `all ends seen: ${JSON.stringify([...codes])}`,
  );
  t.ok(performance.now() - begin < 60_000, 'no question takes long');
});
