/** Words of a daemon's command as its row says: by place, by name=value, and the rest. */
import { CtiError } from '../errors.js';
import { type DaemonRow, type ParamRow, usageOf } from './daemon-rows.js';
import { parseSize, parseTime } from './numbers.js';

/** By parameter's name. */
export type CommandArgs = Readonly<Record<string, string>>;

function refuse(row: DaemonRow, why: string): CtiError {
  return new CtiError('INVALID_ARGUMENT', `${row.name}: ${why}; usage: ${`${row.name} ${usageOf(row)}`.trim()}`);
}

function check(row: DaemonRow, param: ParamRow, value: string): void {
  if (value === '') throw refuse(row, `${param.name} is empty`);
  if (param.values && !param.values.includes(value))
    throw refuse(row, `${param.name}: expected one of ${param.values.join(', ')}, received '${value}'`);
  const [least, most] = param.range ?? [];
  if (least !== undefined && !(/^(0|[1-9]\d{0,15})$/.test(value) && Number(value) >= least && Number(value) <= most!))
    throw refuse(row, `${param.name}: expected a whole number from ${least} to ${most}, received '${value}'`);
  if (param.kind === 'count' && !/^[1-9]\d{0,15}$/.test(value))
    throw refuse(row, `${param.name}: expected a whole number from 1, received '${value}'`);
  if (param.kind === 'size') parseSize(`${row.name}: ${param.name}`, value);
  if (param.kind === 'seconds' && !/^0+(\.0+)?(ms|s|m|h)?$/.test(value)) parseTime(`${row.name}: ${param.name}`, value);
}

/** Throws CtiError INVALID_ARGUMENT with the command's usage. */
export function parseArgs(row: DaemonRow, words: readonly string[]): CommandArgs {
  const found: Record<string, string> = {};
  const rest = row.params.find((param) => param.rest);
  const byPlace = row.params.filter((param) => !param.isKey && !param.rest);
  const left: string[] = [];
  for (const word of words) {
    const [, name = '', value = ''] = /^([a-z][a-z-]*)=([\s\S]*)$/.exec(word) ?? [];
    const key = row.params.find((param) => param.isKey && param.name === name);
    // Behind the first word of a question all belongs to it.
    if (key && !(rest && left.length > byPlace.length)) {
      if (Object.hasOwn(found, name)) throw refuse(row, `${name} is given twice`);
      check(row, key, value);
      found[name] = value;
    } else left.push(word);
  }
  for (const param of byPlace) {
    const value = left.shift();
    if (value === undefined && param.required) throw refuse(row, `${param.name} is missing`);
    if (value === undefined) continue;
    check(row, param, value);
    found[param.name] = value;
  }
  if (left.length > 0 && !rest) throw refuse(row, `'${left[0]}' is one argument too many`);
  if (rest && left.length > 0) found[rest.name] = left.join(' ');
  if (rest?.required && found[rest.name] === undefined) throw refuse(row, `${rest.name} is missing`);
  return found;
}

export const countArg = (value: string | undefined, fallback: number): number =>
  value === undefined ? fallback : Number(value);

/** Milliseconds. */
export const timeArg = (value: string | undefined, fallback: number): number =>
  value === undefined ? fallback : /^0+(\.0+)?(ms|s|m|h)?$/.test(value) ? 0 : Number(parseTime('time', value)) / 1e6;
