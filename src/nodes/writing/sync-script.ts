// Sync script: a plan as ONE script of POSIX sh, the same for the agent and over ssh. Killed anywhere, every file is old or new, and whole.
//
// Order: check that all is as planned; build every new file beside, on the disk; write the note, which from now on says that a change is
// under way; keep the old bytes beside; rename; delete; tell CRI-O; verify; rewrite the note: the change holds; clear away. Until the last
// note any failure goes back. A later run finds the note of a killed one and goes on: it knows what was there, and that CRI-O must be told.
import { encodeBase64 } from '../../domain/base64.ts';
import type { FileWrite } from './file-plan.ts';
import type { NodeLayout } from '../node-file.ts';
import { newBeside, oldBeside } from './note-path.ts';
import { quoteForShell as q } from '../shell-quote.ts';
import { SYNC_FUNCTIONS } from './sync-functions.ts';
import { call, step } from './sync-lines.ts';
import { checks, opening } from './sync-opening.ts';
import { stepsOf, type NoteText, type SyncPlan } from './sync-plan.ts';
import type { FileStep } from './sync-steps.ts';

export interface SyncScriptOptions {
  readonly layout: NodeLayout;
  /** `/proc`; tests narrow it to processes of theirs. */
  readonly processFolder: string;
}

function stageFile(write: FileWrite, beside: string): string {
  const owner = write.owner === undefined ? '' : `${write.owner.uid}:${write.owner.gid}`;
  const mode = write.mode.toString(8).padStart(4, '0');
  return call('run stage', beside, mode, owner, write.sha256, encodeBase64(write.content));
}

const NOTES = ['Before', 'During', 'After', 'Last'] as const;
type NoteName = (typeof NOTES)[number];

function noteBeside(plan: SyncPlan, name: NoteName): string {
  return newBeside(`${plan.notePath}.${name.toLowerCase()}`);
}

function noteOf(plan: SyncPlan, name: NoteName): NoteText | undefined {
  return plan[`note${name}`];
}

/** All notes are on the disk before anything changes: a full disk cannot keep a run from ending. */
function stageNotes(plan: SyncPlan): readonly string[] {
  return NOTES.flatMap((name) => {
    const note = noteOf(plan, name);
    if (note === undefined) return [];
    return [call('run stage', noteBeside(plan, name), '0600', '', note.sha256, encodeBase64(note.text))];
  });
}

/** The note's next text, or its end. */
function writeNote(plan: SyncPlan, name: NoteName): string {
  if (noteOf(plan, name) === undefined) return call('drop', plan.notePath);
  return call('put', noteBeside(plan, name), plan.notePath);
}

function stageFolders(plan: SyncPlan): readonly string[] {
  return plan.newFolders.flatMap(({ path, beside, folders, files }) => {
    const at = (inner: string): string => `${beside}${inner.slice(path.length)}`;
    return step(
      `build ${path}`,
      ...folders.map((inner) => call('run mkdir -m 755', at(inner))),
      ...files.map((file) => stageFile(file, at(file.path))),
      ...folders.map((inner) => call('run sync', at(inner))),
    );
  });
}

function staging(plan: SyncPlan): readonly string[] {
  return [
    'staging=yes',
    ...step(
      'clear away what a run that was killed left',
      ...plan.leftovers.map((path) => call('run rm -rf', path)),
    ),
    ...plan.writes.flatMap(({ path, write }) =>
      write === undefined ? [] : step(`write ${path}`, stageFile(write, newBeside(path))),
    ),
    ...stageFolders(plan),
    ...step(`write ${plan.notePath}`, ...stageNotes(plan), 'noted=yes'),
    // On the way back what a killed run has changed is taken back too.
    ...(plan.standing.length === 0 ? [] : ['changing=yes']),
    `run ${writeNote(plan, 'During')}`,
  ];
}

function renames(plan: SyncPlan): readonly string[] {
  return [
    ...plan.newFolders.flatMap(({ path, beside }, index) =>
      step(
        `place ${path}`,
        `run none ${q(path)}`,
        'changing=yes',
        `placed_${index}=yes`,
        call('run put_new', beside, path),
      ),
    ),
    ...plan.writes.flatMap(({ path, present }) => {
      const verb = present === undefined ? 'run put_new' : 'run put';
      const check = present === undefined ? call('run none', path) : call('run same', path, present);
      return step(`rename ${path}`, check, 'changing=yes', call(verb, newBeside(path), path));
    }),
  ];
}

function keeping(steps: readonly FileStep[]): readonly string[] {
  return steps.flatMap(({ path, way }) =>
    way === 'keep' ? step(`keep ${path}`, call('run keep', path, oldBeside(path))) : [],
  );
}

/** Deleting is a rename to the name of the kept bytes, unless bytes are kept there already. */
function deleting(steps: readonly FileStep[]): readonly string[] {
  return steps.flatMap(({ path, way, present }) => {
    if (present === undefined) return [];
    const verb = way === 'keep' ? call('run put', path, oldBeside(path)) : call('run drop', path);
    return step(`delete ${path}`, call('run same', path, present), 'changing=yes', verb);
  });
}

