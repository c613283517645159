/** Events of the switch that are not rows: ports (told by ovsdb-server), and how hard packets press on the slow path (asked for once a second). */
import { setTimeout as sleep } from 'node:timers/promises';
import { CtiError } from '../../errors.js';
import { EVENT_KIND, type EventSource } from '../events.js';
import type { InterfaceChange, OvsdbPorts } from './ovsdb.js';
import type { SwitchCalls } from './switch-calls.js';
import { parseUpcalls, type UpcallFacts } from './switch-texts.js';

const PATIENCE_MS = 30_000;
const PRESSURE_INTERVAL_MS = 1_000;

/** What a change amounts to, in order. */
export function kindsOf({ before, after }: InterfaceChange): number[] {
  if (before && !after) return [EVENT_KIND.portRemoved];
  if (!after) return [];
  const kinds: number[] = before ? [] : [EVENT_KIND.portAdded];
  if (after.isUp !== (before?.isUp ?? false)) kinds.push(after.isUp ? EVENT_KIND.portUp : EVENT_KIND.portDown);
  return kinds;
}

export const portChanged = (ports: OvsdbPorts): EventSource => ({
  usage: 'port_changed([NAME])',
  doc: 'A port was added or removed, or its link went up or down, as ovsdb-server tells it; of all ports, or of one. name: the port; values: its OpenFlow number (all ones: none yet).',
  start: (args, sink, signal) =>
    ports.listen(
      {
        changed: (change) => {
          const port = change.after ?? change.before;
          if (!port || (args !== '' && port.name !== args)) return;
          const values = [BigInt.asUintN(64, BigInt(port.ofport))];
          for (const kind of kindsOf(change)) sink.push({ kind, name: port.name, values });
        },
        fail: (error) => sink.fail(error),
      },
      signal,
    ),
});

export const upcallFacts = (calls: SwitchCalls): Promise<UpcallFacts> =>
  calls.shared(['dpctl/show', 'upcall/show'], (show = '', upcall = '') => parseUpcalls(show, upcall));

export function parsePressure(args: string): { lost: bigint; percent: bigint } {
  const [, lost = '1', percent = '90'] = /^(?:(\d{1,18})\s*(?:,\s*(\d{1,3}))?)?$/.exec(args) ?? [undefined, '', ''];
  if (lost === '' || BigInt(lost) < 1n || Number(percent) < 1 || Number(percent) > 100) {
    throw new CtiError(
      'INVALID_ARGUMENT',
      `upcall_pressure: expected lost upcalls a second from 1 and a percentage of the flow limit, such as '1, 90', but received '${args}'`,
    );
  }
  return { lost: BigInt(lost), percent: BigInt(percent) };
}

/** Whether `now` is under pressure, `before` being a second older. */
export const isPressed = (
  before: UpcallFacts,
  now: UpcallFacts,
  { lost, percent }: { lost: bigint; percent: bigint },
): boolean => now.lost - before.lost >= lost || (now.flowLimit > 0n && 100n * now.flows >= percent * now.flowLimit);

export const upcallPressure = (calls: SwitchCalls): EventSource => ({
  usage: 'upcall_pressure([LOST [, PERCENT]])',
  doc: 'Pressure on the slow path began (on) or ended (off): at least LOST upcalls lost in a second (1), or as many flows as PERCENT of the flow limit (90). values: upcalls lost and missed lookups since the last look, flows, flow limit.',
  start: async (args, sink, signal) => {
    const bounds = parsePressure(args);
    let before = await upcallFacts(calls);
    const follow = async (): Promise<void> => {
      let readable = performance.now();
      let wasPressed = false;
      for (;;) {
        await sleep(PRESSURE_INTERVAL_MS, undefined, { signal }).catch(() => {});
        if (signal.aborted) return;
        try {
          const now = await upcallFacts(calls);
          readable = performance.now();
          const pressed = isPressed(before, now, bounds);
          if (pressed !== wasPressed) {
            sink.push({
              kind: pressed ? EVENT_KIND.pressureOn : EVENT_KIND.pressureOff,
              values: [now.lost - before.lost, now.missed - before.missed, now.flows, now.flowLimit].map((n) =>
                BigInt.asUintN(64, n),
              ),
            });
          }
          wasPressed = pressed;
          before = now;
        } catch (error) {
          if (error instanceof CtiError && performance.now() - readable <= PATIENCE_MS) continue;
          sink.fail(error instanceof CtiError ? error : new CtiError('INTERNAL', String(error), { cause: error }));
          return;
        }
      }
    };
    void follow();
  },
});
