import type { FormHTMLAttributes } from 'preact';

/** A form that Enter sends. A browser does so by itself, but not in a cell of JupyterLab, where the key ends before. */
export function Form(props: Omit<FormHTMLAttributes<HTMLFormElement>, 'onKeyDown'>) {
  return (
    <form
      {...props}
      onKeyDown={(event) => {
        if (event.key !== 'Enter' || event.isComposing || !(event.target instanceof HTMLInputElement)) {
          return;
        }
        event.preventDefault();
        const button = event.currentTarget.querySelector<HTMLButtonElement>('[type="submit"]');
        if (!button?.disabled) {
          event.currentTarget.requestSubmit(button);
        }
      }}
    />
  );
}
