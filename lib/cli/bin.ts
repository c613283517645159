#!/usr/bin/env node
/** The executable; main.ts can be imported without running. */
import { main } from './main.js';

await main();
