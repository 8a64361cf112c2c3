import { type ComponentType, Fragment, type FunctionComponent } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { RequestError } from '../../connection/connection';
import type { ErrorReply } from '../../contract';
import { Problem } from '../problem/problem';

/**
 * Return a component whose code is loaded when it is first shown: `lazy('the form', () => import('./form').then(…))`.
 *
 * `what` names it in the sentences that are shown while its code is loading, or if that fails.
 */
export function lazy<Props extends object>(
  what: string,
  load: () => Promise<ComponentType<Props>>,
): FunctionComponent<Props> {
  // The code, not the state of an instance, so that all widgets on the page can share it.
  let Loaded: ComponentType<Props> | undefined;
  return function Lazy(props: Props) {
    const [, redraw] = useState(0);
    const [error, setError] = useState<ErrorReply | null>(null);
    const [attempt, setAttempt] = useState(0);
    useEffect(() => {
      if (Loaded) {
        return;
      }
      let shown = true;
      load().then(
        (component) => {
          Loaded = component;
          if (shown) {
            redraw((count) => count + 1);
          }
        },
        (cause) => shown && setError(RequestError.of(cause).reply),
      );
      return () => {
        shown = false;
      };
    }, [attempt]);
    if (Loaded) {
      return <Loaded {...props} />;
    }
    const retry = () => {
      setError(null);
      setAttempt(attempt + 1);
    };
    return (
      <Fragment>
        {!error && (
          <p class="nbt-empty nbt-lazy" role="status">
            Loading {what}…
          </p>
        )}
        <Problem error={error} retry={retry} />
      </Fragment>
    );
  };
}
