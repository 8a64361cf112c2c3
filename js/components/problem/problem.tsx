import type { ErrorReply } from '../../contract';

/** An error, with a button that tries again if that can help. */
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
