import { GlobalRegistrator } from '@happy-dom/global-registrator';

// Imported before everything else: the testing library looks for a document when it is loaded.
GlobalRegistrator.register({ url: 'http://localhost/', width: 1200, height: 800 });
