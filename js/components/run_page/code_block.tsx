import { useSignal } from '@preact/signals';
import { useRef } from 'preact/hooks';
import { RequestError } from '../../connection/connection';
import { copyText } from '../../logic/clipboard';
import { insertCellBelow } from '../../logic/notebook_event';
import { Scroll } from './parts';

interface Props {
  code: string;
  /** What the code is, for screen readers. */
  label: string;
  /** Whether it is a whole cell, which can be inserted into the notebook. */
  isCell?: boolean;
}

/** Code with buttons that copy it, and that insert it into the notebook as a new cell. */
export function CodeBlock({ code, label, isCell = false }: Props) {
  const said = useSignal('');
  const block = useRef<HTMLDivElement>(null);
  const copy = async (done: string) => {
    try {
      await copyText(code);
      said.value = done;
    } catch (cause) {
      said.value = `Not copied: ${RequestError.of(cause).reply.message}`;
    }
  };
  const insert = () => {
    if (insertCellBelow(block.current!, code)) {
      said.value = 'Inserted below.';
    } else {
      void copy('Copied: paste it into a new cell.');
    }
  };
  return (
    <div class="nbt-code" ref={block}>
      <Scroll label={label}>
        <pre>{code}</pre>
      </Scroll>
      <span class="nbt-code-buttons">
        <span class="nbt-muted" role="status">
          {said.value}
        </span>
        {isCell && (
          <button type="button" class="nbt-button" onClick={insert}>
            Insert below
          </button>
        )}
        <button type="button" class="nbt-button" aria-label={`Copy: ${label}`} onClick={() => void copy('Copied.')}>
          Copy
        </button>
      </span>
    </div>
  );
}
