// Documents: reading the project's Markdown, so that tests can hold what it says equal to the code.
import { readFileSync, readdirSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';

export const ROOT = resolve(import.meta.dirname, '../..');

/** The text of a file, by its path from the root of the repository. */
export function readText(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8');
}

/** Every document that these tests hold: the ones at the root and all of docs/. README.md has readers of its own. */
export function documentPaths(): string[] {
  const inDocs = readdirSync(join(ROOT, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.md'))
    .map((path) => relative(ROOT, join(ROOT, 'docs', path)));
  return ['CHANGELOG.md', 'CONTRIBUTING.md', 'SECURITY.md', ...inDocs].sort();
}

/** One row of a Markdown table, by the names of its columns. */
export type Row = Readonly<Record<string, string>>;

function cellsOf(line: string): string[] {
  return line
    .trim()
    .slice(1, -1)
    .split(/(?<!\\)\|/u)
    .map((cell) => cell.trim().replaceAll('\\|', '|'));
}

/** The rows of the first table whose header begins with these columns. Throws when there is none. */
export function readTable(markdown: string, columns: readonly string[]): Row[] {
  const lines = markdown.split('\n');
  const start = lines.findIndex(
    (line) => line.startsWith('|') && columns.every((column, index) => cellsOf(line)[index] === column),
  );
  if (start < 0) throw new Error(`no table with the columns ${columns.join(', ')}`);
  const names = cellsOf(lines[start] ?? '');
  const rows: Row[] = [];
  for (const line of lines.slice(start + 2)) {
    if (!line.startsWith('|')) break;
    const cells = cellsOf(line);
    rows.push(Object.fromEntries(names.map((name, index) => [name, cells[index] ?? ''])));
  }
  return rows;
}

/** The content of fenced blocks in this language. */
export function readFences(markdown: string, language: string): string[] {
  const fences = markdown.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\`$`, 'gmu'));
  return [...fences].map((fence) => fence[1] ?? '');
}

/** Text without the backticks of code. */
export function plain(cell: string): string {
  return cell.replaceAll('`', '');
}
