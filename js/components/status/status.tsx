import type { Status } from '../../contract';

const GLYPHS: Record<Status, string> = { RUNNING: '●', SCHEDULED: '○', FINISHED: '✓', FAILED: '✕', KILLED: '■' };

/** A run's status: glyph and word, so that it does not depend on colour. */
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

/** The glyph alone, where there is no room for the word; its name is for who cannot see it. */
export function StatusGlyph({ status }: { status: Status }) {
  return (
    <span class={`nbt-status nbt-status-${status.toLowerCase()}`}>
      <span class="nbt-status-glyph" role="img" aria-label={status.toLowerCase()}>
        {GLYPHS[status] ?? '?'}
      </span>
    </span>
  );
}
