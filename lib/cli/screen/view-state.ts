/** What keys change on a live screen: order, filter, pause, what is scrolled to; and the question that follows from it. */
import type { Key } from './keys.js';

export interface Order {
  readonly name: string;
  readonly descending: boolean;
}

export interface ViewState {
  readonly order: Order | undefined;
  /** A condition, as in a question; empty: none. */
  readonly filter: string;
  /** What is being typed; undefined: nothing is. */
  readonly typing: string | undefined;
  readonly isPaused: boolean;
  readonly showsHelp: boolean;
  readonly scroll: number;
}

/** `ask`: another question follows; `draw`: it looks otherwise; `none`: a key that means nothing here. */
export interface Pressed {
  readonly state: ViewState;
  readonly act: 'none' | 'draw' | 'ask' | 'quit' | 'suspend' | 'redraw';
}

export const firstState = (order: Order | undefined): ViewState => ({
  order,
  filter: '',
  typing: undefined,
  isPaused: false,
  showsHelp: false,
  scroll: 0,
});

/** Columns that rows can be ordered by, in the screen's order, and how many rows fit. */
export interface Shown {
  readonly orderable: readonly string[];
  readonly nRows: number;
  readonly room: number;
}

function typed(state: ViewState, key: Key): Pressed {
  const typing = state.typing ?? '';
  const draw = (text: string | undefined): Pressed => ({ state: { ...state, typing: text }, act: 'draw' });
  switch (key.kind) {
    case 'text':
      return draw(typing + key.text);
    case 'backspace':
      return draw([...typing].slice(0, -1).join(''));
    case 'clear-line':
      return draw('');
    case 'escape':
      return draw(undefined);
    case 'interrupt':
      return { state, act: 'quit' };
    case 'enter':
      return { state: { ...state, typing: undefined, filter: typing.trim(), scroll: 0 }, act: 'ask' };
    default:
      return { state, act: 'none' };
  }
}

function ordered(state: ViewState, { orderable }: Shown, step: number): Pressed {
  if (orderable.length === 0) return { state, act: 'none' };
  const at = state.order ? orderable.indexOf(state.order.name) : step > 0 ? -1 : 0;
  const name = orderable[(at + step + orderable.length) % orderable.length]!;
  return { state: { ...state, order: { name, descending: state.order?.descending ?? true }, scroll: 0 }, act: 'ask' };
}

export function press(state: ViewState, key: Key, shown: Shown): Pressed {
  if (state.typing !== undefined) return typed(state, key);
  const draw = (change: Partial<ViewState>): Pressed => ({ state: { ...state, ...change }, act: 'draw' });
  const last = Math.max(0, shown.nRows - shown.room);
  const scroll = (to: number): Pressed => draw({ scroll: Math.min(last, Math.max(0, to)) });
  if (state.showsHelp && key.kind !== 'interrupt' && !(key.kind === 'text' && key.text === 'q'))
    return draw({ showsHelp: false });
  switch (key.kind) {
    case 'interrupt':
      return { state, act: 'quit' };
    case 'suspend':
      return { state, act: 'suspend' };
    case 'redraw':
      return { state, act: 'redraw' };
    case 'up':
      return scroll(state.scroll - 1);
    case 'down':
      return scroll(state.scroll + 1);
    case 'page-up':
      return scroll(state.scroll - shown.room);
    case 'page-down':
      return scroll(state.scroll + shown.room);
    case 'home':
      return scroll(0);
    case 'end':
      return scroll(last);
    case 'left':
      return ordered(state, shown, -1);
    case 'right':
      return ordered(state, shown, 1);
    case 'text':
      break;
    default:
      return { state, act: 'none' };
  }
  switch (key.text) {
    case 'q':
      return { state, act: 'quit' };
    case 'p':
    case ' ':
      return draw({ isPaused: !state.isPaused });
    case '/':
      return draw({ typing: state.filter });
    case '<':
      return ordered(state, shown, -1);
    case '>':
      return ordered(state, shown, 1);
    case 'r': {
      if (!state.order) return { state, act: 'none' };
      const order = { ...state.order, descending: !state.order.descending };
      return { state: { ...state, order, scroll: 0 }, act: 'ask' };
    }
    case 'k':
      return scroll(state.scroll - 1);
    case 'j':
      return scroll(state.scroll + 1);
    case 'h':
    case '?':
      return draw({ showsHelp: true });
    default:
      return { state, act: 'none' };
  }
}
