#!/usr/bin/env node
/** The executable `ctinspectord`: the supervisor, or with --part one of the parts that it starts. */
import { main } from './main.js';

await main(process.argv.slice(2));
