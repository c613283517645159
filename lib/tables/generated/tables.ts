// Generated from schema/ by `npm run generate`. Do not edit.
import type { TableSchema } from '../../table-schema.js';
import { DP_FLOWS } from './dp-flows.js';
import { CT } from './ct.js';
import { OF_RULES } from './of-rules.js';
import { PMDS } from './pmds.js';
import { PORTS } from './ports.js';

export const TABLES: readonly TableSchema[] = [DP_FLOWS, CT, OF_RULES, PMDS, PORTS];
