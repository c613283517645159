// What is said about a wrong question: each message once, with the characters it points at; and that nothing crashes or hangs.
// Takes 11 s.
import t, { type Test } from 'tap';
import { compileQuestion, NO_DICTIONARIES, parseNames, questionOfCondition } from '../lib/compiler/index.js';
import { MAX_DEPTH, MAX_LENGTH } from '../lib/compiler/parse.js';
import { CtiError, type ErrorCode } from '../lib/errors.js';
import { CT } from '../lib/tables/generated/ct.js';
import { DP_FLOWS } from '../lib/tables/generated/dp-flows.js';
import { OF_RULES } from '../lib/tables/generated/of-rules.js';
import { PORTS } from '../lib/tables/generated/ports.js';
import { random } from './support/brute-force.js';
import { diagnosticSites, siteOf } from './support/diagnostic-sites.js';

const DICTIONARIES = {
  ...NO_DICTIONARIES,
  ports: [
    { name: 'veth-web', number: 1 },
    { name: 'veth-db', number: 2 },
    { name: 'br-int', number: 3 },
  ],
  datapaths: ['netdev@ovs-netdev'],
};

/** All that was said, for the test that every message has a case here. */
const said: CtiError[] = [];

function caught(what: string, make: () => unknown): CtiError {
  try {
    make();
  } catch (error) {
    if (!(error instanceof CtiError)) throw error;
    said.push(error);
    return error;
  }
  throw new Error(`no error: ${what}`);
}

const OWN = `let web = tp_dst in {80, 443}
let servers = {10.0.0.1, 10.1.0.0/16}
let mark = tcp`;
const NAMES = parseNames(OWN, 'own');

const errorOf = (question: string, schema = DP_FLOWS): CtiError =>
  caught(question, () => compileQuestion(question, { schema, dictionaries: DICTIONARIES, nRows: 10, names: NAMES }));

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
    /expected avg, bottom, changes, count, distinct, limit, max, min, show, sort, sum, top or where, received "whre"; did you mean where\?/,
    ['where'],
  );
  for (const [word, meant] of [
    ['head', 'limit'],
    ['SELECT', 'show'],
    ['order', 'sort'],
    ['group', 'count by'],
    ['filter', 'where'],
  ] as const)
    syntax(`dp_flows | ‹${word}› x`, new RegExp(`received "${word}"; did you mean ${meant}\\?`), [meant]);
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
  name('‹of_rules› | count', /there is no table called "of_rules": a question begins with one; there is dp_flows\n/);
  name('‹tcp›', /there is no table called "tcp": a question begins with one, dp_flows \| where/);
  name(
    `${WHERE}‹metadata› = 1`,
    /metadata is scratch space while a packet goes through the OpenFlow tables, .*ovs-appctl ofproto\/trace/,
  );
  name(`${WHERE}‹recirc›`, /no field or word called "recirc"; did you mean does recirc\?/, ['does recirc']);
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
  type(
    `${WHERE}in_port = ‹3›`,
    /ports go by name here: 3 may be the datapath's number \(odp_port = 3\) or an OpenFlow number/,
  );
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
  type(`${WHERE}covers(tp_dst < ‹1..5›)`, /< takes one value/);
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

t.test('derived columns', async (t) => {
  const type = (marked: string, message: RegExp): void => check(t, 'QUERY_TYPE', marked, message);
  const name = (marked: string, message: RegExp, suggestions: readonly string[] = []): void =>
    check(t, 'QUERY_NAME', marked, message, suggestions);
  name(`${WHERE}out_port = ‹veth-wbe›`, /no port is called "veth-wbe" in this snapshot/, ['veth-web']);
  name(`${WHERE}drop_reason = ‹stack_to_deep›`, /drop_reason is one of of_pipeline, .*; received "stack_to_deep"/, [
    'stack_too_deep',
  ]);
  type(`${WHERE}out_port in {‹a..b›}`, /out_port has no order, so a range means nothing there/);
  type(`${WHERE}‹out_port < veth-web›`, /out_port has no order, so < means nothing there: use =, != or in/);
  type(`${WHERE}encap.vni > ‹5..6›`, /> takes one value: for a range write encap\.vni in LO\.\.HI/);
  type(`${WHERE}encap.dst = ‹80›`, /encap\.dst is compared with an IPv4 address.*received a number/);
  type(`${WHERE}encap.dst = ‹fd00::zz›`, /encap\.dst is compared with an IPv6 address/);
  type(`${WHERE}encap.vni = ‹10.0.0.1›`, /encap\.vni is compared with a number.*received an IPv4 address/);
  type(`${WHERE}age > ‹5›`, /age is compared with a duration, for example 5s/);
  type(`${WHERE}‹out_port within veth-web›`, /within is for addresses and for what a flow matches: write out_port in/);
  type(`${WHERE}‹encap.vni matches /5/›`, /matches is for text, and encap\.vni is no text/);
  type(`${WHERE}‹exactly drop = yes›`, /exactly is about what a flow matches, and drop is not part of the match/);
  type(`${WHERE}covers(‹out_port = veth-web›)`, /covers is about what a flow matches, and out_port is not/);
  type(`${WHERE}‹out_port›`, /out_port is not a condition by itself/);
});

