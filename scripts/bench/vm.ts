// The packet VM: images, then the scheduler over them.
import type { Bench } from './bench.js';
import { bench as image } from './vm-image.js';
import { bench as scheduler } from './vm-scheduler.js';

export const bench: Bench = async (report) => {
  await image(report);
  await scheduler(report);
};
