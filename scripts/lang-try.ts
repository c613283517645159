import { readDpFlowsFile } from '/work/wt/lang/lib/sources/dp-flows.js';
import { runQuestion } from '/work/wt/lang/lib/query/run.js';
const s = await readDpFlowsFile('/work/wt/lang/test/fixtures/dumps/pipeline-more.txt');
for (const q of process.argv.slice(2)) { try { const r = await runQuestion(q, s); console.log(q, JSON.stringify(r.answer, (k,v)=>typeof v==='bigint'?String(v):v).slice(0,900), JSON.stringify(r.facts,(k,v)=>typeof v==='bigint'?String(v):v)); } catch (e) { console.log(q, (e as Error).message) } }