t.test('names that live elsewhere say where', async (t) => {
  for (const [name, message] of [
    ['reg0', /reg0 is scratch space while a packet goes through the OpenFlow tables/],
    ['xxreg3', /xxreg3 is scratch space/],
    ['conj_id', /conj_id is scratch space/],
    ['tun_metadata0', /tun_metadata0 is a name that an OpenFlow controller gives to a geneve option/],
    ['cookie', /cookie is of OpenFlow rules, .*: ovs-ofctl dump-flows shows it/],
    ['n_packets', /n_packets is of OpenFlow rules, .*; a megaflow's own count is packets/],
    ['n_bytes', /count is bytes/],
    ['idle_age', /the time since a megaflow's last packet is used/],
    ['ofp_port', /ofp_port is the number OpenFlow gives a port of one bridge/],
    ['ifindex', /ifindex is the kernel's number of a network device/],
    ['vm', /vm is in the external_ids of OVSDB/],
    ['no_hw_reason', /no_hw_reason is not said by any source/],
    ['tunnel', /tunnel is a key with parts, as dump-flows prints it/],
  ] as const) {
    check(t, 'QUERY_NAME', `${WHERE}‹${name}› = 1`, message);
    check(t, 'QUERY_NAME', `${WHERE}‹${name}›`, message);
    check(t, 'QUERY_NAME', `dp_flows | count by ‹${name}›`, message);
  }
});

t.test('pasted lines', async (t) => {
  check(t, 'QUERY_NAME', `${WHERE}‹cover›(nw_dst=10.0.0.1)`, /dump-flows prints no key called "cover"/, ['covers']);
  check(t, 'QUERY_NAME', `${WHERE}‹wonderful›(3)`, /no key called "wonderful"; the keys are skb_priority, /);
  check(t, 'QUERY_NAME', `${WHERE}tcp_flags(+syn-‹akc›)`, /tcp_flags has the flags fin, .*; received "akc"/);
  check(t, 'QUERY_TYPE', `${WHERE}ipv4(src=‹10.0.0.999›)`, /nw_src is compared with an IPv4 address/);
  check(t, 'QUERY_TYPE', `${WHERE}vlan(vid=‹5000›,pcp=0)`, /vlan_tci has 12 bits: expected 0\.\.4095/);
  check(t, 'QUERY_TYPE', `${WHERE}covers(in_port(br-int),in_port(‹veth-db›))`, /no packet is like that/);
  t.match(errorOf('ports | where in_port(1)', PORTS), {
    code: 'QUERY_TYPE',
    message: /a pasted flow is a condition on megaflows \(dp_flows\), and this is ports/,
  });
});

t.test("names of the user's", async (t) => {
  check(t, 'QUERY_TYPE', `${WHERE}‹servers›`, /servers is a set of values \(own:2\), not a condition: write FIELD in/);
  check(t, 'QUERY_TYPE', `${WHERE}nw_dst < ‹servers›`, /< takes one value, and this name stands for 2: use in/);
  check(t, 'QUERY_NAME', `${WHERE}‹mark›`, /mark is a name of own:3, and dp_flows has a field or word of that name/);
  check(t, 'QUERY_TYPE', `${WHERE}tp_dst in ‹servers›`, /received an IPv4 address, "10.0.0.1" \(in servers, own:2\)/);
  for (const [text, message] of [
    ['web = tcp', /^own:1: expected let NAME = CONDITION/],
    ['let web = ', /^own:1: expected .*received the end/],
    ['let a = b\nlet b = a', /^own:1: a is made of itself: a -> b -> a/],
    ['let a = tcp\nlet a = udp', /^own:2: a is there already, in line 1/],
    [`#${'x'.repeat(1 << 20)}`, /^own:1: a file of names has at most 1048576 characters/],
  ] as const)
    t.match(
      caught(text.slice(0, 40), () => parseNames(text, 'own')),
      { message },
    );
});

t.test('what other tables do not have', async (t) => {
  t.match(errorOf('ports | where does ct', PORTS), {
    message: /ports has no actions: this is a condition on megaflows/,
  });
  t.match(errorOf('ports | where nmae = a', PORTS), { message: /did you mean name/ });
  t.match(errorOf('of_rules | where sets cookie', OF_RULES), {
    code: 'QUERY_TYPE',
    message: /sets is for fields that a rule matches; cookie is not one/,
  });
  t.match(errorOf('ct | where orig.src within 10.0.0.0/33', CT), {
    code: 'QUERY_TYPE',
    message: /a prefix of an IPv4 address has 0 to 32 bits, received \/33/,
  });
  check(
    t,
    'QUERY_TYPE',
    'dp_flows | where tcp | ‹changes since 5s›',
    /changes since comes first: dp_flows \| changes since \.\.\. \| where/,
  );
});

t.test('aggregates', async (t) => {
  const type = (marked: string, message: RegExp): void => check(t, 'QUERY_TYPE', marked, message);
  type('dp_flows | sum(‹nw_src›)', /sum takes numbers and durations, and nw_src is none; count distinct nw_src says/);
  type('dp_flows | min(‹in_port›) by hw', /min takes numbers, durations and addresses, and in_port is none/);
  type('dp_flows | max(‹age›)', /max takes columns that a row itself has, and age is derived from others; count dist/);
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
  const error = caught('hw | count', () => questionOfCondition('dp_flows', 'hw | count'));
  t.match(error, {
    code: 'QUERY_SYNTAX',
    message:
      /^this is a condition, and \| begins a stage: ask query \(or watch, live\) 'dp_flows \| where CONDITION \| STAGE'\n/,
    details: { offset: 3 },
  });
});

t.test('every place that makes an error about a question has a case in this file', async (t) => {
  const sites = diagnosticSites();
  t.ok(sites.length > 70, `${sites.length} places`);
  const hit = new Set(said.map((error) => siteOf(error, sites)));
  for (const site of sites) t.ok(hit.has(site), `${site.file}:${site.from}: ${site.text}`);
  t.notOk(hit.has(undefined), 'and every error comes from one of them');
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
  // CPU time: other tests may have the machine.
  const begin = process.cpuUsage();
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
  t.ok(process.cpuUsage(begin).user < 60_000_000, 'no question takes long');
});
