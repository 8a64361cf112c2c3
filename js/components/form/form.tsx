import type { FormHTMLAttributes } from 'preact';

/** A form that is submitted by Enter. Browsers do this by default, but JupyterLab stops the key before it arrives. */
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