function deletingFolders(plan: SyncPlan): readonly string[] {
  return plan.oldFolders.flatMap(({ path, beside, files }) => {
    const names = files.map((file) => file.path.slice(path.length + 1));
    return step(
      `delete ${path}`,
      'changing=yes',
      call('run take_folder', path, beside, names.sort().join('\n')),
    );
  });
}

function verifying(plan: SyncPlan): readonly string[] {
  const written = [
    ...plan.writes.flatMap(({ write }) => write ?? []),
    ...plan.newFolders.flatMap(({ files }) => files),
  ];
  return step(
    'verify',
    ...written.map(({ path, sha256 }) => call('run same', path, sha256)),
    ...plan.deletes.map(({ path }) => call('run none', path)),
  );
}

/** The way back, configuration before the certificates that it names. Every line does nothing where its step was not reached. */
function wayBack(plan: SyncPlan): readonly string[] {
  const back = stepsOf(plan)
    .toReversed()
    .map(({ path, way, present, write }) => {
      if (way !== 'nothing') return call('undo put_back', oldBeside(path), path);
      return call('undo unput', path, write?.sha256 ?? '', present ?? '');
    });
  return [
    'back() {',
    ...plan.oldFolders.map(({ path, beside }) => call('undo put_folder_back', beside, path)),
    ...back,
    ...plan.newFolders.map(
      ({ path, beside }, index) =>
        `if [ -n "$placed_${index}" ] && none ${q(beside)}; then ${call('undo put_new', path, beside)}; fi`,
    ),
    'true',
    '}',
    `note_back() { ${writeNote(plan, 'Before')}; }`,
  ];
}

function unstaging(plan: SyncPlan): readonly string[] {
  const beside = [
    ...plan.writes.map(({ path }) => newBeside(path)),
    ...plan.newFolders.map((folder) => folder.beside),
    ...NOTES.map((name) => noteBeside(plan, name)),
  ];
  return [
    'unstage() {',
    ...beside.map((path) => call('rm -rf', path)),
    '}',
    `unmake() { [ -z "$made_base" ] || rmdir ${q(plan.base)}; }`,
  ];
}

/** From here the change holds: what cannot be cleared away now is cleared away by the next run. */
function clearing(plan: SyncPlan): readonly string[] {
  const old = stepsOf(plan)
    .filter(({ way }) => way !== 'nothing')
    .map(({ path }) => oldBeside(path));
  return [
    ...old.map((path) => call('rm -f', path)),
    ...plan.oldFolders.map(({ beside }) => call('rm -rf', beside)),
    ...plan.otherNotes.map(({ path }) => call('drop', path)),
    call('rm -rf', ...NOTES.filter((name) => name !== 'Last').map((name) => noteBeside(plan, name))),
    ...plan.emptied
      .filter((path) => path !== plan.base)
      .map((path) => `! folder ${q(path)} || rmdir ${q(path)}`),
    plan.noteLast?.sha256 === plan.noteAfter?.sha256
      ? call('rm -f', noteBeside(plan, 'Last'))
      : writeNote(plan, 'Last'),
    ...(plan.emptied.includes(plan.base) ? [`rmdir ${q(plan.base)}`] : [call('sync', plan.base)]),
  ];
}

/** The whole script. It prints one line `outcome NAME +REASON`; see `parseSyncOutcome`. */
export function printSyncScript(plan: SyncPlan, { layout, processFolder }: SyncScriptOptions): string {
  const lines = [
    'set -u',
    "trap '' HUP PIPE INT TERM",
    'umask 077',
    'export LC_ALL=C',
    `proc=${q(processFolder)}`,
    // What a killed run has told CRI-O must be told back.
    `step='' staging='' changing='' noted='' tried=${plan.owesReload ? 'yes' : "''"} told='' made_base=''`,
    ...plan.newFolders.map((_folder, index) => `placed_${index}=''`),
    SYNC_FUNCTIONS,
    ...wayBack(plan),
    ...unstaging(plan),
    // A CRI-O that is starting is waited for while nothing has changed yet.
    ...(plan.reload ? ['run awake'] : []),
    ...opening(plan),
    ...checks(plan, layout),
    ...staging(plan),
    ...keeping(plan.writes),
    ...renames(plan),
    ...deleting(plan.deletes),
    ...(plan.reload ? ['run reload'] : []),
    ...verifying(plan),
    ...deleting(plan.lateDeletes),
    ...deletingFolders(plan),
    ...step('end the change', `run ${writeNote(plan, 'After')}`),
    ...clearing(plan),
    'tell \'outcome applied\' "$told"',
    'exit 0',
  ];
  return `main() {\n${lines.join('\n')}\n}\nmain </dev/null\n`;
}
