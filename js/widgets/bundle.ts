import type { RenderProps } from '@anywidget/types';
import type { WidgetState } from '../connection/kernel';
import * as screens from '../screens';
import type { Screen } from '../screens/screen';
import { widget } from './host';

/** The anywidget module with the code of all screens, for pages that refuse the loader's chunks. */
export default {
  render(props: RenderProps<WidgetState>) {
    const screen = (screens as Record<string, unknown>)[props.model.get('_snapshot').view];
    return widget(screen as Screen<object>).render(props);
  },
};
