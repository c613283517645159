// For `node --import`: TypeScript is loaded by tsx in every thread. `--import tsx` does so in the main thread alone, and the scheduler's workers are
// threads. What a file becomes is kept between runs.
import { register } from 'tsx/esm/api';

register();
