/**
 * Who runs next. Each task has a turn: a number that grows with what it used, the less the higher its priority, and the least runs next; so over time equal
 * priorities use equal fuel. What waited does not save up turns. Tasks of one lineage share one turn among them: to fork gains nothing.
 *
 * Windows stay where they are: each executor has a heap of its own tasks, and one heap has those without a window. An executor takes
 * another's task only if that is far behind, for a move costs an image.
 */
import { Heap } from './heap.js';

export interface Queued<Home> {
  /** Grows; see above. */
  turn: number;
  /** Where its window is. */
  readonly home: Home | undefined;
  /** Whether it is in the queue; an entry of a task that has left it is passed over. */
  isQueued: boolean;
}

export class ReadyQueue<Home, T extends Queued<Home>> {
  readonly #heaps = new Map<Home | undefined, Heap<T>>();
  #size = 0;
  /** Of the task that was taken last: where those start that come anew. */
  #now = 0;

  get size(): number {
    return this.#size;
  }

  /** Puts a task in that did not run lately: its turn is not before those that did. */
  wake(task: T): void {
    task.turn = Math.max(task.turn, this.#now);
    this.push(task);
  }

  /** Puts a task in that ran till now. */
  push(task: T): void {
    if (task.isQueued) return;
    task.isQueued = true;
    this.#size++;
    let heap = this.#heaps.get(task.home);
    if (!heap) {
      heap = new Heap();
      this.#heaps.set(task.home, heap);
    }
    heap.push(task.turn, task);
  }

  /** Takes a task out that will not run. */
  remove(task: T): void {
    if (!task.isQueued) return;
    task.isQueued = false;
    this.#size--;
  }

  #head(home: Home | undefined): T | undefined {
    const heap = this.#heaps.get(home);
    for (let next = heap?.peek(); heap && next; next = heap.peek()) {
      // A task can have left and come back with another turn or home: then this entry is not the one that counts.
      if (next.isQueued && next.home === home && next.turn === heap.leastKey) return next;
      heap.pop();
    }
    if (home !== undefined) this.#heaps.delete(home);
    return undefined;
  }

  /**
   * The next task for an executor. One of another executor's only if it is more than `lag` behind, or there is no other.
   */
  take(home: Home, lag: number): T | undefined {
    let best = this.#head(home);
    const cold = this.#head(undefined);
    if (cold && (!best || cold.turn < best.turn)) best = cold;
    for (const other of this.#heaps.keys()) {
      if (other === undefined || other === home) continue;
      const far = this.#head(other);
      if (far && (!best || far.turn + lag < best.turn)) best = far;
    }
    if (!best) return undefined;
    this.#heaps.get(best.home)?.pop();
    best.isQueued = false;
    this.#size--;
    this.#now = Math.max(this.#now, best.turn);
    return best;
  }
}
