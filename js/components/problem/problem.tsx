import type { ErrorReply } from '../../contract';

/** An error that the screen shows in place, with a way to try again where one helps. */
export function Problem({ error, retry }: { error: ErrorReply | null; retry?: () => void }) {
  return (
    <div class="nbt-problem-area" role="alert">
      {error && (
        <div class="nbt-problem">
          <span class="nbt-problem-text">{error.message}</span>
          {retry && (
            <button type="button" class="nbt-button nbt-retry" onClick={retry}>
              Try again
            </button>
          )}
        </div>
      )}
    </div>
  );
}
