import type { Status } from '../../contract';

const GLYPHS: Record<Status, string> = { RUNNING: '●', SCHEDULED: '○', FINISHED: '✓', FAILED: '✕', KILLED: '■' };

/** The status of a run as a glyph and a word, so that it can be read without color. */
export function StatusBadge({ status }: { status: Status }) {
  return (
    <span class={`nbt-status nbt-status-${status.toLowerCase()}`} data-status={status}>
      <span class="nbt-status-glyph" aria-hidden="true">
        {GLYPHS[status] ?? '?'}
      </span>
      {status.toLowerCase()}
    </span>
  );
}

/** The glyph alone, if there is no room for the word. Screen readers get its name. */
export function StatusGlyph({ status }: { status: Status }) {
  return (
    <span class={`nbt-status nbt-status-${status.toLowerCase()}`}>
      <span class="nbt-status-glyph" role="img" aria-label={status.toLowerCase()}>
        {GLYPHS[status] ?? '?'}
      </span>
    </span>
  );
}
