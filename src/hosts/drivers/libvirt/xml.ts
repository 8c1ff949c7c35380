// A small strict XML reader: elements, attributes, text, the five entities; no document types. Enough for what libvirt writes.
import { OperationalError } from '../../../shared/errors.js';

export interface XmlElement {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly children: readonly XmlElement[];
  /** The text directly inside, joined and trimmed. */
  readonly text: string;
}

interface Open {
  readonly name: string;
  readonly attributes: Record<string, string>;
  readonly children: XmlElement[];
  text: string;
}

/** Deeper than any definition; a bound so that nonsense ends in an error. */
const MAX_DEPTH = 100;

const TOKEN = /<!--[\s\S]*?-->|<!\[CDATA\[([\s\S]*?)\]\]>|<\?[\s\S]*?\?>|<\/([^\s>]+)\s*>|<([A-Za-z_][^\s/>]*)((?:\s+[^\s=/>]+\s*=\s*(?:"[^"<]*"|'[^'<]*'))*)\s*(\/?)>|([^<]+)/y;
const ATTRIBUTE = /([^\s=]+)\s*=\s*(?:"([^"]*)"|'([^']*)')/g;

export function parseXml(source: string): XmlElement {
  const top: Open = { name: '', attributes: {}, children: [], text: '' };
  const stack: Open[] = [top];
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < source.length) {
    const at = TOKEN.lastIndex;
    const match = TOKEN.exec(source);
    if (!match) throw malformed(source, at);
    step(stack, match, source, at);
  }
  const root = top.children[0];
  if (stack.length !== 1 || !root || top.children.length !== 1 || top.text.trim() !== '') throw malformed(source, source.length);
  return root;
}

function step(stack: Open[], match: RegExpExecArray, source: string, at: number): void {
  const [, cdata, closing, opening, attributes, selfClosing, text] = match;
  const current = stack.at(-1);
  if (!current) throw malformed(source, at);
  if (cdata !== undefined) current.text += cdata;
  else if (text !== undefined) current.text += unescape(text, source, at);
  else if (closing !== undefined) {
    if (stack.length < 2 || current.name !== closing) throw malformed(source, at);
    stack.pop();
    stack.at(-1)?.children.push(finish(current));
  } else if (opening !== undefined) {
    if (stack.length > MAX_DEPTH) throw malformed(source, at);
    const element: Open = { name: opening, attributes: readAttributes(attributes ?? '', source, at), children: [], text: '' };
    if (selfClosing) current.children.push(finish(element));
    else stack.push(element);
  }
}

function readAttributes(text: string, source: string, at: number): Record<string, string> {
  const attributes: Record<string, string> = Object.create(null) as Record<string, string>;
  for (const [, name, double, single] of text.matchAll(ATTRIBUTE)) {
    if (name === undefined || name in attributes) throw malformed(source, at);
    attributes[name] = unescape(double ?? single ?? '', source, at);
  }
  return attributes;
}

const finish = ({ name, attributes, children, text }: Open): XmlElement => ({ name, attributes, children, text: text.trim() });

const NAMED: Readonly<Record<string, string>> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" };

function unescape(text: string, source: string, at: number): string {
  return text.replace(/&([^;&]*);?/g, (whole, entity: string) => {
    const known = NAMED[entity];
    if (known !== undefined && whole.endsWith(';')) return known;
    const number = /^#(?:x([0-9a-fA-F]+)|([0-9]+))$/.exec(entity);
    const code = number ? parseInt(number[1] ?? number[2] ?? '', number[1] ? 16 : 10) : NaN;
    if (!(code > 0 && code <= 0x10ffff) || !whole.endsWith(';')) throw malformed(source, at);
    return String.fromCodePoint(code);
  });
}

function malformed(source: string, at: number): OperationalError {
  const line = source.slice(0, at).split('\n').length;
  return new OperationalError('failed', `malformed XML in line ${line}, at "${source.slice(at, at + 30).replaceAll('\n', ' ')}"`);
}

/** All elements below `element` along a path of names: `all(domain, 'devices/disk')`. */
export function all(element: XmlElement, path: string): readonly XmlElement[] {
  return path.split('/').reduce<readonly XmlElement[]>((found, name) => found.flatMap(({ children }) => children.filter((child) => child.name === name)), [element]);
}

/** The first of them. */
export function first(element: XmlElement, path: string): XmlElement | undefined {
  return all(element, path)[0];
}

export function escapeXml(text: string): string {
  if (/[\u0000-\u0008\u000b\u000c\u000e-\u001f]/.test(text)) throw new RangeError('XML cannot hold control characters');
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;').replaceAll("'", '&apos;');
}
