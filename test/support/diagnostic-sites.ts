/**
 * Every place in lib/compiler that makes an error about a question, from the code itself: calls of questionError, and of the
 * helpers that do nothing but call it. And which of them an error came from, from its stack.
 */
import { readdirSync, readFileSync } from 'node:fs';
import ts from 'typescript';

const DIR = new URL('../../lib/compiler/', import.meta.url);
/** Helpers: who calls one makes the error. */
const MAKERS = new Set(['questionError', 'fail', 'failAt']);

export interface Site {
  readonly file: string;
  /** From 1, of the call. */
  readonly from: number;
  readonly to: number;
  readonly text: string;
}

const calledName = ({ expression }: ts.CallExpression): string =>
  ts.isPropertyAccessExpression(expression) ? expression.name.text : expression.getText();

/** The function a node is in, where it has a name. */
function enclosing(node: ts.Node): string | undefined {
  for (let at = node.parent; at; at = at.parent) {
    if ((ts.isMethodDeclaration(at) || ts.isFunctionDeclaration(at)) && at.name) return at.name.getText();
    if (ts.isArrowFunction(at) && ts.isVariableDeclaration(at.parent)) return at.parent.name.getText();
  }
  return undefined;
}

export function diagnosticSites(): Site[] {
  const sites: Site[] = [];
  for (const file of readdirSync(DIR).filter((name) => name.endsWith('.ts'))) {
    const source = ts.createSourceFile(file, readFileSync(new URL(file, DIR), 'utf8'), ts.ScriptTarget.Latest, true);
    const visit = (node: ts.Node): void => {
      if (ts.isCallExpression(node) && MAKERS.has(calledName(node)) && !MAKERS.has(enclosing(node) ?? '')) {
        const line = (at: number): number => source.getLineAndCharacterOfPosition(at).line + 1;
        sites.push({
          file,
          from: line(node.getStart()),
          to: line(node.getEnd()),
          text: node.getText().replace(/\s+/g, ' '),
        });
      }
      ts.forEachChild(node, visit);
    };
    visit(source);
  }
  return sites;
}

/** The site that made the error: the first frame below the helpers. */
export function siteOf(error: Error, sites: readonly Site[]): Site | undefined {
  for (const frame of (error.stack ?? '').split('\n')) {
    const place = /lib\/compiler\/([a-z-]+\.ts):([0-9]+):[0-9]+\)?$/.exec(frame);
    if (!place || /\b(questionError|fail|failAt)\b \(/.test(frame) || /\.(fail) \(/.test(frame)) continue;
    const [, file, line] = place;
    return sites.find((site) => site.file === file && Number(line) >= site.from && Number(line) <= site.to);
  }
  return undefined;
}
