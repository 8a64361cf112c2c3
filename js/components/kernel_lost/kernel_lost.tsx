import type { ReadonlySignal } from '@preact/signals';
import { untracked, useSignal } from '@preact/signals';
import type { ComponentChild } from 'preact';
import { useMemo } from 'preact/hooks';

interface Props {
  /** Whether the kernel that has this view is gone. */
  lost: ReadonlySignal<boolean>;
  /** Ask the kernel whether it still has this view. Resolves to false if it does not answer soon. */
  reconnect: () => Promise<boolean>;
  /** Return the screen with the data that it was opened with. */
  saved: () => ComponentChild;
  children: ComponentChild;
}

/** A live screen. If its kernel is gone, it says so above the screen, with what the user can do. */
export function KernelLost({ lost, reconnect, saved, children }: Props) {
  const isSaved = useSignal(false);
  if (!lost.value) {
    isSaved.value = false;
  }
  return (
    <>
      {lost.value && (
        <Banner reconnect={reconnect} isSaved={isSaved.value} toggle={() => (isSaved.value = !isSaved.value)} />
      )}
      {isSaved.value ? <Saved key="saved" screen={saved} /> : <div key="live">{children}</div>}
    </>
  );
}

/** The screen of the saved data. It is created once, whatever changes in it. */
function Saved({ screen }: { screen: () => ComponentChild }) {
  return <div>{useMemo(() => untracked(screen), [])}</div>;
}

interface BannerProps {
  reconnect: () => Promise<boolean>;
  isSaved: boolean;
  toggle: () => void;
}

function Banner({ reconnect, isSaved, toggle }: BannerProps) {
  const state = useSignal<'lost' | 'asking' | 'gone'>('lost');
  const ask = async () => {
    if (state.value !== 'asking') {
      state.value = 'asking';
      state.value = (await reconnect()) ? 'lost' : 'gone';
    }
  };
  return (
    <div class="nbt-kernel-lost" role="alert">
      <span class="nbt-kernel-lost-text">
        {state.value === 'gone'
          ? 'The kernel does not have this view any more. Run the cell again to create it anew.'
          : 'The kernel has stopped or was restarted, so this view gets no new data. Run the cell again.'}
      </span>
      <button type="button" class="nbt-button" aria-disabled={state.value === 'asking'} onClick={() => void ask()}>
        {state.value === 'asking' ? 'Connecting…' : 'Reconnect'}
      </button>
      <button type="button" class="nbt-button" onClick={toggle}>
        {isSaved ? 'Show the last view' : 'Show the data it was opened with'}
      </button>
    </div>
  );
}
